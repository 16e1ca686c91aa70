import Foundation
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Copies in the process's own memory")
struct LocalCacheTests {
    let clock = ManualClock()
    let united: TenantID
    let delta: TenantID

    init() throws {
        let united = try TenantID("UA")
        let number = { LocalShard.scopeNumber(LocalAddress.scope($0, $1)) }
        let item = ObjectIdentifier(Item.self)
        let taken = [number(united, item), number(united, ObjectIdentifier(Counter.self))]
        // One of a few tenants shares no number with the first, whose changes would cost it its copies.
        let others = try ["DL", "AA", "WN", "B6"].map { try TenantID($0) }
        self.united = united
        delta = try #require(others.first { !taken.contains(number($0, item)) })
    }

    private func local(
        bytes: Int = 1 << 20, isStrong: Bool = false, timeToLive: Duration = .seconds(60)
    ) -> LocalCache {
        let clock = clock
        return LocalCache(
            maximumBytes: bytes, timeToLive: timeToLive, isStrong: isStrong, entities: [Item.self, Counter.self]
        ) { LocalTime.nanoseconds(clock.now.offset) }
    }

    /// What is kept of an item: its amount, -1 for its absence, `nil` for nothing.
    private func amount(
        _ local: LocalCache, _ id: Int, _ consistency: ReadConsistency = .relaxed(maximumStaleness: .seconds(5)),
        of tenant: TenantID? = nil
    ) -> Int? {
        switch local.read(Item.self, .int64(Int64(id)), of: tenant ?? united, consistency, now: 0) {
        case .unknown: nil
        case .absent: -1
        case .found(let item): item.amount
        }
    }

    private func keep(_ local: LocalCache, _ item: Item, of tenant: TenantID? = nil, bytes: Int = 50) {
        let key = Value.int64(Int64(item.id))
        let ticket = local.ticket(Item.self, key, of: tenant ?? united)
        local.keep(item, bytes: bytes, key, of: tenant ?? united, ticket, life: nil)
    }

    // MARK: How old

    @Test("A read that may be old gets what is young enough, and a strong one nothing")
    func bound() {
        let local = local()
        keep(local, Item(1, 7))
        #expect(amount(local, 1) == 7)
        #expect(amount(local, 1, .strong) == nil)
        #expect(amount(local, 2) == nil)
        #expect(amount(local, 1, of: delta) == nil)
        clock.advance(by: .seconds(5))
        #expect(amount(local, 1) == 7)
        clock.advance(by: .nanoseconds(1))
        #expect(amount(local, 1) == nil)
        #expect(amount(local, 1, .relaxed(maximumStaleness: .seconds(6))) == 7)
        #expect(amount(local, 1, .relaxed(maximumStaleness: .zero)) == nil)
    }

    @Test("The age counts from before the look-up, and ends with the life time")
    func age() {
        let local = local(isStrong: true, timeToLive: .seconds(10))
        let key = Value.int64(1)
        let ticket = local.ticket(Item.self, key, of: united)
        clock.advance(by: .seconds(4))
        local.keep(Item(1, 7), bytes: 50, key, of: united, ticket, life: .seconds(20))
        clock.advance(by: .seconds(5))
        #expect(amount(local, 1, .strong) == 7)
        clock.advance(by: .seconds(1))
        #expect(amount(local, 1, .strong) == nil)
        let second = local.ticket(Item.self, key, of: united)
        local.keep(Item(1, 8), bytes: 50, key, of: united, second, life: .seconds(2))
        clock.advance(by: .seconds(2))
        #expect(amount(local, 1, .strong) == nil)
    }

    @Test("While the cache confirms that it told of everything, a copy is as young as that")
    func confirmed() {
        let local = local()
        keep(local, Item(1, 7))
        clock.advance(by: .seconds(30))
        #expect(amount(local, 1) == nil)
        local.confirmed(.now)
        #expect(amount(local, 1) == 7)
        clock.advance(by: .seconds(6))
        #expect(amount(local, 1) == nil)
        local.confirmed(.now)
        local.lost()
        #expect(amount(local, 1) == nil)
        #expect(local.statistics.entries == 0 && local.statistics.bytes == 0)
        keep(local, Item(1, 8))
        #expect(amount(local, 1) == 8)
        clock.advance(by: .seconds(6))
        #expect(amount(local, 1) == nil)
    }

