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
        let lease = CacheToken.random()
        var commands = [generationLookUp(entity, lease)]
        for key in keys { commands.append(.lookUp(Self.key(entity, key), lease: lease, leaseTime: policy.leaseTime)) }
        let replies: [CacheReply]
        do throws(TenancyError) {
            replies = try await adapter.run(commands, for: context.tenant)
        } catch {
            try context.checkAlive()
            return try await runner.read(entity, keys: keys, in: context)
        }
        guard let generation = await generation(replies[0], entity, lease, context.tenant) else {
            counts.misses.add(keys.count, ordering: .relaxed)
            return try await runner.read(entity, keys: keys, in: context)
        }
        var found: [RowView] = []
        var missing: [Missing] = []
        for (key, reply) in zip(keys, replies.dropFirst()) {
            switch reply {
            case .value(let bytes):
                if let cached = CachedRow(bytes, of: entity), cached.generation.elementsEqual(generation) {
                    if let row = cached.row { found.append(RowView(row, row: 0)) }
                } else {
                    // Of an older generation or another form: to be replaced, unless somebody else does so first.
                    missing.append(Missing(key: key, fill: .replacing(bytes)))
                }
            case .leased: missing.append(Missing(key: key, fill: .leased))
            default: missing.append(Missing(key: key, fill: .none))
            }
        }
        counts.hits.add(keys.count - missing.count, ordering: .relaxed)
        counts.misses.add(missing.count, ordering: .relaxed)
        if missing.isEmpty {
            return found.count == 1 ? found[0].batch : CollectedRows(found, columnCount: entity.fields.count)
        }
        let loaded = try await runner.read(entity, keys: missing.map(\.key), in: context)
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
        let fill: Fill
    }

    private func fill(
        _ missing: [Missing], from loaded: any RowBatch, _ entity: EntityDescription, _ generation: [UInt8],
        _ lease: CacheToken, _ options: ReadOptions, _ tenant: TenantID
    ) async throws(TenancyError) {
        var rows: [Value: Int] = [:]
        for row in 0..<loaded.count {
            rows[try RowView(loaded, row: row).value(entity.keyColumn, as: entity.key.type)] = row
        }
        var commands: [CacheCommand] = []
        for miss in missing {
            let row = rows[miss.key].map { RowView(loaded, row: $0) }
            let life = row == nil ? policy.absenceTimeToLive : options.cacheTimeToLive ?? policy.timeToLive
            let bytes = try CachedRow.bytes(row, of: entity, generation: generation)
            let key = Self.key(entity, miss.key)
            switch miss.fill {
            case .none: continue
            case .leased: commands.append(.fill(key, lease: lease, bytes, timeToLive: varied(life)))
            case .replacing(let old):
                commands.append(.set(key, bytes, timeToLive: varied(life), condition: .ifEqual(old)))
            }
        }
        // A fill that fails costs the next reader a read of the database, and this one nothing.
        if !commands.isEmpty { _ = try? await adapter.run(commands, for: tenant) }
    }

    // MARK: Writing

    /// Removes what is to be changed and keeps readers from storing it until ``unblock(_:_:for:)``.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cacheUnavailable``; the write must not be made then, because
    ///   the cache may hold what it would replace.
    func block(
        _ changes: CacheChanges, token: CacheToken = .random(), for tenant: TenantID
    ) async throws(TenancyError) -> CacheToken {
        let commands = Self.keys(of: changes).map {
            CacheCommand.block($0, token: token, blockTime: policy.blockTime)
        }
        do throws(TenancyError) {
            _ = try await adapter.run(commands, for: tenant)
        } catch {
            throw TenancyError(
                .cacheUnavailable, "The cache could not be told of a write, which was not made.",
                details: .init(tenant: tenant, backendCode: error.code.name))
        }
        return token
    }

    /// Removes what was changed again and lets readers store. If it fails, the blocks end by themselves.
    func unblock(_ changes: CacheChanges, _ token: CacheToken?, for tenant: TenantID) async {
        guard let token else { return }
        let commands = Self.keys(of: changes).map { CacheCommand.unblock($0, token: token) }
        _ = try? await adapter.run(commands, for: tenant)
    }

    /// Until when a write that was blocked now must have been committed or given up.
    var commitDeadline: ContinuousClock.Instant { .now.advanced(by: policy.blockTime * 4 / 5) }

    /// What a write changes.
    func changes(of entity: EntityDescription, keys: [Value]?) -> CacheChanges {
        CacheChanges(entity, keys: keys, bulkThreshold: policy.bulkThreshold)
    }

    // MARK: Keys and generations

    private func generationLookUp(_ entity: EntityDescription, _ lease: CacheToken) -> CacheCommand {
        .lookUp(Self.generationKey(entity), lease: lease, leaseTime: policy.leaseTime)
    }

    /// The generation that a look-up found or that the caller now makes; `nil` while a writer blocks it.
    private func generation(
        _ reply: CacheReply, _ entity: EntityDescription, _ lease: CacheToken, _ tenant: TenantID
    ) async -> [UInt8]? {
        switch reply {
        case .value(let bytes): return bytes
        case .leased:
            let fresh = withUnsafeBytes(of: UInt64.random(in: 0 ... .max)) { [UInt8]($0) }
            let fill = CacheCommand.fill(Self.generationKey(entity), lease: lease, fresh, timeToLive: nil)
            guard let replies = try? await adapter.run([fill], for: tenant), replies == [.done] else { return nil }
            return fresh
        default: return nil
        }
    }

    private static func keys(of changes: CacheChanges) -> [CacheKey] {
        changes.entities.map(generationKey)
            + changes.keys.flatMap { entity, keys in keys.map { key(entity, $0) } }
    }

    private static func generationKey(_ entity: EntityDescription) -> CacheKey {
        CacheKey("g:\(entity.name):\(entity.fingerprint)")
    }

    private static func key(_ entity: EntityDescription, _ key: Value) -> CacheKey {
        switch key {
        case .int64(let value): CacheKey("r:\(entity.name):\(entity.fingerprint):\(value)")
        case .uuid(let value): CacheKey("r:\(entity.name):\(entity.fingerprint):\(value.uuidString)")
        case .string(let value): CacheKey("r:\(entity.name):\(entity.fingerprint):\(value)")
        default: CacheKey("r:\(entity.name):\(entity.fingerprint):")
        }
    }

    private func varied(_ life: Duration) -> Duration {
        policy.jitter == 0 ? life : life * Double.random(in: (1 - policy.jitter)...(1 + policy.jitter))
    }
}
