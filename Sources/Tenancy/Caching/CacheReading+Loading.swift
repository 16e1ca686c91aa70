import Synchronization
import TenancyCore

extension CacheReading {
    /// What a read loads, and what others wait for.
    struct Led {
        /// What others wait for until this read ends it.
        var ids: [CacheKey: Flights.ID] = [:]
        /// Of those, what others have waited for since before the look-up: its result is theirs.
        var shared: Set<CacheKey> = []
    }

    /// What is to be done about what a look-up did not find.
    private struct Turns {
        var mine: [Missing] = []
        var others: [Missing] = []
        /// What somebody else loads again although it is good.
        var refreshed: [Fallback] = []
        /// What somebody else is about to store who has not come here yet, or never will.
        var held: Missing?
    }

    /// How often a read waits for others, of whom each may have loaded another of its records, before it loads the rest
    /// by itself.
    private static let maximumWaits = 3

    /// Loads what a look-up did not find, or gets it from others who load it.
    func load(_ first: LookUp) async throws(TenancyError) -> Result {
        var lookUp = first
        var rows = first.found
        // Whether everything was found in the cache, or stored there, by this read alone.
        var storedBytes: Int? = first.foundBytes
        var led = Led()
        // Whether it may still wait for another process.
        var mayHold = first.found.isEmpty && first.missing.count == 1 && cache.policy.leaseWait > .zero
        do throws(TenancyError) {
            for waits in 0... {
                let turns = turns(lookUp, &led, waits, mayHold: mayHold)
                for fallback in turns.refreshed {
                    rows += fallback.rows
                    storedBytes? += fallback.bytes
                }
                if !turns.mine.isEmpty {
                    let loaded = try await load(turns.mine, of: lookUp, &led)
                    rows += loaded.rows
                    storedBytes = storedBytes.flatMap { sum in loaded.storedBytes.map { sum + $0 } }
                }
                led.shared = []
                if let held = turns.held {
                    mayHold = false
                    switch try await hold(held, &led) {
                    case .rows(let batch): return Result(rows: batch)
                    case .lookUp(let again): lookUp = again
                    }
                } else {
                    guard let other = turns.others.first else { break }
                    var pending = turns.others
                    switch try await cache.flights.wait(for: flight(other.cacheKey), in: context) {
                    case .rows(let batch):
                        pending.removeFirst()
                        storedBytes = nil
                        for row in 0..<batch.count { rows.append(RowView(batch, row: row)) }
                        if pending.isEmpty { return Result(rows: self.batch(rows)) }
                    case .lead(let id):
                        led.ids[other.cacheKey] = id
                        led.shared = [other.cacheKey]
                    }
                    lookUp = try await self.lookUp(pending.map { (key: $0.key, cacheKey: $0.cacheKey) })
                }
                rows += lookUp.found
                storedBytes? += lookUp.foundBytes
                try share(led.shared.subtracting(lookUp.missing.map(\.cacheKey)), foundIn: lookUp.found, &led)
            }
        } catch {
            end(&led, Set(led.ids.keys))
            throw error
        }
        return Result(rows: batch(rows), storedBytes: storedBytes)
    }

    /// Decides who loads what.
    private func turns(_ lookUp: LookUp, _ led: inout Led, _ waits: Int, mayHold: Bool) -> Turns {
        var turns = Turns()
        for miss in lookUp.missing {
            let holds = mayHold && miss.isBusy
            if led.ids[miss.cacheKey] != nil {
                if holds { turns.held = miss } else { turns.mine.append(miss) }
                continue
            }
            let lead = cache.flights.lead(
                flight(miss.cacheKey), until: context.deadline, hasLease: miss.isLeased, isTentative: holds)
            switch lead {
            case .leads(let id):
                led.ids[miss.cacheKey] = id
                if holds { turns.held = miss } else { turns.mine.append(miss) }
            case .tookOver(let id):
                led.ids[miss.cacheKey] = id
                led.shared.insert(miss.cacheKey)
                turns.mine.append(miss)
            case .refused:
                if let fallback = miss.fallback, fallback.isGood {
                    turns.refreshed.append(fallback)
                } else if miss.isLeased || waits == Self.maximumWaits {
                    // Whoever loads it began before the lease was given, and so can't store it.
                    turns.mine.append(miss)
                } else {
                    turns.others.append(miss)
                }
            }
        }
        return turns
    }

