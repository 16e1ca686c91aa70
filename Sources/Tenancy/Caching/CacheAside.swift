import Foundation
import Synchronization
import TenancyCore

/// Point reads through a cache that cannot serve what was overwritten.
///
/// A reader that finds nothing takes a lease, reads the database, and stores what it read only if the lease is still
/// its own. A writer removes value and lease and blocks the key before it commits, and does so again before it
/// acknowledges; so a reader that read before the commit can't store after it. A writer that dies leaves a block, which
/// ends by itself later than its commit could.
///
/// Writes by filter, and large ones, don't know their keys beforehand. Every stored record therefore carries the
/// generation of its tenant's entity, a random number under a key of its own, which such a write treats as a record: it
/// blocks and removes it, and the next reader makes a new one. `docs/caching.md` has the argument.
struct CacheAside: Sendable {
    let adapter: any CacheAdapter
    private let policy: SDKConfig.CachingPolicy
    private let counts = Counts()

    /// How often a record was found and not found, which the adapter can't tell from its own look-ups.
    private final class Counts: Sendable {
        let hits = Atomic(0)
        let misses = Atomic(0)
    }

    init(_ adapter: any CacheAdapter, _ policy: SDKConfig.CachingPolicy) {
        self.adapter = adapter
        self.policy = policy
    }

    /// What the cache did so far, hits and misses counted by records.
    var statistics: CacheStatistics {
        var statistics = adapter.statistics()
        statistics.hits = counts.hits.load(ordering: .relaxed)
        statistics.misses = counts.misses.load(ordering: .relaxed)
        return statistics
    }

    // MARK: Reading

    /// The records with those keys, from the cache as far as it has them.
    ///
    /// - Throws: What the database throws. A cache that fails is passed by.
    func read(
        _ entity: EntityDescription, _ keys: [Value], _ options: ReadOptions, in context: TenantContext,
        from runner: any StatementRunner
    ) async throws(TenancyError) -> any RowBatch {
        // A replica's answer may be older than a block that has ended, and must not be stored.
        var context = context
        context.consistency = .strong
        let lease = CacheToken.random()
        let cacheKeys = keys.map { Self.key(entity, $0) }
        var commands = [CacheCommand.lookUp(Self.generationKey(entity), lease: lease, leaseTime: policy.leaseTime)]
        for key in cacheKeys { commands.append(.lookUp(key, lease: lease, leaseTime: policy.leaseTime)) }
        guard let replies = await run(commands, context.tenant) else {
            try context.checkAlive()
            return try await runner.read(entity, keys: keys, in: context)
        }
        guard let generation = await generation(replies[0], entity, lease, context.tenant) else {
            counts.misses.add(keys.count, ordering: .relaxed)
            await release(zip(cacheKeys, replies.dropFirst()).compactMap { $1 == .leased ? $0 : nil }, context.tenant)
            return try await runner.read(entity, keys: keys, in: context)
        }
        var found: [RowView] = []
        var missing: [Missing] = []
        for position in keys.indices {
            let identity = CachedRow.Identity(context.tenant, cacheKeys[position], entity)
            var miss = Missing(key: keys[position], cacheKey: cacheKeys[position], identity: identity, fill: .none)
            switch replies[position + 1] {
            case .value(let bytes):
                if let cached = CachedRow(bytes, of: entity, identity: identity), cached.generation == generation {
                    if let row = cached.row { found.append(RowView(row, row: 0)) }
                    continue
                }
                // Of an older generation or another form: to be replaced, unless somebody else does so first.
                miss.fill = .replacing(bytes)
            case .leased: miss.fill = .leased
            default: break
            }
            missing.append(miss)
        }
        counts.hits.add(keys.count - missing.count, ordering: .relaxed)
        counts.misses.add(missing.count, ordering: .relaxed)
        if missing.isEmpty {
            return found.count == 1 ? found[0].batch : CollectedRows(found, columnCount: entity.fields.count)
        }
        let loaded: any RowBatch
        do throws(TenancyError) {
            loaded = try await runner.read(entity, keys: missing.map(\.key), in: context)
        } catch {
            await release(missing.compactMap { $0.isLeased ? $0.cacheKey : nil }, context.tenant)
            throw error
        }
        try await fill(missing, from: loaded, entity, generation, lease, options, context.tenant)
        if found.isEmpty { return loaded }
        for row in 0..<loaded.count { found.append(RowView(loaded, row: row)) }
        return CollectedRows(found, columnCount: entity.fields.count)
    }

    private struct Missing {
        enum Fill {
            case none, leased, replacing([UInt8])
        }
        let key: Value
        let cacheKey: CacheKey
        let identity: CachedRow.Identity
        var fill: Fill

        var isLeased: Bool { if case .leased = fill { true } else { false } }
    }

