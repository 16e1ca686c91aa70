import TenancyCore
import TenancyRedis
import TenancyTesting
import TestServers
import Testing

@Suite("Redis conforms", .serialized)
struct RedisConformanceTests {
    static let plain = CacheConformance(name: "Redis") {
        .init(try RedisCache(testConfiguration(), reactors: TestReactors.shared.get()))
    }
    static let secure = CacheConformance(name: "Redis over TLS") {
        .init(try RedisCache(testConfiguration(.secure), reactors: TestReactors.shared.get()))
    }

    static let cluster = CacheConformance(name: "Redis Cluster") {
        .init(try RedisCache(clusterConfiguration(), reactors: TestReactors.shared.get()))
    }
    static let sentinel = CacheConformance(name: "Redis with Sentinel") {
        .init(try RedisCache(sentinelConfiguration(), reactors: TestReactors.shared.get()))
    }

    @Test("as every cache does", .requires(.application), arguments: CacheConformance.cases)
    func conforms(_ testCase: CacheConformance.Case) async throws { try await Self.plain.check(testCase) }

    @Test("as every cache does, over TLS", .requires(.secure), arguments: CacheConformance.cases)
    func conformsOverTLS(_ testCase: CacheConformance.Case) async throws { try await Self.secure.check(testCase) }

    @Test("as every cache does, in a cluster", .requires(.cluster), arguments: CacheConformance.cases)
    func conformsInCluster(_ testCase: CacheConformance.Case) async throws {
        try await waitUntilSettled(clusterConfiguration())
        try await Self.cluster.check(testCase)
    }

    @Test("as every cache does, with sentinels", .requires(.sentinel), arguments: CacheConformance.cases)
    func conformsWithSentinels(_ testCase: CacheConformance.Case) async throws {
        try await waitUntilSettled(sentinelConfiguration())
        try await Self.sentinel.check(testCase)
    }
}
