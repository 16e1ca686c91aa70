import Logging
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
    let policy: SDKConfig.CachingPolicy
    let forms: CacheForms
    let counts = Counts()
    /// What is being loaded.
    let flights = Flights()
    let limiter: LoadLimiter
    let breaker: CacheBreaker
    /// The time of day, in microseconds since 1970.
    let timeOfDay: @Sendable () -> Int64
    /// What the process itself keeps; `nil` for nothing.
    let local: LocalCache?

    /// What was asked of the cache and what it found, which the adapter can't tell from its own look-ups.
    let meters: CacheMeters

    /// What became of what the cache did not have.
    final class Counts: Sendable {
        let loads = Atomic(0)
        let earlyRefreshes = Atomic(0)
        let staleAnswers = Atomic(0)
    }

    init(
        _ adapter: any CacheAdapter, _ policy: SDKConfig.CachingPolicy, entities: [any Entity.Type] = [],
        meters: CacheMeters = CacheMeters { _ in nil }, logger: Logger = Logger(label: "tenancy"),
        timeOfDay: @escaping @Sendable () -> Int64 = CachedAge.timeOfDay,
        now: @escaping @Sendable () -> Int64 = { LocalTime.now() }
    ) {
        self.adapter = adapter
        self.policy = policy
        forms = CacheForms(policy)
        self.meters = meters
        self.timeOfDay = timeOfDay
        limiter = LoadLimiter(maximum: policy.maximumLoads)
        breaker = CacheBreaker(
            maximumFailures: policy.maximumFailures, pause: policy.pauseTime, logger: logger, now: now)
        let teller = adapter as? any CacheNotifying
        local =
            policy.localMaximumBytes == 0
            ? nil
            : LocalCache(
                maximumBytes: policy.localMaximumBytes, timeToLive: policy.localTimeToLive,
                isStrong: teller?.notifiesBeforeReturning ?? false, entities: entities)
        if let local { teller?.addObserver(local) }
    }

    /// What the cache did so far, hits and misses counted by records.
    var statistics: CacheStatistics {
        var statistics = adapter.statistics()
        (statistics.hits, statistics.misses) = (0, 0)
        statistics.add(meters.total)
        return statistics
    }

    /// How caching fares.
    var status: CachingStatus {
        let report = breaker.report
        var status = CachingStatus()
        status.degradedFor = report.degradedFor
        status.failures = report.failures
        status.bypassed = report.bypassed
        status.loads = counts.loads.load(ordering: .relaxed)
        status.waiting = flights.waiterCount + limiter.waitingCount
        status.earlyRefreshes = counts.earlyRefreshes.load(ordering: .relaxed)
        status.staleAnswers = counts.staleAnswers.load(ordering: .relaxed)
        return status
    }

    // MARK: Reading

    /// The records with those keys, from the cache as far as it has them.
    ///
    /// - Throws: What the database throws. A cache that fails is passed by.
    func read(
        _ entity: EntityDescription, _ keys: [Value], _ options: ReadOptions, in context: TenantContext,
        from runner: any StatementRunner
    ) async throws(TenancyError) -> CacheReading.Result {
        // A replica's answer may be older than a block that has ended, and must not be stored.
        var context = context
        context.consistency = .strong
        let reading = CacheReading(
            cache: self, entity: entity, options: options, context: context, runner: runner)
        return try await run(reading, keys.map { (key: $0, cacheKey: CacheName.record(entity, $0)) })
    }

    /// What a query returns, from the cache if it has that.
    ///
    /// - Throws: As ``read(_:_:_:in:from:)``.
    func rows(
        _ query: ResultQuery, _ options: ReadOptions, in context: TenantContext, from runner: any StatementRunner
    ) async throws(TenancyError) -> any RowBatch {
        var context = context
        context.consistency = .strong
        let reading = CacheReading(
            cache: self, entity: query.entity, options: options, context: context, runner: runner, query: query)
        return try await run(reading, [(key: .null, cacheKey: query.key)]).rows
    }

    private func run(
        _ reading: CacheReading, _ keys: [(key: Value, cacheKey: CacheKey)]
    ) async throws(TenancyError) -> CacheReading.Result {
        let lookUp = try await reading.lookUp(keys)
        let misses = lookUp.missing.count { $0.fallback?.isGood != true }
        meters.count(for: reading.context.tenant) {
            $0.hits += keys.count - misses
            $0.misses += misses
        }
        if lookUp.missing.isEmpty {
            return CacheReading.Result(rows: reading.batch(lookUp.found), storedBytes: lookUp.foundBytes)
        }
        return try await reading.load(lookUp)
    }

    /// The replies, one for each command; `nil` if the cache failed.
    ///
    /// - Parameter isOptional: Whether a cache that has been failing need not be asked.
    func run(_ commands: [CacheCommand], _ tenant: TenantID, isOptional: Bool = false) async -> [CacheReply]? {
        if isOptional, !breaker.admits() { return nil }
        let began = breaker.moment
        do throws(TenancyError) {
            let replies = try await exchange(commands, tenant)
            breaker.succeeded()
            return replies
        } catch {
            breaker.failed(error, since: began)
            return nil
        }
    }

    /// The replies, one for each command. Takes the time and counts bytes.
    func exchange(_ commands: [CacheCommand], _ tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        let start = ContinuousClock.now
        let replies = try await adapter.run(commands, for: tenant)
        let time = ContinuousClock.now - start
        guard replies.count == commands.count else {
            throw TenancyError(
                .backendFailure, "The cache gave another number of replies than it was asked.",
                details: .init(tenant: tenant))
        }
        meters.count(for: tenant) { statistics in
            statistics.latencies.record(time)
            for command in commands { statistics.bytesWritten += command.valueBytes }
            for reply in replies { statistics.bytesRead += reply.valueBytes }
        }
        return replies
    }

    /// Runs commands by which others may go on, also if the caller was cancelled: a connection sends nothing of who is.
    /// They may be run twice.
    @discardableResult
    func runToTheEnd(
        _ commands: [CacheCommand], _ tenant: TenantID, isOptional: Bool = false
    ) async -> [CacheReply]? {
        if !Task.isCancelled, let replies = await run(commands, tenant, isOptional: isOptional) { return replies }
        guard Task.isCancelled else { return nil }
        return await Task { await run(commands, tenant, isOptional: isOptional) }.value
    }

    /// How long a record is cached, or its absence.
    func life(_ options: ReadOptions, isAbsent: Bool, _ entity: EntityDescription) -> Duration {
        let absence = policy.entities[entity.name]?.absenceTimeToLive ?? policy.absenceTimeToLive
        return isAbsent ? absence : options.cacheTimeToLive ?? policy.timeToLive
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
        let began = breaker.moment
        do throws(TenancyError) {
            let replies = try await exchange(commands, tenant)
            if replies.allSatisfy({ $0 == .done }) {
                local?.forget(changes, of: tenant)
                return
            }
            failure = .backendFailure
        } catch {
            breaker.failed(error, since: began)
            failure = error.code
        }
        throw TenancyError(
            .cacheUnavailable, "The cache could not be told of a write, which was not made.",
            details: .init(tenant: tenant, backendCode: failure.name))
    }

    /// Removes what was changed again and lets readers store. If it fails, the blocks end by themselves.
    func unblock(_ changes: CacheChanges, _ token: CacheToken, for tenant: TenantID) async {
        let commands = Self.keys(of: changes).map { CacheCommand.unblock($0, token: token) }
        if !commands.isEmpty { await runToTheEnd(commands, tenant) }
        local?.forget(changes, of: tenant)
    }

    /// Until when a write must have been committed or given up that is blocked from now on.
    var commitDeadline: ContinuousClock.Instant { .now.advanced(by: policy.blockTime * 4 / 5) }

    /// What a write changes.
    func changes(of entity: EntityDescription, keys: [Value]?) -> CacheChanges {
        CacheChanges(entity, keys: keys, bulkThreshold: policy.bulkThreshold)
    }

    /// Removes everything that is cached of a tenant.
    func flush(_ tenant: TenantID) async throws(TenancyError) {
        // Both before, in case the cache fails, and after, for what was looked up meanwhile.
        local?.changedAll(of: tenant)
        try await adapter.flush(tenant)
        local?.changedAll(of: tenant)
    }

    // MARK: Keys

    private static func keys(of changes: CacheChanges) -> [CacheKey] {
        // What a query returned is made void by every write of its entity.
        changes.entities.flatMap { [CacheName.generation(of: $0), CacheName.resultGeneration(of: $0)] }
            + changes.keys.flatMap { entity, keys in
                [CacheName.resultGeneration(of: entity)] + keys.map { CacheName.record(entity, $0) }
            }
    }
}