    private func fill(
        _ missing: [Missing], from loaded: any RowBatch, _ entity: EntityDescription, _ generation: CacheGeneration,
        _ lease: CacheToken, _ options: ReadOptions, _ tenant: TenantID
    ) async throws(TenancyError) {
        var rows: [Value: Int] = [:]
        for row in 0..<loaded.count {
            rows[try RowView(loaded, row: row).value(entity.keyColumn, as: entity.key.type)] = row
        }
        var commands: [CacheCommand] = []
        for miss in missing {
            let row = rows[miss.key].map { RowView(loaded, row: $0) }
            let life = varied(row == nil ? policy.absenceTimeToLive : options.cacheTimeToLive ?? policy.timeToLive)
            if case .none = miss.fill { continue }
            let bytes = try CachedRow.bytes(row, of: entity, identity: miss.identity, generation: generation)
            switch miss.fill {
            case .none: continue
            case .leased: commands.append(.fill(miss.cacheKey, lease: lease, bytes, timeToLive: life))
            case .replacing(let old):
                commands.append(.set(miss.cacheKey, bytes, timeToLive: life, condition: .ifEqual(old)))
            }
        }
        // A fill that fails costs the next reader a read of the database, and this one nothing.
        if !commands.isEmpty { _ = await run(commands, tenant) }
    }

    /// Gives leases back that won't be used, so that the next reader need not wait for their end to fill. Whatever else
    /// has come to stand under the key meanwhile is lost with them, which is safe.
    private func release(_ leased: [CacheKey], _ tenant: TenantID) async {
        if !leased.isEmpty { _ = await run(leased.map { .delete($0) }, tenant) }
    }

    /// The replies, one for each command; `nil` if the cache failed.
    private func run(_ commands: [CacheCommand], _ tenant: TenantID) async -> [CacheReply]? {
        guard let replies = try? await adapter.run(commands, for: tenant), replies.count == commands.count else {
            return nil
        }
        return replies
    }

    // MARK: Writing

    /// Removes what is to be changed and keeps readers from storing it until ``unblock(_:_:for:)``, or until a while
    /// after `deadline`, by which the write must have been committed or given up.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cacheUnavailable``; the write must not be made then, because
    ///   the cache may hold what it would replace.
    func block(
        _ changes: CacheChanges, token: CacheToken, until deadline: ContinuousClock.Instant, for tenant: TenantID
    ) async throws(TenancyError) {
        // Counted from before the command is sent: the cache may begin to count as soon as that.
        let life = max(policy.blockTime, ContinuousClock.now.duration(to: deadline) * 5 / 4)
        let commands = Self.keys(of: changes).map { CacheCommand.block($0, token: token, blockTime: life) }
        let failure: TenancyError.Code
        do throws(TenancyError) {
            let replies = try await adapter.run(commands, for: tenant)
            if replies.count == commands.count, replies.allSatisfy({ $0 == .done }) { return }
            failure = .backendFailure
        } catch {
            failure = error.code
        }
        throw TenancyError(
            .cacheUnavailable, "The cache could not be told of a write, which was not made.",
            details: .init(tenant: tenant, backendCode: failure.name))
    }

    /// Removes what was changed again and lets readers store. If it fails, the blocks end by themselves.
    func unblock(_ changes: CacheChanges, _ token: CacheToken, for tenant: TenantID) async {
        let commands = Self.keys(of: changes).map { CacheCommand.unblock($0, token: token) }
        if !commands.isEmpty { _ = await run(commands, tenant) }
    }

    /// Until when a write must have been committed or given up that is blocked from now on.
    var commitDeadline: ContinuousClock.Instant { .now.advanced(by: policy.blockTime * 4 / 5) }

    /// What a write changes.
    func changes(of entity: EntityDescription, keys: [Value]?) -> CacheChanges {
        CacheChanges(entity, keys: keys, bulkThreshold: policy.bulkThreshold)
    }

    /// Removes everything that is cached of a tenant.
    func flush(_ tenant: TenantID) async throws(TenancyError) { try await adapter.flush(tenant) }

    // MARK: Keys and generations

    /// The generation that a look-up found or that the caller now makes; `nil` while a writer blocks it.
    private func generation(
        _ reply: CacheReply, _ entity: EntityDescription, _ lease: CacheToken, _ tenant: TenantID
    ) async -> CacheGeneration? {
        let key = Self.generationKey(entity)
        let fresh = CacheGeneration.random()
        let store: CacheCommand
        switch reply {
        case .value(let bytes):
            if let generation = CacheGeneration(bytes) { return generation }
            store = .set(key, fresh.bytes, timeToLive: nil, condition: .ifEqual(bytes))
        case .leased: store = .fill(key, lease: lease, fresh.bytes, timeToLive: nil)
        default: return nil
        }
        return await run([store], tenant) == [.done] ? fresh : nil
    }

    private static func keys(of changes: CacheChanges) -> [CacheKey] {
        changes.entities.map(generationKey)
            + changes.keys.flatMap { entity, keys in keys.map { key(entity, $0) } }
    }

    // The keys don't tell an entity's form, although processes with an older and a newer one may run side by side while
    // an application is replaced: what one writes must invalidate what the other has stored.

    private static func generationKey(_ entity: EntityDescription) -> CacheKey { CacheKey("g:\(entity.name)") }

    private static func key(_ entity: EntityDescription, _ key: Value) -> CacheKey {
        switch key {
        case .int64(let value): CacheKey("r:\(entity.name):\(value)")
        case .uuid(let value): CacheKey("r:\(entity.name):\(value.uuidString)")
        case .string(let value): CacheKey("r:\(entity.name):\(value)")
        default: CacheKey("r:\(entity.name):")
        }
    }

    private func varied(_ life: Duration) -> Duration {
        policy.jitter == 0 ? life : life * Double.random(in: (1 - policy.jitter)...(1 + policy.jitter))
    }
}