    /// What came of waiting for who has the lease.
    private enum Held {
        case rows(any RowBatch)
        case lookUp(LookUp)
    }

    /// Waits a while for who has the lease, in this process or another, looking the record up now and then.
    private func hold(_ miss: Missing, _ led: inout Led) async throws(TenancyError) -> Held {
        let key = flight(miss.cacheKey)
        let end = ContinuousClock.now + cache.policy.leaseWait
        var pause = Duration.milliseconds(1)
        guard var id = led.ids[miss.cacheKey] else { return .lookUp(LookUp(missing: [miss], lease: .random())) }
        while true {
            switch try await cache.flights.hold(key, id, for: pause, in: context) {
            case .rows(let batch):
                led.ids[miss.cacheKey] = nil
                return .rows(batch)
            case .lead(let own):
                id = own
                led.ids[miss.cacheKey] = own
            case nil: break
            }
            // Who has come until now came before this look-up.
            cache.flights.muster(key, id)
            let found = try await lookUp([(key: miss.key, cacheKey: miss.cacheKey)])
            if found.missing.first?.isBusy == true, .now < end {
                pause = min(pause * 2, .milliseconds(16))
                continue
            }
            if cache.flights.confirm(key, id) {
                led.shared = [miss.cacheKey]
            } else {
                led.ids[miss.cacheKey] = nil
            }
            return .lookUp(found)
        }
    }

    /// Tells others of records that they waited for and that a look-up has found, or found to be absent.
    private func share(
        _ keys: Set<CacheKey>, foundIn rows: [RowView], _ led: inout Led
    ) throws(TenancyError) {
        if keys.isEmpty { return }
        if let query {
            cache.flights.share(.success(batch(rows)), for: flight(query.key))
        } else {
            let found = Dictionary(
                try keyed(rows).map { (CacheName.record(entity, $0.key), $0.value) }, uniquingKeysWith: { $1 })
            for key in keys { cache.flights.share(.success(batch(found[key] ?? [])), for: flight(key)) }
        }
        end(&led, keys)
    }

    private func end(_ led: inout Led, _ keys: Set<CacheKey>) {
        for key in keys { if let id = led.ids.removeValue(forKey: key) { cache.flights.end(flight(key), id) } }
    }

    /// Reads records from the database, tells those who have waited for them, and stores them.
    private func load(
        _ missing: [Missing], of lookUp: LookUp, _ led: inout Led
    ) async throws(TenancyError) -> (rows: [RowView], storedBytes: Int?) {
        let loaded: any RowBatch
        let began = cache.timeOfDay()
        do throws(TenancyError) {
            loaded = try await ask(missing.map(\.key))
        } catch {
            if let rows = fallbacks(missing, error) {
                for miss in missing where led.shared.contains(miss.cacheKey) {
                    cache.flights.share(.success(batch(miss.fallback?.rows ?? [])), for: flight(miss.cacheKey))
                }
                end(&led, Set(missing.map(\.cacheKey)))
                return (rows, nil)
            }
            // Another may have more time.
            if error.code != .cancelled, error.code != .timeout {
                for key in led.shared { cache.flights.share(.failure(error), for: flight(key)) }
            }
            await release(missing.compactMap { $0.isLeased ? $0.cacheKey : nil })
            throw error
        }
        let rows = try keyed((0..<loaded.count).map { RowView(loaded, row: $0) })
        for miss in missing where led.shared.contains(miss.cacheKey) {
            cache.flights.share(.success(batch(rows[miss.key] ?? [])), for: flight(miss.cacheKey))
        }
        let early = missing.count { $0.fallback?.isGood == true }
        if early > 0 { cache.counts.earlyRefreshes.add(early, ordering: .relaxed) }
        let cost = UInt32(clamping: cache.timeOfDay() - began)
        let storedBytes = try await fill(missing, from: rows, lookUp, cost: cost)
        end(&led, Set(missing.map(\.cacheKey)))
        return (rows.values.flatMap(\.self), storedBytes)
    }