    // MARK: Changes

    enum Told: String, CaseIterable, CustomTestStringConvertible {
        case key, entity, tenant, ownKey, ownEntity, lost

        var testDescription: String { rawValue }

        func tell(_ local: LocalCache, _ tenant: TenantID) {
            let item = Item.schema.description
            switch self {
            case .key: local.changed(CacheName.record(item, .int64(1)), of: tenant)
            case .entity: local.changed(CacheName.generation(of: item), of: tenant)
            case .tenant: local.changedAll(of: tenant)
            case .ownKey: local.forget(CacheChanges(item, keys: [.int64(1)], bulkThreshold: 10), of: tenant)
            case .ownEntity: local.forget(CacheChanges(item, keys: nil, bulkThreshold: 10), of: tenant)
            case .lost: local.lost()
            }
        }
    }

    @Test("What is told of is gone, and what was looked up before is not kept", arguments: Told.allCases)
    func changes(told: Told) {
        let local = local(isStrong: true)
        keep(local, Item(1, 7))
        keep(local, Item(1, 70), of: delta)
        let ticket = local.ticket(Item.self, .int64(1), of: united)
        told.tell(local, united)
        #expect(amount(local, 1, .strong) == nil)
        if told != .lost { #expect(amount(local, 1, .strong, of: delta) == 70) }
        local.keep(Item(1, 7), bytes: 50, .int64(1), of: united, ticket, life: nil)
        #expect(amount(local, 1, .strong) == nil)
        keep(local, Item(1, 8))
        #expect(amount(local, 1, .strong) == 8)
    }

    @Test("What is told of other keys, entities and tenants leaves a record be")
    func otherChanges() throws {
        let local = local(isStrong: true)
        keep(local, Item(1, 7))
        let item = Item.schema.description
        for key in 2...40 { local.changed(CacheName.record(item, .int64(Int64(key))), of: united) }
        local.changed(CacheKey("r:items"), of: united)
        local.changed(CacheKey("x"), of: united)
        local.changed(CacheKey(""), of: united)
        local.changed(CacheKey("g:strangers"), of: united)
        local.changed(CacheKey("r:strangers:1"), of: united)
        #expect(amount(local, 1, .strong) == 7)
        // A key that is none of the entity's may stand for anything.
        local.changed(CacheKey("r:items:one"), of: united)
        #expect(amount(local, 1, .strong) == nil)
    }

    @Test("Names of keys are read as they were made", arguments: ["a", "a:b", "", ":", "\u{301}x", "r:g:", "é"])
    func names(key: String) throws {
        let counter = Counter.schema.description
        guard case .record(let entity, let text) = CacheName(CacheName.record(counter, .string(key))) else {
            Issue.record("It is no record.")
            return
        }
        #expect(entity == "counters")
        #expect(Value(cacheText: text, as: .string) == .string(key))
    }

    @Test("Absence is kept, and a value of another type is not taken for the record")
    func forms() {
        let local = local()
        let ticket = local.ticket(Item.self, .int64(1), of: united)
        local.keep(Item?.none, bytes: 26, .int64(1), of: united, ticket, life: .seconds(3))
        #expect(amount(local, 1) == -1)
        clock.advance(by: .seconds(3))
        #expect(amount(local, 1) == nil)
        keep(local, Item(1, 7))
        switch local.read(Counter.self, .int64(1), of: united, .relaxed(maximumStaleness: .seconds(5)), now: 0) {
        case .unknown: break
        default: Issue.record("A counter was found where an item is.")
        }
    }

    @Test("Nothing is kept after it was closed")
    func closed() {
        let local = local()
        keep(local, Item(1, 7))
        local.close()
        #expect(amount(local, 1) == nil)
        keep(local, Item(1, 7))
        #expect(amount(local, 1) == nil)
    }

    // MARK: Room

    @Test("The bound holds under load from many tasks, and every answer is right")
    func room() async {
        let maximum = 512 << 10
        let local = local(bytes: maximum, isStrong: true)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(task))
                    for _ in 0..<20_000 {
                        let id = Int.random(in: 0..<5_000, using: &random)
                        switch Int.random(in: 0..<100, using: &random) {
                        case 0..<50: if let found = amount(local, id, .strong) { #expect(found == id) }
                        case 50..<90: keep(local, Item(id, id), bytes: .random(in: 0...4_000, using: &random))
                        case 90..<99: Told.allCases[Int.random(in: 0..<2, using: &random)].tell(local, united)
                        default:
                            let statistics = local.statistics
                            #expect(statistics.bytes <= maximum && statistics.bytes >= 0)
                        }
                    }
                }
            }
        }
        let statistics = local.statistics
        #expect(statistics.bytes <= maximum && statistics.evictions > 0 && statistics.entries > 0)
        local.lost()
        #expect(local.statistics.bytes == 0 && local.statistics.entries == 0)
    }

    @Test("A record that would take half of a shard is not kept")
    func large() {
        let local = local(bytes: 64 << 10)
        keep(local, Item(1, 7), bytes: 1 << 20)
        #expect(amount(local, 1) == nil && local.statistics.bytes == 0)
    }

    @Test("A scan does not drive out what is asked for often")
    func scan() {
        let local = local(bytes: 64 << 10, isStrong: true)
        let hot = 1...40
        for id in hot { keep(local, Item(id, id)) }
        for _ in 0..<3 { for id in hot { _ = amount(local, id, .strong) } }
        for id in 1_000..<20_000 {
            keep(local, Item(id, id))
            if id % 50 == 0 { for id in hot { _ = amount(local, id, .strong) } }
        }
        #expect(hot.count { amount(local, $0, .strong) == $0 } == hot.count)
        #expect((1_000..<20_000).count { amount(local, $0, .strong) != nil } > 50)
    }

    // MARK: In an SDK

    @Test(
        "Strong reads of a cache in memory are answered by copies, through two SDKs on it", arguments: Change.allCases)
    func strong(change: Change) async throws {
        let database = GatedDatabase(InMemoryDatabase())
        let memory = try MemoryCache(maximumBytes: 1 << 20)
        let first = try await MultiTenantSDK.make(database, memory)
        let second = try await MultiTenantSDK.make(database, memory)
        let tenant = try await first.newTenant()
        let stage = Stage(database: database, cache: GatedCache(memory), clock: clock, sdk: second, tenant: tenant)
        try await tenant.create(Item(1, 1))
        let other = try await second.tenant("UA")
        for handle in [tenant, other] {
            for _ in 0..<3 { #expect(try await handle.read(Item.self, 1)?.amount == 1) }
        }
        for sdk in [first, second] { #expect(try #require(sdk.data.localCacheStatistics).hits >= 1) }
        let writer = Stage(database: database, cache: GatedCache(memory), clock: clock, sdk: first, tenant: other)
        try await change.make(change == .otherSDK ? stage : writer)
        for handle in [tenant, other] {
            for _ in 0..<3 { #expect(try await handle.read(Item.self, 1)?.amount == 2) }
        }
    }

    @Test("A handle's copies end with the tenant's admission, the deadline, the task and the SDK")
    func admission() async throws {
        let sdk = try await MultiTenantSDK.make(InMemoryDatabase(), try MemoryCache(maximumBytes: 1 << 20))
        let tenant = try await sdk.newTenant()
        try await tenant.create(Item(1, 1))
        for _ in 0..<3 { _ = try await tenant.read(Item.self, 1) }
        let before = try #require(sdk.data.localCacheStatistics).hits
        #expect(before >= 1)
        let late = tenant.with(timeout: .milliseconds(1))
        try await Task.sleep(for: .milliseconds(5))
        await expectError(.timeout) { _ = try await late.read(Item.self, 1) }
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await tenant.read(Item.self, 1)
        }
        await expectError(.cancelled) { _ = try await cancelled.value }
        _ = try await tenant.read(Item.self, 1, options: .uncached)
        try await tenant.transaction { _ = try await $0.read(Item.self, 1) }
        #expect(sdk.data.localCacheStatistics?.hits == before)
        try await sdk.tenants.suspend(TenantID("UA"))
        await expectError(.tenantSuspended) { _ = try await tenant.read(Item.self, 1) }
        try await sdk.tenants.resume(TenantID("UA"))
        #expect(try await tenant.read(Item.self, 1) == Item(1, 1))
        await sdk.shutDown()
        await expectError(.shutDown) { _ = try await tenant.read(Item.self, 1) }
    }

    @Test("An entity's policy counts where neither call nor handle says otherwise")
    func policies() async throws {
        let stage = try await Stage {
            $0.caching.entities["items"] = SDKConfig.EntityPolicy(
                timeToLive: .seconds(50), absenceTimeToLive: .seconds(5),
                consistency: .relaxed(maximumStaleness: .seconds(60)))
            $0.caching.entities["counters"] = SDKConfig.EntityPolicy(usesCache: false)
        }
        try await stage.tenant.create(Item(1, 1))
        try await stage.tenant.create(Counter(id: "c", value: 1, version: 0))
        let local = { stage.sdk.data.localCacheStatistics?.hits ?? -1 }
        for _ in 0..<3 { _ = try await stage.tenant.read(Item.self, 1) }
        #expect(local() == 2)
        _ = try await stage.tenant.read(Item.self, 1, options: ReadOptions(consistency: .strong))
        _ = try await stage.tenant.reading(.strong).read(Item.self, 1)
        #expect(local() == 2)
        #expect(try await stage.reads { for _ in 0..<3 { _ = try await stage.tenant.read(Counter.self, "c") } } == 3)
        let cached = ReadOptions(usesCache: true)
        #expect(
            try await stage.reads {
                for _ in 0..<3 { _ = try await stage.tenant.read(Counter.self, "c", options: cached) }
            } == 1)
        let strong = ReadOptions(consistency: .strong)
        #expect(try await stage.reads { for _ in 0..<2 { _ = try await stage.tenant.read(Item.self, 2) } } == 1)
        stage.clock.advance(by: .seconds(5))
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 2, options: strong) } == 1)
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 1, options: strong) } == 0)
        stage.clock.advance(by: .seconds(45))
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 1, options: strong) } == 1)
    }

    @Test("A policy of an entity that there is not, and one that can't be, are refused")
    func refusedPolicies() async {
        await expectError(.invalidConfiguration) {
            _ = try await MultiTenantSDK.make { $0.caching.entities["strangers"] = SDKConfig.EntityPolicy() }
        }
        await expectError(.invalidConfiguration) {
            _ = try await MultiTenantSDK.make {
                $0.caching.entities["items"] = SDKConfig.EntityPolicy(timeToLive: .zero)
            }
        }
    }

    @Test("A read that may be old sees what the same SDK wrote, at once")
    func ownWrites() async throws {
        let stage = try await Stage()
        let relaxed = stage.tenant.reading(.relaxed(maximumStaleness: .seconds(60)))
        try await stage.tenant.create(Item(1, 0))
        for amount in 1...20 {
            _ = try await relaxed.read(Item.self, 1)
            _ = try await relaxed.read(Item.self, 1)
            if amount.isMultiple(of: 2) {
                try await stage.tenant.update(Item(1, amount))
            } else {
                try await stage.tenant.query(Item.self).update(.set(\.amount, to: amount))
            }
            #expect(try await relaxed.read(Item.self, 1)?.amount == amount)
        }
        #expect(try #require(stage.sdk.data.localCacheStatistics).hits >= 20)
    }

    @Test("What is read while a writer blocks it is not kept")
    func blocked() async throws {
        let stage = try await Stage()
        let relaxed = stage.tenant.reading(.relaxed(maximumStaleness: .seconds(60)))
        try await stage.tenant.create(Item(1, 1))
        stage.cache.set(.losesUnblocks)
        stage.database.loseAnswer(.unavailable)
        await expectError(.unavailable) { try await stage.tenant.update(Item(1, 2)) }
        for _ in 0..<3 { #expect(try await stage.reads { _ = try await relaxed.read(Item.self, 1) } == 1) }
        #expect(stage.sdk.data.localCacheStatistics?.entries == 0)
    }
}
