import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Many readers of one record that is not cached", .timeLimit(.minutes(1)))
struct SingleFlightTests {
    @Test("A thousand tasks cost one load", arguments: [false, true])
    func stampede(isAbsent: Bool) async throws {
        let stage = try await Stage()
        if !isAbsent { try await stage.tenant.create(Item(1, 1)) }
        let loads = try await stage.stampede(finding: isAbsent ? nil : Item(1, 1))
        #expect(loads == 1)
        #expect(stage.isIdle)
    }

    @Test("So they do of a record that writes by filter have made void")
    func stampedeOnOldGeneration() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        try await stage.tenant.query(Item.self).update(.set(\.amount, to: 2))
        stage.database.beforeRead.holdNext()
        let loads = try await stage.reads {
            let tasks = (0..<100).map { _ in Task { try await stage.tenant.read(Item.self, 1) } }
            await stage.database.beforeRead.reached()
            try await stage.waiters(99)
            stage.database.beforeRead.open()
            for task in tasks { #expect(try await task.value?.amount == 2) }
        }
        #expect(loads == 1)
    }

    @Test("Without a cache that answers, those who wait share one load more")
    func stampedeWithoutCache() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.cache.set(.unavailable)
        let loads = try await stage.stampede(finding: Item(1, 1))
        #expect(loads == 2)
        #expect(stage.isIdle)
    }

    @Test("Nobody gets what was loaded before a write that was acknowledged before it came", arguments: Change.allCases)
    func lateFollower(change: Change) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.afterRead.holdNext()
        async let slow = stage.tenant.read(Item.self, 1)
        await stage.database.afterRead.reached()
        try await change.make(stage)
        let late = (0..<20).map { _ in Task { try await stage.tenant.read(Item.self, 1) } }
        // Those that may store load by themselves, and are not held; the others wait.
        stage.database.afterRead.open()
        for task in late { #expect(try await task.value?.amount == 2) }
        #expect(try await slow?.amount == 1)
        #expect(stage.isIdle)
    }

    enum Moment: String, CaseIterable, CustomTestStringConvertible {
        case beforeLoad, afterLoad, beforeFill

        var testDescription: String { rawValue }

        func gate(_ stage: Stage) -> Gate {
            switch self {
            case .beforeLoad: stage.database.beforeRead
            case .afterLoad: stage.database.afterRead
            case .beforeFill: stage.cache.beforeFill
            }
        }
    }

    @Test("A leader that is cancelled fails nobody but itself", arguments: Moment.allCases)
    func cancelledLeader(moment: Moment) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        let gate = moment.gate(stage)
        gate.holdNext()
        let leader = Task { try await stage.tenant.read(Item.self, 1) }
        await gate.reached()
        let followers = (0..<50).map { _ in Task { try await stage.tenant.read(Item.self, 1) } }
        try await stage.waiters(50)
        leader.cancel()
        gate.open()
        for follower in followers { #expect(try await follower.value == Item(1, 1)) }
        _ = await leader.result
        #expect(stage.reads <= 2)
        #expect(stage.isIdle)
        #expect(try await stage.readsOfItem(1) == 0)
    }

    @Test("Who is cancelled at the database leaves no lease behind, and whose write was made leaves no block")
    func cancelledCleanUp() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeRead.holdNext()
        let reader = Task { try await stage.tenant.read(Item.self, 1) }
        await stage.database.beforeRead.reached()
        stage.database.failReads(1, .cancelled)
        reader.cancel()
        stage.database.beforeRead.open()
        await #expect(throws: TenancyError.self) { try await reader.value }
        #expect(try await stage.readsOfItem(1) == 1)
        #expect(try await stage.readsOfItem(1) == 0)

        stage.database.afterWrite.holdNext()
        let writer = Task { try await stage.tenant.update(Item(1, 2)) }
        await stage.database.afterWrite.reached()
        writer.cancel()
        stage.database.afterWrite.open()
        _ = await writer.result
        #expect(try await stage.readsOfItem(2) == 1)
        #expect(try await stage.readsOfItem(2) == 0)
    }

    @Test(
        "One leader after another is cancelled or out of time, and the others still get the record",
        arguments: [TenancyError.Code.cancelled, .timeout])
    func failingLeaders(code: TenancyError.Code) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.failReads(5, code)
        stage.database.beforeRead.holdNext()
        let tasks = (0..<20).map { _ in Task { try await stage.tenant.read(Item.self, 1) } }
        await stage.database.beforeRead.reached()
        try await stage.waiters(19)
        stage.database.beforeRead.open()
        var found = 0
        for task in tasks {
            switch await task.result {
            case .success(let item): found += item == Item(1, 1) ? 1 : 0
            case .failure(let error): #expect((error as? TenancyError)?.code == code)
            }
        }
        #expect(found == 15)
        #expect(stage.reads == 6)
        #expect(stage.isIdle)
    }

    @Test("Who waits can be cancelled, and can run out of time, while the leader is held")
    func impatientFollowers() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeRead.holdNext()
        let leader = Task { try await stage.tenant.read(Item.self, 1) }
        await stage.database.beforeRead.reached()
        let patient = Task { try await stage.tenant.read(Item.self, 1) }
        let cancelled = Task { try await stage.tenant.read(Item.self, 1) }
        try await stage.waiters(2)
        cancelled.cancel()
        await expectError(.cancelled) { _ = try await cancelled.value }
        await expectError(.timeout) {
            _ = try await stage.tenant.with(timeout: .milliseconds(30)).read(Item.self, 1)
        }
        let stillborn = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await stage.tenant.read(Item.self, 1)
        }
        await expectError(.cancelled) { _ = try await stillborn.value }
        try await stage.waiters(1)
        stage.database.beforeRead.open()
        #expect(try await leader.value == Item(1, 1))
        #expect(try await patient.value == Item(1, 1))
        #expect(stage.isIdle)
    }

    @Test("A database's error is told to those who waited when the load began, and to nobody later")
    func errors() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.failReads(2, .unavailable)
        stage.database.beforeRead.holdNext()
        let tasks = (0..<100).map { _ in Task { try await stage.tenant.read(Item.self, 1) } }
        await stage.database.beforeRead.reached()
        try await stage.waiters(99)
        stage.database.beforeRead.open()
        for task in tasks { await expectError(.unavailable) { _ = try await task.value } }
        #expect(stage.reads == 2)
        #expect(try await stage.tenant.read(Item.self, 1) == Item(1, 1))
        #expect(stage.isIdle)
    }

    @Test("Tenants, and entities, don't wait for each other")
    func perTenant() async throws {
        let stage = try await Stage()
        let other = try await stage.sdk.newTenant("DL")
        try await stage.tenant.create(Item(1, 1))
        try await other.create(Item(1, 7))
        try await other.create(Counter(id: "1", value: 3, version: 0))
        stage.database.beforeRead.holdNext()
        let slow = Task { try await stage.tenant.read(Item.self, 1) }
        await stage.database.beforeRead.reached()
        #expect(try await other.read(Item.self, 1)?.amount == 7)
        #expect(try await other.read(Counter.self, "1")?.value == 3)
        #expect(try await stage.tenant.read(Item.self, 2) == nil)
        stage.database.beforeRead.open()
        #expect(try await slow.value?.amount == 1)
    }

    @Test("Reads of many records that overlap wait for each other and for nobody in a circle")
    func batches() async throws {
        let database = GatedDatabase(InMemoryDatabase(), isJumpy: true)
        // So small that records come and go.
        let cache = GatedCache(try MemoryCache(maximumBytes: MemoryCache.leastMaximumBytes, shards: 1))
        let sdk = try await MultiTenantSDK.make(database, cache)
        let tenant = try await sdk.newTenant()
        try await tenant.bulkCreate((1...30).map { Item($0, $0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<60 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(task))
                    for _ in 0..<60 {
                        let ids = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                            Int.random(in: 1...34, using: &random)
                        }
                        let read = Task { try await tenant.read(Item.self, ids: ids) }
                        if Int.random(in: 0..<10, using: &random) == 0 { read.cancel() }
                        guard case .success(let items) = await read.result else { continue }
                        var expected: [Int] = []
                        for id in ids where id <= 30 && !expected.contains(id) { expected.append(id) }
                        #expect(items.map(\.id) == expected && items.allSatisfy { $0.amount == $0.id })
                    }
                }
            }
            try await group.waitForAll()
        }
        let flights = try #require(sdk.data.cache?.flights)
        #expect(flights.isEmpty)
    }

    @Test("Two reads of the same many records cost one load of each")
    func sameBatches() async throws {
        let stage = try await Stage()
        try await stage.tenant.bulkCreate((1...50).map { Item($0, $0) })
        stage.database.beforeRead.holdNext()
        let first = Task { try await stage.tenant.read(Item.self, ids: Array(1...50)) }
        await stage.database.beforeRead.reached()
        let second = Task { try await stage.tenant.read(Item.self, ids: Array((1...51).reversed())) }
        try await stage.waiters(1)
        stage.database.beforeRead.open()
        #expect(try await first.value.map(\.id) == Array(1...50))
        #expect(try await second.value.map(\.id) == Array((1...50).reversed()))
        // The first fifty, and the one that there is not.
        #expect(stage.reads == 2)
        #expect(stage.isIdle)
    }
}