    /// Reads from the database, when it is the tenant's turn.
    private func ask(_ keys: [Value]) async throws(TenancyError) -> any RowBatch {
        try await cache.limiter.enter(context)
        defer { cache.limiter.leave(context.tenant) }
        cache.counts.loads.add(1, ordering: .relaxed)
        if let query { return try await query.run(on: runner, in: context) }
        return try await runner.read(entity, keys: keys, in: context)
    }

    /// Rows by what they were asked for: records by their keys, and all that a query returned by no key.
    private func keyed(_ rows: [RowView]) throws(TenancyError) -> [Value: [RowView]] {
        if query != nil { return [.null: rows] }
        var keyed: [Value: [RowView]] = [:]
        for row in rows { keyed[try row.value(entity.keyColumn, as: entity.key.type)] = [row] }
        return keyed
    }

    /// What the cache had of records that could not be loaded; `nil` unless that will do for all of them.
    ///
    /// No write that was acknowledged has replaced it: the writer would have removed it. Only its time is over.
    private func fallbacks(_ missing: [Missing], _ error: TenancyError) -> [RowView]? {
        let isDatabase = [.unavailable, .timeout, .backendFailure].contains(error.code)
        let isAlive = !Task.isCancelled && (context.deadline.map { $0 > .now } ?? true)
        // What is still good was there before anybody waited for the database.
        let serves = { (fallback: Fallback) in fallback.isGood ? !Task.isCancelled : isAlive && isDatabase }
        guard missing.allSatisfy({ $0.fallback.map(serves) ?? false }) else { return nil }
        let stale = missing.count { $0.fallback?.isGood == false }
        if stale > 0 { cache.counts.staleAnswers.add(stale, ordering: .relaxed) }
        return missing.flatMap { $0.fallback?.rows ?? [] }
    }

    /// Stores what was loaded.
    ///
    /// - Returns: What it takes there, if all of it was taken.
    private func fill(
        _ missing: [Missing], from rows: [Value: [RowView]], _ lookUp: LookUp, cost: UInt32
    ) async throws(TenancyError) -> Int? {
        guard let generation = lookUp.generation else { return nil }
        var bytesStored = 0
        let now = cache.timeOfDay()
        var commands: [CacheCommand] = []
        for miss in missing {
            if case .none = miss.fill { continue }
            let found = rows[miss.key] ?? []
            let life = cache.life(options, isAbsent: found.isEmpty && query == nil, entity).varied(
                by: cache.policy.jitter)
            let identity = CachedRow.Identity(context.tenant, miss.cacheKey, entity)
            let age = CachedAge(storedAt: now, life: CachedAge.microseconds(life), cost: cost)
            let (bytes, size) =
                if let query {
                    try CachedRow.bytes(
                        found, types: query.types, identity: identity, generation: generation, age: age, cache.forms)
                } else {
                    try CachedRow.bytes(
                        found.first, of: entity, identity: identity, generation: generation, age: age, cache.forms)
                }
            if query != nil, size > cache.policy.maximumResultBytes {
                await release(miss.isLeased ? [miss.cacheKey] : [])
                continue
            }
            // Kept for longer than it is good for, in case that the database can't be asked then.
            let kept = life + cache.policy.staleIfError
            bytesStored += size
            switch miss.fill {
            case .none: continue
            case .leased: commands.append(.fill(miss.cacheKey, lease: lookUp.lease, bytes, timeToLive: kept))
            case .replacing(let old):
                commands.append(.set(miss.cacheKey, bytes, timeToLive: kept, condition: .ifEqual(old)))
            }
        }
        // A fill that fails costs the next reader a read of the database, and this one nothing.
        guard !commands.isEmpty, let replies = await cache.runToTheEnd(commands, context.tenant, isOptional: true),
            replies.count == missing.count, replies.allSatisfy({ $0 == .done })
        else { return nil }
        return bytesStored
    }
}
