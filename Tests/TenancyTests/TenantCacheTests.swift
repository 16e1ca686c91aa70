import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("What an application caches for a tenant")
struct TenantCacheTests {
    private struct Dashboard: Codable, Equatable, Sendable {
        var title: String
        var total: Int64
    }

    /// What an older release stored.
    private struct OldDashboard: Codable { var name: String }

    private let board = Dashboard(title: "Flights é 日本", total: 1 << 60)

    private func other(_ stage: Stage) async throws -> TenantHandle { try await stage.sdk.newTenant("DL") }

    private func allKeys(
        of cache: TenantCache, prefix: String = ""
    ) async throws -> (keys: Set<String>, pages: Int) {
        var (found, pages): (Set<String>, Int) = ([], 0)
        var cursor: CacheCursor?
        repeat {
            let page = try await cache.scan(prefix: prefix, after: cursor)
            #expect(page.keys.count <= 1_000)
            found.formUnion(page.keys)
            (cursor, pages) = (page.next, pages + 1)
        } while cursor != nil
        return (found, pages)
    }

    @Test("Values come back as what they were, and only to their tenant")
    func values() async throws {
        let stage = try await Stage()
        let (cache, others) = (stage.tenant.cache, try await other(stage).cache)
        try await cache.set("board", board)
        try await cache.set(["one": 1, "two": 2])
        try await cache.set("text", "42")
        #expect(try await cache.get("board", as: Dashboard.self) == board)
        #expect(try await cache.get(["one", "two", "three", "board"], as: Int.self) == ["one": 1, "two": 2])
        #expect(try await cache.get("text", as: String.self) == "42")
        #expect(try await others.get("board", as: Dashboard.self) == nil)
        #expect(try await others.remove("board") == false)
        #expect(try await cache.remove(["one", "three"]) == 1)
        #expect(try await cache.get("one", as: Int.self) == nil)
    }