@Suite("A record that another process loads", .timeLimit(.minutes(5)))
struct ForeignLeaseTests {
    /// Two SDKs on one cache and one database, as two processes have them, and a tenant of both.
    private func stages(leaseWait: Duration) async throws -> (Stage, other: TenantHandle) {
        let stage = try await Stage { $0.caching.leaseWait = leaseWait }
        let clock = stage.clock
        let sdk = try await MultiTenantSDK.make(stage.database, stage.cache) {
            $0.caching.leaseWait = leaseWait
            $0.timeOfDay = { CachedAge.microseconds(clock.now.offset) }
        }
        return (stage, try await sdk.tenant("UA"))
    }

    @Test("It costs one load in all", arguments: [false, true])
    func oneLoad(isAbsent: Bool) async throws {
        let (stage, other) = try await stages(leaseWait: .seconds(60))
        if !isAbsent { try await stage.tenant.create(Item(1, 1)) }
        stage.database.beforeRead.holdNext()
        let loads = try await stage.reads {
            let first = Task { try await stage.tenant.read(Item.self, 1) }
            await stage.database.beforeRead.reached()
            let tasks = (0..<100).map { _ in Task { try await other.read(Item.self, 1) } }
            try await Task.sleep(for: .milliseconds(50))
            stage.database.beforeRead.open()
            let expected = isAbsent ? nil : Item(1, 1)
            #expect(try await first.value == expected)
            for task in tasks { #expect(try await task.value == expected) }
        }
        #expect(loads == 1)
        #expect(stage.isIdle)
    }

    @Test("After a while it is loaded here too, once, and stored by who has the lease", arguments: [0, 20])
    func bounded(milliseconds: Int) async throws {
        let (stage, other) = try await stages(leaseWait: .milliseconds(milliseconds))
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeRead.holdNext()
        let first = Task { try await stage.tenant.read(Item.self, 1) }
        await stage.database.beforeRead.reached()
        #expect(try await other.read(Item.self, 1) == Item(1, 1))
        #expect(stage.reads == 2)
        stage.database.beforeRead.open()
        #expect(try await first.value == Item(1, 1))
        #expect(try await stage.reads { _ = try await other.read(Item.self, 1) } == 0)
    }

    @Test("What a writer blocks is not waited for")
    func blocked() async throws {
        let (stage, other) = try await stages(leaseWait: .seconds(3_600))
        try await stage.tenant.create(Item(1, 1))
        stage.cache.afterBlock.holdNext()
        let writer = Task { try await stage.tenant.update(Item(1, 2)) }
        await stage.cache.afterBlock.reached()
        #expect(try await other.read(Item.self, 1)?.amount == 1)
        stage.cache.afterBlock.open()
        _ = try await writer.value
        #expect(try await other.read(Item.self, 1)?.amount == 2)
    }

    @Test("Nobody gets what the other process read before a write that was acknowledged before it came")
    func notBefore() async throws {
        let (stage, other) = try await stages(leaseWait: .seconds(60))
        try await stage.tenant.create(Item(1, 1))
        stage.database.afterRead.holdNext()
        let slow = Task { try await stage.tenant.read(Item.self, 1) }
        await stage.database.afterRead.reached()
        let early = Task { try await other.read(Item.self, 1) }
        try await Task.sleep(for: .milliseconds(20))
        try await other.update(Item(1, 2))
        let late = (0..<20).map { _ in Task { try await other.read(Item.self, 1) } }
        for task in late { #expect(try await task.value?.amount == 2) }
        stage.database.afterRead.open()
        #expect(try await slow.value?.amount == 1)
        _ = try await early.value
        #expect(try await other.read(Item.self, 1)?.amount == 2)
    }

    @Test("Who waits can be cancelled and run out of time")
    func impatience() async throws {
        let (stage, other) = try await stages(leaseWait: .seconds(60))
        stage.database.beforeRead.holdNext()
        let first = Task { try await stage.tenant.read(Item.self, 1) }
        await stage.database.beforeRead.reached()
        let cancelled = Task { try await other.read(Item.self, 1) }
        try await Task.sleep(for: .milliseconds(5))
        let follower = Task { try await other.read(Item.self, 1) }
        cancelled.cancel()
        await expectError(.cancelled) { _ = try await cancelled.value }
        await expectError(.timeout) { _ = try await other.with(timeout: .milliseconds(30)).read(Item.self, 1) }
        stage.database.beforeRead.open()
        #expect(try await follower.value == nil)
        #expect(try await first.value == nil)
        #expect(stage.reads == 1)
    }

    @Test("Who has the lease takes over from one that leads for the time being, and all who wait get what it loads")
    func takeOver() async throws {
        let flights = Flights()
        let key = Flights.Key(tenant: try TenantID("UA"), key: CacheKey("r:items:1"))
        let context = TenantContext(tenant: key.tenant, deadline: .now + .seconds(60))
        guard case .leads(let id) = flights.lead(key, until: nil, isTentative: true) else {
            Issue.record("Nobody leads yet.")
            return
        }
        guard case .refused = flights.lead(key, until: nil, isTentative: true) else {
            Issue.record("Without the lease nobody takes over.")
            return
        }
        let holder = Task { try await flights.hold(key, id, for: .seconds(60), in: context) }
        let follower = Task { try await flights.wait(for: key, in: context) }
        while flights.waiterCount != 2 { await Task.yield() }
        guard case .tookOver(let new) = flights.lead(key, until: nil, hasLease: true) else {
            Issue.record("It was not taken over.")
            return
        }
        #expect(!flights.confirm(key, id))
        flights.end(key, id)
        #expect(flights.waiterCount == 2)
        guard case .refused = flights.lead(key, until: nil, hasLease: true) else {
            Issue.record("It was taken over twice.")
            return
        }
        flights.share(.success(CollectedRows([], columnCount: 3)), for: key)
        guard case .rows = try await holder.value, case .rows = try await follower.value else {
            Issue.record("They got something else.")
            return
        }
        flights.end(key, new)
        #expect(flights.isEmpty)
    }
}

extension Stage {
    /// Waits until that many callers wait for a load.
    func waiters(_ count: Int) async throws {
        let flights = try #require(sdk.data.cache?.flights)
        while flights.waiterCount != count { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// Has a thousand tasks read the first item while one of them is at the database.
    ///
    /// - Parameter item: What all have to find.
    /// - Returns: How many reads of the database that took.
    func stampede(finding item: Item?) async throws -> Int {
        database.beforeRead.holdNext()
        return try await reads {
            let tasks = (0..<1_000).map { _ in Task { try await tenant.read(Item.self, 1) } }
            await database.beforeRead.reached()
            try await waiters(999)
            database.beforeRead.open()
            for task in tasks { #expect(try await task.value == item) }
        }
    }

    /// Whether nothing is being loaded.
    var isIdle: Bool { sdk.data.cache?.flights.isEmpty ?? false }
}
