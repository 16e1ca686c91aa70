import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("What is counted of the cache")
struct CacheMetersTests {
    @Test("Look-ups, bytes and latencies are counted by classes of tenants")
    func classes() async throws {
        let sdk = try await MultiTenantSDK.make(InMemoryDatabase(), try MemoryCache(maximumBytes: 16 << 20)) {
            $0.caching.localMaximumBytes = 0
        }
        for (id, attributes) in [("UA", ["class": "gold"]), ("DL", ["class": "gold"]), ("WN", [:])] {
            try await sdk.tenants.create(TenantID(id), name: id, attributes: attributes)
            let tenant = try await sdk.tenant(id)
            try await tenant.create(Item(1, 1))
            for _ in 0..<3 { _ = try await tenant.read(Item.self, 1) }
            _ = try await tenant.cache.get("absent", as: Int.self)
        }
        let classes = sdk.data.cacheStatisticsByClass
        #expect(Set(classes.keys) == ["gold", "default"])
        let (gold, plain) = (try #require(classes["gold"]), try #require(classes["default"]))
        #expect(gold.hits == 4 && gold.misses == 4 && plain.hits == 2 && plain.misses == 2)
        #expect(gold.hitRate == 0.5)
        #expect(plain.bytesWritten > 50 && plain.bytesRead > 2 * 50)
        #expect(gold.bytesRead == 2 * plain.bytesRead)
        // Each call once: writer's block and unblocking, look-ups, the generation, the fill, the value of its own.
        #expect(plain.latencies.count == 8 && plain.latencies.quantile(0.5) > .zero)
        let all = try #require(sdk.data.cacheStatistics)
        #expect(all.hits == 6 && all.misses == 6 && all.latencies.count == 24)
        #expect(all.entries > 0 && all.bytes > 0)
    }

    @Test("There are as many classes as told, however many the application invents")
    func bound() async throws {
        let meters = CacheMeters { $0.rawValue == "none" ? nil : $0.rawValue }
        for number in 0..<1_000 { meters.count(for: try TenantID("class\(number)")) { $0.hits += 1 } }
        meters.count(for: try TenantID("none")) { $0.hits += 1 }
        #expect(meters.byClass.count == CacheMeters.maximumClasses + 1)
        #expect(meters.byClass["other"]?.hits == 1_000 - CacheMeters.maximumClasses + 1)
        #expect(meters.total.hits == 1_001)
    }
}