    @Test("No key reaches what the SDK caches itself")
    func ownKeys() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        #expect(try await stage.readsOfItem(1) == 1)
        for key in ["g:items", "r:items:1", "a:g:items"] {
            try await stage.tenant.cache.set(key, 1)
            try await stage.tenant.cache.remove(key)
            try await stage.tenant.cache.increment(key)
        }
        #expect(try await stage.readsOfItem(1) == 0)
        #expect(try await allKeys(of: stage.tenant.cache).keys == ["g:items", "r:items:1", "a:g:items"])
        #expect(try await stage.tenant.cache.usage().entries == 5)
    }

    @Test("A value of another form or a damaged one is a miss, and can be replaced")
    func otherForms() async throws {
        let stage = try await Stage()
        let cache = stage.tenant.cache
        try await cache.set("k", OldDashboard(name: "x"))
        #expect(try await cache.get("k", as: Dashboard.self) == nil)
        #expect(try await cache.get("k", as: OldDashboard.self)?.name == "x")
        for _ in 0..<100 {
            try await cache.set("k", board)
            stage.cache.set(.corrupting)
            let found = try await cache.get("k", as: Dashboard.self)
            #expect(found == nil)
            stage.cache.set(.none)
        }
        let damaged = try #require(stage.sdk.data.cacheStatistics?.damaged)
        #expect((50...100).contains(damaged))
        try await cache.set("k", board)
        _ = try await stage.cache.base.run(
            [.set(CacheKey("a:k"), [2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 0x31], timeToLive: nil, condition: .always)],
            for: stage.tenant.id)
        #expect(try await cache.get("k", as: Int.self) == nil)
        #expect(stage.sdk.data.cacheStatistics?.damaged == damaged + 1)
        #expect(try await stage.cache.base.run([.get(CacheKey("a:k"))], for: stage.tenant.id) == [.absent])
        // Another key's value, as from a connection that has lost count.
        try await cache.set(["a": board, "b": Dashboard(title: "b", total: 0), "c": board])
        stage.cache.set(.misrouting)
        let found = try await cache.get(["a", "b", "c"], as: Dashboard.self)
        #expect(found == ["a": board])
    }

    @Test("Life times are the given ones, or the configured one, and can be prolonged")
    func lifeTimes() async throws {
        let stage = try await Stage { $0.caching.timeToLive = .seconds(60) }
        let cache = stage.tenant.cache
        try await cache.set("short", 1, timeToLive: .seconds(10))
        try await cache.set("usual", 2)
        try await cache.set("extended", 3, timeToLive: .seconds(10))
        try await cache.set("touched", 4, timeToLive: .seconds(10))
        #expect(try await cache.extend("extended", to: .seconds(100)))
        #expect(try await cache.get("touched", as: Int.self, extendingTo: .seconds(100)) == 4)
        #expect(try await cache.extend("absent", to: .seconds(100)) == false)
        stage.clock.advance(by: .seconds(10))
        let names = ["short", "usual", "extended", "touched"]
        #expect(Set(try await cache.get(names, as: Int.self).keys) == ["usual", "extended", "touched"])
        stage.clock.advance(by: .seconds(50))
        #expect(Set(try await cache.get(names, as: Int.self).keys) == ["extended", "touched"])
    }

    @Test("Jitter spreads life times around the given one, within its bounds")
    func jitter() async throws {
        let stage = try await Stage()
        let cache = stage.tenant.cache
        let values = Dictionary(uniqueKeysWithValues: (0..<500).map { ("k\($0)", $0) })
        try await cache.set(values, timeToLive: .seconds(100), jitter: 0.2)
        stage.clock.advance(by: .milliseconds(79_999))
        #expect(try await cache.get(Array(values.keys), as: Int.self).count == 500)
        stage.clock.advance(by: .seconds(20))
        let left = try await cache.get(Array(values.keys), as: Int.self).count
        #expect((150...350).contains(left), "\(left)")
        stage.clock.advance(by: .milliseconds(20_002))
        #expect(try await cache.get(Array(values.keys), as: Int.self).isEmpty)
        await expectError(.invalidValue) { try await cache.set("k", 1, jitter: 0.6) }
        await expectError(.invalidValue) { try await cache.set("k", 1, timeToLive: .zero) }
    }

    @Test("Counters count, are integers, and refuse what is none")
    func counters() async throws {
        let stage = try await Stage()
        let cache = stage.tenant.cache
        #expect(try await cache.increment("n") == 1)
        #expect(try await cache.increment("n", by: -5, timeToLive: .seconds(10)) == -4)
        #expect(try await cache.get("n", as: Int64.self) == -4)
        #expect(try await cache.increment("n", by: .min + 4) == .min)
        #expect(try await cache.get("n", as: Int64.self) == .min)
        await expectError(.typeMismatch) { try await cache.increment("n", by: -1) }
        try await cache.set("board", board)
        await expectError(.typeMismatch) { try await cache.increment("board") }
        #expect(try await cache.get("board", as: Dashboard.self) == board)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { for _ in 0..<50 { try await cache.increment("many") } } }
            try await group.waitForAll()
        }
        #expect(try await cache.get("many", as: Int.self) == 1_000)
    }

    @Test("Of many who compare and set at once one wins each round")
    func compareAndSet() async throws {
        let stage = try await Stage()
        let cache = stage.tenant.cache
        #expect(try await cache.compareAndSet("board", from: board, to: board) == false)
        #expect(try await cache.compareAndSet("board", from: nil, to: board))
        #expect(try await cache.compareAndSet("board", from: nil, to: board) == false)
        #expect(try await cache.setIfAbsent("board", board) == false)
        try await cache.set("n", 0)
        let wins = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    var wins = 0
                    for _ in 0..<100 {
                        guard let value = try await cache.get("n", as: Int.self) else { continue }
                        await Task.yield()
                        if try await cache.compareAndSet("n", from: value, to: value + 1) { wins += 1 }
                    }
                    return wins
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wins > 0)
        #expect(try await cache.get("n", as: Int.self) == wins)
    }

    @Test("A scan goes through all keys page by page, and removing all removes what the SDK cached too")
    func scans() async throws {
        let stage = try await Stage()
        let cache = stage.tenant.cache
        let values = Dictionary(uniqueKeysWithValues: (0..<5_000).map { ("k:\($0)", $0) })
        try await cache.set(values)
        try await cache.set("other", 1)
        let (found, pages) = try await allKeys(of: cache, prefix: "k:")
        #expect(found == Set(values.keys))
        #expect(pages > 4)
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.readsOfItem(1)
        try await other(stage).cache.set("k", 1)
        try await cache.removeAll()
        #expect(try await cache.usage().entries == 0)
        #expect(try await stage.readsOfItem(1) == 1)
        #expect(try await stage.sdk.tenant("DL").cache.get("k", as: Int.self) == 1)
    }

    @Test("Keys that are empty or too long, and values that are too large or no JSON, are refused without being shown")
    func refusals() async throws {
        let stage = try await Stage { $0.limits.maximumValueBytes = 1_000 }
        let cache = stage.tenant.cache
        await expectError(.invalidValue) { try await cache.set("", 1) }
        await expectError(.valueTooLarge) { _ = try await cache.get(String(repeating: "é", count: 513), as: Int.self) }
        await expectError(.valueTooLarge) { try await cache.set("k", String(repeating: "x", count: 1_000)) }
        await expectError(.invalidValue) { try await cache.set("k", Double.nan) }
        await expectError(.invalidCursor) { _ = try await cache.scan(after: CacheCursor("x")) }
        await expectError(.invalidValue) { _ = try await cache.lock("", for: .seconds(1)) }
        await expectError(.invalidValue) { _ = try await cache.lock("l", for: .zero) }
        #expect(try await cache.usage().entries == 0)
    }

    @Test("Calls are admitted as all others are, and fail where there is no cache, or it is away")
    func admission() async throws {
        let stage = try await Stage { $0.registry.refreshInterval = .milliseconds(1) }
        try await stage.tenant.cache.set("k", 1)
        stage.cache.set(.unavailable)
        await expectError(.unavailable) { _ = try await stage.tenant.cache.get("k", as: Int.self) }
        await expectError(.unavailable) { _ = try await stage.tenant.cache.lock("l", for: .seconds(1)) }
        stage.cache.set(.none)
        await expectError(.timeout) {
            _ = try await stage.tenant.with(timeout: .zero).cache.get("k", as: Int.self)
        }
        try await stage.sdk.tenants.suspend(TenantID("UA"))
        try await Task.sleep(for: .milliseconds(5))
        await expectError(.tenantSuspended) { _ = try await stage.tenant.cache.get("k", as: Int.self) }
        await stage.sdk.shutDown()
        await expectError(.shutDown) { _ = try await stage.tenant.cache.get("k", as: Int.self) }
        let plain = try await MultiTenantSDK.make().newTenant()
        await expectError(.unsupported) { _ = try await plain.cache.get("k", as: Int.self) }
        await expectError(.unsupported) { try await plain.cache.removeAll() }
    }

    @Test("What is cached inside a transaction is there although it is rolled back, and records are not")
    func transactions() async throws {
        let stage = try await Stage()
        await #expect(throws: Stop.self) {
            try await stage.tenant.transaction { tx in
                try await tx.cache.set("k", 1)
                try await tx.create(Item(1, 1))
                throw Stop()
            }
        }
        #expect(try await stage.tenant.cache.get("k", as: Int.self) == 1)
        #expect(try await stage.tenant.read(Item.self, 1) == nil)
    }
}
