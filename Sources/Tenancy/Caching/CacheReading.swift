import Synchronization
import TenancyCore

/// One read by keys: records are looked up, else loaded once for all who ask, and stored.
struct CacheReading: Sendable {
    let cache: CacheAside
    let entity: EntityDescription
    let options: ReadOptions
    let context: TenantContext
    let runner: any StatementRunner

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

        var isLeased: Bool { if case .leased = fill { true } else { false } }
    }

    /// A cached record that is to be loaded again.
    struct Fallback: Sendable {
        /// The record; `nil` for its absence.
        let row: RowView?
        let bytes: Int
        /// Whether its time is not over yet.
        let isGood: Bool
    }

    /// How often a read waits for others, of whom each may have loaded another of its records, before it loads the rest
    /// by itself.
    private static let maximumWaits = 3

    func batch(_ rows: [RowView]) -> any RowBatch {
        rows.count == 1 && rows[0].batch.count == 1
            ? rows[0].batch : CollectedRows(rows, columnCount: entity.fields.count)
    }

    private func flight(_ key: CacheKey) -> Flights.Key { Flights.Key(tenant: context.tenant, key: key) }

    // MARK: Looking up

    /// Looks the generation and records up in one round trip, and takes leases on what is missing.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cancelled`` or ``TenancyError/Code/timeout``. A cache that fails
    ///   has nothing.
    func lookUp(_ keys: [(key: Value, cacheKey: CacheKey)]) async throws(TenancyError) -> LookUp {
        let lease = CacheToken.random()
        let leaseTime = cache.policy.leaseTime
        var commands = [CacheCommand.lookUp(CacheName.generation(of: entity), lease: lease, leaseTime: leaseTime)]
        for key in keys { commands.append(.lookUp(key.cacheKey, lease: lease, leaseTime: leaseTime)) }
        var result = LookUp(lease: lease)
        guard let replies = await cache.run(commands, context.tenant, isOptional: true) else {
            try context.checkAlive()
            result.missing = keys.map { Missing(key: $0.key, cacheKey: $0.cacheKey) }
            return result
        }
        guard let generation = await generation(replies[0], lease) else {
            await release(zip(keys, replies.dropFirst()).compactMap { $1 == .leased ? $0.cacheKey : nil })
            result.missing = keys.map { Missing(key: $0.key, cacheKey: $0.cacheKey) }
            return result
        }
        result.generation = generation
        let now = cache.timeOfDay()
        for (key, reply) in zip(keys, replies.dropFirst()) {
            var miss = Missing(key: key.key, cacheKey: key.cacheKey)
            switch reply {
            case .value(let bytes):
                let identity = CachedRow.Identity(context.tenant, key.cacheKey, entity)
                if let cached = CachedRow(bytes, of: entity, identity: identity), cached.generation == generation {
                    let row = cached.row.map { RowView($0, row: 0) }
                    let verdict = cached.age.verdict(at: now, eagerness: cache.policy.earlyRefresh)
                    if verdict == .fresh {
                        if let row { result.found.append(row) }
                        result.foundBytes += bytes.count
                        continue
                    }
                    miss.fallback = Fallback(row: row, bytes: bytes.count, isGood: verdict == .early)
                }
                // Too old, of an older generation or of another form: to be replaced, unless somebody else does so first.
                miss.fill = .replacing(bytes)
            case .leased: miss.fill = .leased
            default: break
            }
            result.missing.append(miss)
        }
        return result
    }

    /// The generation that a look-up found or that the caller now makes; `nil` while a writer blocks it.
    private func generation(_ reply: CacheReply, _ lease: CacheToken) async -> CacheGeneration? {
        let key = CacheName.generation(of: entity)
        let fresh = CacheGeneration.random()
        let store: CacheCommand
        switch reply {
        case .value(let bytes):
            if let generation = CacheGeneration(bytes) { return generation }
            store = .set(key, fresh.bytes, timeToLive: nil, condition: .ifEqual(bytes))
        case .leased: store = .fill(key, lease: lease, fresh.bytes, timeToLive: nil)
        default: return nil
        }
        return await cache.run([store], context.tenant, isOptional: true) == [.done] ? fresh : nil
    }

    /// Gives leases back that won't be used, so that the next reader need not wait for their end to fill. Whatever else
    /// has come to stand under the key meanwhile is lost with them, which is safe.
    private func release(_ leased: [CacheKey]) async {
        if !leased.isEmpty { _ = await cache.run(leased.map { .delete($0) }, context.tenant) }
    }

    // MARK: Loading

    /// Loads what a look-up did not find, or gets it from others who load it.
    func load(_ first: LookUp) async throws(TenancyError) -> Result {
        var lookUp = first
        var rows = first.found
        // Whether everything was found in the cache, or stored there, by this read alone.
        var storedBytes: Int? = first.foundBytes
        // What others wait for until this read ends it.
        var led: Set<CacheKey> = []
        // Of those, what others have waited for since before the look-up: its result is theirs.
        var shared: Set<CacheKey> = []
        do throws(TenancyError) {
            for waits in 0... {
                var mine: [Missing] = []
                var others: [Missing] = []
                for miss in lookUp.missing {
                    if led.contains(miss.cacheKey) {
                        mine.append(miss)
                    } else if cache.flights.lead(flight(miss.cacheKey), until: context.deadline) {
                        led.insert(miss.cacheKey)
                        mine.append(miss)
                    } else if let fallback = miss.fallback, fallback.isGood {
                        // Somebody loads it again already.
                        if let row = fallback.row { rows.append(row) }
                        storedBytes? += fallback.bytes
                    } else if miss.isLeased || waits == Self.maximumWaits {
                        // Whoever loads it began before the lease was given, and so can't store it.
                        mine.append(miss)
                    } else {
                        others.append(miss)
                    }
                }
                if !mine.isEmpty {
                    let loaded = try await load(mine, of: lookUp, &led, sharing: shared)
                    rows += loaded.rows
                    storedBytes = storedBytes.flatMap { sum in loaded.storedBytes.map { sum + $0 } }
                }
                shared = []
                guard let other = others.first else { break }
                var pending = others
                switch try await cache.flights.wait(for: flight(other.cacheKey), in: context) {
                case .rows(let batch):
                    pending.removeFirst()
                    storedBytes = nil
                    for row in 0..<batch.count { rows.append(RowView(batch, row: row)) }
                    if pending.isEmpty { return Result(rows: self.batch(rows)) }
                case .lead:
                    led.insert(other.cacheKey)
                    shared = [other.cacheKey]
                }
                lookUp = try await self.lookUp(pending.map { (key: $0.key, cacheKey: $0.cacheKey) })
                rows += lookUp.found
                storedBytes? += lookUp.foundBytes
                try share(shared.subtracting(lookUp.missing.map(\.cacheKey)), foundIn: lookUp.found, &led)
            }
        } catch {
            end(&led, led)
            throw error
        }
        return Result(rows: batch(rows), storedBytes: storedBytes)
    }

    /// Tells others of records that they waited for and that a look-up has found, or found to be absent.
    private func share(
        _ keys: Set<CacheKey>, foundIn rows: [RowView], _ led: inout Set<CacheKey>
    ) throws(TenancyError) {
        if keys.isEmpty { return }
        var found: [CacheKey: RowView] = [:]
        for row in rows { found[CacheName.record(entity, try row.value(entity.keyColumn, as: entity.key.type))] = row }
        for key in keys { cache.flights.share(.success(batch(found[key].map { [$0] } ?? [])), for: flight(key)) }
        end(&led, keys)
    }

    private func end(_ led: inout Set<CacheKey>, _ keys: Set<CacheKey>) {
        for key in keys where led.remove(key) != nil { cache.flights.end(flight(key)) }
    }

    /// Reads records from the database, tells those who have waited for them, and stores them.
    private func load(
        _ missing: [Missing], of lookUp: LookUp, _ led: inout Set<CacheKey>, sharing shared: Set<CacheKey>
    ) async throws(TenancyError) -> (rows: [RowView], storedBytes: Int?) {
        let loaded: any RowBatch
        let began = cache.timeOfDay()
        do throws(TenancyError) {
            loaded = try await query(missing.map(\.key))
        } catch {
            if let rows = fallbacks(missing, error) {
                for miss in missing where shared.contains(miss.cacheKey) {
                    let own = miss.fallback?.row.map { [$0] } ?? []
                    cache.flights.share(.success(batch(own)), for: flight(miss.cacheKey))
                }
                end(&led, Set(missing.map(\.cacheKey)))
                return (rows, nil)
            }
            // Another may have more time.
            if error.code != .cancelled, error.code != .timeout {
                for key in shared { cache.flights.share(.failure(error), for: flight(key)) }
            }
            await release(missing.compactMap { $0.isLeased ? $0.cacheKey : nil })
            throw error
        }
        var rows: [Value: RowView] = [:]
        for row in 0..<loaded.count {
            let view = RowView(loaded, row: row)
            rows[try view.value(entity.keyColumn, as: entity.key.type)] = view
        }
        for miss in missing where shared.contains(miss.cacheKey) {
            cache.flights.share(.success(batch(rows[miss.key].map { [$0] } ?? [])), for: flight(miss.cacheKey))
        }
        let early = missing.count { $0.fallback?.isGood == true }
        if early > 0 { cache.counts.earlyRefreshes.add(early, ordering: .relaxed) }
        let cost = UInt32(clamping: cache.timeOfDay() - began)
        let storedBytes = try await fill(missing, from: rows, lookUp, cost: cost)
        end(&led, Set(missing.map(\.cacheKey)))
        return (Array(rows.values), storedBytes)
    }

    /// Reads from the database, when it is the tenant's turn.
    private func query(_ keys: [Value]) async throws(TenancyError) -> any RowBatch {
        try await cache.limiter.enter(context)
        defer { cache.limiter.leave(context.tenant) }
        cache.counts.loads.add(1, ordering: .relaxed)
        return try await runner.read(entity, keys: keys, in: context)
    }

    /// What the cache had of records that could not be loaded; `nil` unless that will do for all of them.
    ///
    /// No write that was acknowledged has replaced it: the writer would have removed it. Only its time is over.
    private func fallbacks(_ missing: [Missing], _ error: TenancyError) -> [RowView]? {
        let isDatabase = [.unavailable, .timeout, .backendFailure].contains(error.code)
        let isAlive = !Task.isCancelled && (context.deadline.map { $0 > .now } ?? true)
        guard missing.allSatisfy({ miss in miss.fallback.map { isAlive && ($0.isGood || isDatabase) } ?? false }) else {
            return nil
        }
        let stale = missing.count { $0.fallback?.isGood == false }
        if stale > 0 { cache.counts.staleAnswers.add(stale, ordering: .relaxed) }
        return missing.compactMap { $0.fallback?.row }
    }

    /// Stores what was loaded.
    ///
    /// - Returns: What it takes there, if all of it was taken.
    private func fill(
        _ missing: [Missing], from rows: [Value: RowView], _ lookUp: LookUp, cost: UInt32
    ) async throws(TenancyError) -> Int? {
        guard let generation = lookUp.generation else { return nil }
        var bytesStored = 0
        let now = cache.timeOfDay()
        var commands: [CacheCommand] = []
        for miss in missing {
            if case .none = miss.fill { continue }
            let row = rows[miss.key]
            let life = cache.life(options, isAbsent: row == nil, entity).varied(by: cache.policy.jitter)
            let identity = CachedRow.Identity(context.tenant, miss.cacheKey, entity)
            let age = CachedAge(storedAt: now, life: CachedAge.microseconds(life), cost: cost)
            let bytes = try CachedRow.bytes(row, of: entity, identity: identity, generation: generation, age: age)
            // Kept for longer than it is good for, in case that the database can't be asked then.
            let kept = life + cache.policy.staleIfError
            bytesStored += bytes.count
            switch miss.fill {
            case .none: continue
            case .leased: commands.append(.fill(miss.cacheKey, lease: lookUp.lease, bytes, timeToLive: kept))
            case .replacing(let old):
                commands.append(.set(miss.cacheKey, bytes, timeToLive: kept, condition: .ifEqual(old)))
            }
        }
        // A fill that fails costs the next reader a read of the database, and this one nothing.
        guard !commands.isEmpty, let replies = await cache.run(commands, context.tenant, isOptional: true),
            replies.count == missing.count, replies.allSatisfy({ $0 == .done })
        else { return nil }
        return bytesStored
    }
}
