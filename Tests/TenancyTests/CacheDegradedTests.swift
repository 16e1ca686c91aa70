import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("A cache or a database in trouble", .timeLimit(.minutes(5)))
struct CacheDegradedTests {
    // MARK: The cache fails

    @Test("After some failures in a row reads pass the cache by, and one at a time tries it again")
    func breaker() async throws {
        let stage = try await Stage {
            $0.caching.maximumFailures = 3
            $0.caching.pauseTime = .milliseconds(200)
        }
        let status = { try #require(stage.sdk.data.cachingStatus) }
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        #expect(try !status().isDegraded)
        stage.cache.set(.unavailable)
        for number in 1...10 {
            #expect(try await stage.readsOfItem(1) == 1)
            #expect(try status().isDegraded == (number >= 3))
        }
        #expect(try status().failures == 3 && status().bypassed == 7)
        // It is tried again, and still fails.
        stage.clock.advance(by: .milliseconds(200))
        for _ in 0..<5 { #expect(try await stage.readsOfItem(1) == 1) }
        #expect(try status().failures == 4 && status().bypassed == 11)
        let since = try #require(try status().degradedFor)
        #expect(since == .milliseconds(200))
        stage.cache.set(.none)
        #expect(try await stage.readsOfItem(1) == 1)
        stage.clock.advance(by: .milliseconds(200))
        #expect(try await stage.readsOfItem(1) == 0)
        #expect(try !status().isDegraded)
    }

    @Test("A write tries the cache all the same, and a cache that takes it is read from again")
    func writesTry() async throws {
        let stage = try await Stage {
            $0.caching.maximumFailures = 1
            $0.caching.pauseTime = .seconds(3_600)
        }
        try await stage.tenant.create(Item(1, 1))
        stage.cache.set(.unavailable)
        _ = try await stage.readsOfItem(1)
        await expectError(.cacheUnavailable) { try await stage.tenant.update(Item(1, 2)) }
        #expect(try #require(stage.sdk.data.cachingStatus).isDegraded)
        stage.cache.set(.none)
        try await stage.tenant.update(Item(1, 3))
        #expect(try !#require(stage.sdk.data.cachingStatus).isDegraded)
        #expect(try await stage.readsOfItem(3) == 1)
        #expect(try await stage.readsOfItem(3) == 0)
    }

    @Test("What a reader was cancelled at says nothing of the cache")
    func cancellations() async throws {
        let breaker = CacheBreaker(maximumFailures: 1, pause: .seconds(1), logger: SDKConfig.silent)
        breaker.failed(TenancyError(.cancelled, "The calling task was cancelled."), since: breaker.moment)
        #expect(breaker.admits() && breaker.report.failures == 0)
    }

    @Test("Calls that fail together, as when their connection is cut, count once")
    func together() async throws {
        let clock = ManualClock()
        let breaker = CacheBreaker(
            maximumFailures: 3, pause: .seconds(1), logger: SDKConfig.silent,
            now: { LocalTime.nanoseconds(clock.now.offset) })
        for round in 1...3 {
            let began = breaker.moment
            for _ in 0..<100 {
                clock.advance(by: .microseconds(10))
                breaker.failed(TenancyError(.unavailable, "The connection was lost."), since: began)
            }
            #expect(breaker.admits() == (round < 3))
        }
        #expect(breaker.report.failures == 300)
    }

    // MARK: The database is asked much

    @Test("A tenant's loads are bounded; others of it wait in order, and no other tenant does")
    func limit() async throws {
        let stage = try await Stage { $0.caching.maximumLoads = 3 }
        let other = try await stage.sdk.newTenant("DL")
        try await stage.tenant.bulkCreate((1...10).map { Item($0, $0) })
        for _ in 0..<3 { stage.database.beforeRead.holdNext() }
        let tasks = (1...10).map { id in Task { try await stage.tenant.read(Item.self, id) } }
        let status = { try #require(stage.sdk.data.cachingStatus) }
        while try status().waiting != 7 || stage.database.beforeRead.heldCount != 3 {
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(stage.reads == 3)
        #expect(try await other.read(Item.self, 1) == nil)
        await expectError(.timeout) {
            _ = try await stage.tenant.with(timeout: .milliseconds(30)).read(Item.self, 11)
        }
        let cancelled = Task { try await stage.tenant.read(Item.self, 12) }
        while try status().waiting != 8 { try await Task.sleep(for: .milliseconds(1)) }
        cancelled.cancel()
        await expectError(.cancelled) { _ = try await cancelled.value }
        #expect(stage.reads == 4)
        stage.database.beforeRead.open()
        for (number, task) in tasks.enumerated() { #expect(try await task.value == Item(number + 1, number + 1)) }
        #expect(try status().waiting == 0)
        #expect(stage.isIdle)
    }

    private final class Load: Sendable {
        let running = Atomic(0)
        let most = Atomic(0)
    }

    @Test("Places come back, whatever becomes of those who have or want one")
    func places() async throws {
        let limiter = LoadLimiter(maximum: 4)
        let tenant = try TenantID("UA")
        let load = Load()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<400 {
                group.addTask {
                    let timeout: Duration = number % 7 == 0 ? .milliseconds(1) : .seconds(30)
                    let task = Task {
                        try await limiter.enter(TenantContext(tenant: tenant, deadline: .now + timeout))
                        let now = load.running.add(1, ordering: .relaxed).newValue
                        _ = load.most.max(now, ordering: .relaxed)
                        await Task.yield()
                        load.running.subtract(1, ordering: .relaxed)
                        limiter.leave(tenant)
                    }
                    if number % 5 == 0 { task.cancel() }
                    _ = await task.result
                }
            }
        }
        #expect(load.most.load(ordering: .relaxed) <= 4)
        #expect(limiter.waitingCount == 0 && limiter.isEmpty)
    }

    @Test("A cache that has lost everything costs one load of each record")
    func emptied() async throws {
        let stage = try await Stage()
        try await stage.tenant.bulkCreate((1...20).map { Item($0, $0) })
        _ = try await stage.tenant.read(Item.self, ids: Array(1...20))
        _ = try await stage.cache.base.flush(stage.tenant.id)
        let loads = try await stage.reads {
            let tasks = (0..<400).map { number in
                Task { try await stage.tenant.read(Item.self, number % 20 + 1)?.amount == number % 20 + 1 }
            }
            for task in tasks {
                let isRight = try await task.value
                #expect(isRight)
            }
        }
        #expect(loads == 20)
    }

    // MARK: The database is gone

    @Test("What is too old is returned if the database can't be asked, and not for longer than the bound")
    func staleIfError() async throws {
        let stage = try await Stage {
            $0.caching.timeToLive = .seconds(100)
            $0.caching.absenceTimeToLive = .seconds(100)
            $0.caching.staleIfError = .seconds(50)
        }
        try await stage.tenant.create(Item(1, 1))
        for id in 1...2 { _ = try await stage.tenant.read(Item.self, id) }
        stage.clock.advance(by: .seconds(149))
        for code in [TenancyError.Code.unavailable, .timeout, .backendFailure] {
            stage.database.failReads(2, code)
            #expect(try await stage.tenant.read(Item.self, 1) == Item(1, 1))
            #expect(try await stage.tenant.read(Item.self, 2) == nil)
        }
        #expect(stage.sdk.data.cachingStatus?.staleAnswers == 6)
        stage.database.failReads(1, .invalidQuery)
        await expectError(.invalidQuery) { _ = try await stage.tenant.read(Item.self, 1) }
        stage.database.failReads(1, .unavailable)
        await expectError(.unavailable) { _ = try await stage.tenant.read(Item.self, ids: [1, 3]) }
        #expect(stage.isIdle)
        stage.clock.advance(by: .seconds(1))
        stage.database.failReads(1, .unavailable)
        await expectError(.unavailable) { _ = try await stage.tenant.read(Item.self, 1) }
        #expect(try await stage.readsOfItem(1) == 1)
        #expect(try await stage.readsOfItem(1) == 0)
    }

    @Test("It is not returned to who was cancelled, nor after a write", arguments: [false, true])
    func notStale(byFilter: Bool) async throws {
        let stage = try await Stage { $0.caching.timeToLive = .seconds(100) }
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        stage.clock.advance(by: .seconds(101))
        stage.database.failReads(1, .cancelled)
        await expectError(.cancelled) { _ = try await stage.tenant.read(Item.self, 1) }
        if byFilter {
            try await stage.tenant.query(Item.self).update(.set(\.amount, to: 2))
        } else {
            try await stage.tenant.update(Item(1, 2))
        }
        stage.database.failReads(1, .unavailable)
        await expectError(.unavailable) { _ = try await stage.tenant.read(Item.self, 1) }
        #expect(stage.sdk.data.cachingStatus?.staleAnswers == 0)
    }

    @Test("A thousand tasks that find it too old cost one load, and if that fails all get what there was")
    func staleStampede() async throws {
        let stage = try await Stage { $0.caching.timeToLive = .seconds(100) }
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        stage.clock.advance(by: .seconds(101))
        stage.database.failReads(2, .unavailable)
        let loads = try await stage.stampede(finding: Item(1, 1))
        #expect(loads == 2)
        #expect(stage.isIdle)
    }

    // MARK: Before the end

    /// A stage with an item whose load took ten seconds and which lives for a hundred.
    private func slowlyLoaded() async throws -> Stage {
        let stage = try await Stage {
            $0.caching.timeToLive = .seconds(100)
            $0.caching.leaseTime = .seconds(20)
        }
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeRead.holdNext()
        let first = Task { try await stage.tenant.read(Item.self, 1) }
        await stage.database.beforeRead.reached()
        stage.clock.advance(by: .seconds(10))
        stage.database.beforeRead.open()
        _ = try await first.value
        return stage
    }

    @Test("Shortly before its end a record is loaded again by one reader, for whom nobody waits")
    func early() async throws {
        let stage = try await slowlyLoaded()
        for _ in 0..<50 { #expect(try await stage.readsOfItem(1) == 0) }
        stage.clock.advance(by: .seconds(99))
        stage.database.beforeRead.holdNext()
        let readers = (0..<200).map { _ in Task { try await stage.tenant.read(Item.self, 1) } }
        await stage.database.beforeRead.reached()
        let others = (0..<50).map { _ in Task { try await stage.tenant.read(Item.self, 1) } }
        for other in others { #expect(try await other.value == Item(1, 1)) }
        stage.database.beforeRead.open()
        for reader in readers { #expect(try await reader.value == Item(1, 1)) }
        #expect(stage.reads == 2)
        #expect(stage.sdk.data.cachingStatus?.earlyRefreshes == 1)
        // It has its whole life again, and its last load took no time.
        stage.clock.advance(by: .seconds(99))
        for _ in 0..<50 { #expect(try await stage.readsOfItem(1) == 0) }
    }

    @Test("A load that comes early and fails, or is overtaken by a write, does no harm", arguments: [false, true])
    func earlyFailure(isOvertaken: Bool) async throws {
        let stage = try await slowlyLoaded()
        stage.clock.advance(by: .seconds(99))
        if !isOvertaken { stage.database.failReads(1, .invalidQuery) }
        stage.database.afterRead.holdNext()
        let reader = Task {
            while stage.reads == 1 {
                let item = try await stage.tenant.read(Item.self, 1)
                #expect(item?.amount == 1)
            }
        }
        if isOvertaken {
            await stage.database.afterRead.reached()
            try await stage.tenant.update(Item(1, 2))
            stage.database.afterRead.open()
        }
        try await reader.value
        if isOvertaken { for _ in 0..<3 { #expect(try await stage.tenant.read(Item.self, 1)?.amount == 2) } }
        #expect(stage.isIdle)
    }

    @Test("Ages survive their form, and a clock that goes backwards makes nothing old")
    func ages() {
        for age in [
            CachedAge(storedAt: 0, life: .max, cost: 0), CachedAge(storedAt: .max, life: 1, cost: .max),
            CachedAge(storedAt: -5, life: 0, cost: 1),
        ] {
            var bytes: [UInt8] = []
            age.write(to: &bytes)
            #expect(bytes.count == 20 && CachedAge(bytes[...]) == age)
        }
        let age = CachedAge(storedAt: 1_000, life: 100, cost: 0)
        #expect(age.verdict(at: .min, eagerness: 1) == .fresh)
        #expect(age.verdict(at: 1_099, eagerness: 1) == .fresh)
        #expect(age.verdict(at: 1_100, eagerness: 1) == .over)
        let dear = CachedAge(storedAt: 0, life: 100, cost: 50)
        #expect((0..<100).contains { _ in dear.verdict(at: 90, eagerness: 1) == .early })
        #expect(!(0..<100).contains { _ in dear.verdict(at: 99, eagerness: 0) == .early })
    }
}
