import TenancyCore

/// One read by keys, or of what a query returns: it is looked up, else loaded once for all who ask, and stored.
struct CacheReading: Sendable {
    let cache: CacheAside
    let entity: EntityDescription
    let options: ReadOptions
    let context: TenantContext
    let runner: any StatementRunner
    /// The query, if it is not records by their keys.
    var query: ResultQuery?

    /// What a read has.
    struct Result {
        let rows: any RowBatch
        /// What all of it takes in the cache, if all of it was found there, or stored there by this read.
        var storedBytes: Int?
    }

    /// What a look-up found, and what it did not.
    struct LookUp {
        var found: [RowView] = []
        var foundBytes = 0
        var missing: [Missing] = []
        /// The generation to store under; `nil` if nothing may be stored.
        var generation: CacheGeneration?
        let lease: CacheToken
    }

    /// A record that has to be loaded.
    struct Missing: Sendable {
        enum Fill: Sendable {
            /// It may not be stored.
            case none
            case leased
            case replacing([UInt8])
        }
        let key: Value
        let cacheKey: CacheKey
        var fill = Fill.none
        /// What the cache has of it.
        var fallback: Fallback?
        /// Whether somebody else is about to store it, or to make the generation.
        var isBusy = false

        var isLeased: Bool { if case .leased = fill { true } else { false } }
    }

    /// A cached record that is to be loaded again.
    struct Fallback: Sendable {
        /// The record, or what the query returned.
        let rows: [RowView]
        let bytes: Int
        /// Whether its time is not over yet.
        let isGood: Bool
    }

    func batch(_ rows: [RowView]) -> any RowBatch {
        rows.count == 1 && rows[0].batch.count == 1
            ? rows[0].batch : CollectedRows(rows, columnCount: columnCount)
    }

    private var columnCount: Int { query?.types.count ?? entity.fields.count }

    /// The key of the generation that makes void what it is about.
    private var generationKey: CacheKey {
        query == nil ? CacheName.generation(of: entity) : CacheName.resultGeneration(of: entity)
    }

    func flight(_ key: CacheKey) -> Flights.Key { Flights.Key(tenant: context.tenant, key: key) }

    // MARK: Looking up

    /// Looks the generation and records up in one round trip, and takes leases on what is missing.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cancelled`` or ``TenancyError/Code/timeout``. A cache that fails
    ///   has nothing.
    func lookUp(_ keys: [(key: Value, cacheKey: CacheKey)]) async throws(TenancyError) -> LookUp {
        let lease = CacheToken.random()
        let leaseTime = cache.policy.leaseTime
        var commands = [CacheCommand.lookUp(generationKey, lease: lease, leaseTime: leaseTime)]
        for key in keys { commands.append(.lookUp(key.cacheKey, lease: lease, leaseTime: leaseTime)) }
        var result = LookUp(lease: lease)
        guard let replies = await cache.run(commands, context.tenant, isOptional: true) else {
            try context.checkAlive()
            result.missing = keys.map { Missing(key: $0.key, cacheKey: $0.cacheKey) }
            return result
        }
        guard let generation = await generation(replies[0], lease) else {
            await release(zip(keys, replies.dropFirst()).compactMap { $1 == .leased ? $0.cacheKey : nil })
            let isBusy = replies[0] == .busy
            result.missing = keys.map { Missing(key: $0.key, cacheKey: $0.cacheKey, isBusy: isBusy) }
            return result
        }
        result.generation = generation
        let now = cache.timeOfDay()
        var damaged: [Int] = []
        for (key, reply) in zip(keys, replies.dropFirst()) {
            var miss = Missing(key: key.key, cacheKey: key.cacheKey)
            switch reply {
            case .value(let bytes):
                let identity = CachedRow.Identity(context.tenant, key.cacheKey, entity)
                switch CachedRow.find(
                    in: bytes, of: entity, types: query?.types, identity: identity, cache.forms)
                {
                case .record(let cached) where cached.generation == generation:
                    let rows = cached.row.map { rows in (0..<rows.count).map { RowView(rows, row: $0) } } ?? []
                    let verdict = cached.age.verdict(at: now, eagerness: cache.policy.earlyRefresh)
                    if verdict == .fresh {
                        result.found += rows
                        result.foundBytes += cached.size
                        continue
                    }
                    miss.fallback = Fallback(rows: rows, bytes: cached.size, isGood: verdict == .early)
                case .record, .foreign: break
                case .damaged: damaged.append(result.missing.count)
                }
                // Too old, of an older generation or of another form: to be replaced, unless somebody else does so first.
                miss.fill = .replacing(bytes)
            case .leased: miss.fill = .leased
            case .busy: miss.isBusy = true
            default: break
            }
            result.missing.append(miss)
        }
        if !damaged.isEmpty { await remove(damaged, from: &result) }
        return result
    }

    /// Removes values that are damaged, and takes leases on them as if they had been absent.
    private func remove(_ positions: [Int], from result: inout LookUp) async {
        cache.meters.count(for: context.tenant) { $0.damaged += positions.count }
        var commands: [CacheCommand] = []
        for position in positions {
            let key = result.missing[position].cacheKey
            commands.append(.delete(key))
            commands.append(.lookUp(key, lease: result.lease, leaseTime: cache.policy.leaseTime))
        }
        let replies = await cache.runToTheEnd(commands, context.tenant, isOptional: true)
        for (index, position) in positions.enumerated() {
            // Who was quicker has stored it again, loads it, or blocks it.
            result.missing[position].fill = replies?[index * 2 + 1] == .leased ? .leased : .none
            result.missing[position].isBusy = replies?[index * 2 + 1] == .busy
        }
    }

    /// The generation that a look-up found or that the caller now makes; `nil` while a writer blocks it.
    private func generation(_ reply: CacheReply, _ lease: CacheToken) async -> CacheGeneration? {
        let key = generationKey
        let fresh = CacheGeneration.random()
        let store: CacheCommand
        switch reply {
        case .value(let bytes):
            if let generation = CacheGeneration(bytes) { return generation }
            store = .set(key, fresh.bytes, timeToLive: nil, condition: .ifEqual(bytes))
        case .leased: store = .fill(key, lease: lease, fresh.bytes, timeToLive: nil)
        default: return nil
        }
        return await cache.runToTheEnd([store], context.tenant, isOptional: true) == [.done] ? fresh : nil
    }

    /// Gives leases back that won't be used, so that the next reader need not wait for their end to fill. Whatever else
    /// has come to stand under the key meanwhile is lost with them, which is safe.
    func release(_ leased: [CacheKey]) async {
        if !leased.isEmpty { await cache.runToTheEnd(leased.map { .delete($0) }, context.tenant) }
    }
}
