import Foundation
import Tenancy
import TenancyCore
import TenancyTesting
import TestServers
import Testing

@testable import TenancyRedis

@Suite("What applications cache for tenants in Redis", .serialized)
struct RedisTenantCacheTests {
    private struct Note: Entity {
        var id: Int
        static let schema = EntitySchema("notes", Note.init, .key("id", \.id))
    }

    @Test("Processes share values, counters, locks and scans", .requires(.application))
    func single() async throws { try await check(try testConfiguration()) }

    @Test("Processes share values, counters, locks and scans in a cluster", .requires(.cluster))
    func cluster() async throws { try await check(try clusterConfiguration()) }

    /// An SDK as a process of its own would have one: its database knows the tenants too.
    private func sdk(_ configuration: RedisConfiguration, _ tenants: [TenantID]) async throws -> MultiTenantSDK {
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .inMemory(), entities: [Note.self], cache: .redis(configuration)))
        for tenant in tenants { try await sdk.tenants.create(tenant, name: "A tenant") }
        // The first client after masters have changed waits some seconds.
        let isHealthy = try await eventually(within: .seconds(45)) { await sdk.health().cache?.isHealthy == true }
        #expect(isHealthy)
        return sdk
    }

    private func check(_ configuration: RedisConfiguration) async throws {
        let tenants = [try uniqueTenant(), try uniqueTenant()]
        let sdks = [try await sdk(configuration, tenants), try await sdk(configuration, tenants)]
        var caches: [TenantCache] = []
        for sdk in sdks { caches.append(try await sdk.tenant(tenants[0]).cache) }
        try await check(caches, try await sdks[1].tenant(tenants[1]).cache)
        for sdk in sdks { await sdk.shutDown() }
    }

    /// - Parameters:
    ///   - caches: One tenant's, in two processes.
    ///   - other: Another tenant's.
    private func check(_ caches: [TenantCache], _ other: TenantCache) async throws {
        let values = Dictionary(uniqueKeysWithValues: (0..<50).map { ("value:\($0)", ["n": $0]) })
        try await caches[0].set(values)
        #expect(try await caches[1].get(Array(values.keys), as: [String: Int].self) == values)
        #expect(try await other.get(Array(values.keys), as: [String: Int].self).isEmpty)

        try await caches[0].set("sum", 0)
        let wins = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                let cache = caches[task % 2]
                group.addTask {
                    var wins = 0
                    for _ in 0..<20 {
                        try await cache.increment("count")
                        guard let sum = try await cache.get("sum", as: Int.self) else { continue }
                        if try await cache.compareAndSet("sum", from: sum, to: sum + 1) { wins += 1 }
                    }
                    return wins
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wins > 0)
        #expect(try await caches[1].get("sum", as: Int.self) == wins)
        #expect(try await caches[1].get("count", as: Int.self) == 160)

        let lock = try #require(try await caches[0].lock("job", for: .seconds(60)))
        #expect(try await caches[1].lock("job", for: .seconds(60)) == nil)
        #expect(try await other.lock("job", for: .seconds(60)) != nil)
        #expect(try await lock.renewed(for: .seconds(60))?.fence == lock.fence)
        #expect(try await lock.release())
        try await caches[1].withLock("job", for: .seconds(60)) { #expect($0.fence > lock.fence) }

        var found: Set<String> = []
        var cursor: CacheCursor?
        repeat {
            let page = try await caches[1].scan(prefix: "value:", after: cursor)
            found.formUnion(page.keys)
            cursor = page.next
        } while cursor != nil
        #expect(found == Set(values.keys))
        #expect(try await caches[0].usage().entries == 52)
        try await caches[0].removeAll()
        #expect(try await caches[1].usage().entries == 0)
    }
}
