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

    @Test("as every cache does", .requires(.application), arguments: CacheConformance.cases)
    func conforms(_ testCase: CacheConformance.Case) async throws { try await Self.plain.check(testCase) }

    @Test("as every cache does, over TLS", .requires(.secure), arguments: CacheConformance.cases)
    func conformsOverTLS(_ testCase: CacheConformance.Case) async throws { try await Self.secure.check(testCase) }
}
