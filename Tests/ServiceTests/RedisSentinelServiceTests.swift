import TestServers
import Testing

@Suite("Redis Sentinel", .requires(.redisSentinel))
struct RedisSentinelServiceTests {
    @Test("Every sentinel names the same master, which takes a write that its replica then has")
    func discovery() async throws {
        let sentinels = try TestServer.redisSentinel.endpoints()
        let name = try TestServer(variable: "TENANCY_TEST_REDIS_SENTINEL_MASTER", name: "redis-sentinel").address()
        let outcome = try await blocking {
            let masters = try sentinels.map { sentinel in
                try RedisConnection(sentinel).send("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name).array.compactMap(\.text)
            }
            let sentinel = try #require(sentinels.first)
            let master = try RedisConnection(Self.endpoint(#require(masters.first), as: sentinel))
            let key = uniqueName("service-test")
            let role = try master.send("ROLE").array.first
            let written = try master.send("SET", key, "by way of a sentinel", "EX", "60")
            let replicas = try master.send("WAIT", "1", "5000")

            // Each replica is described by a flat list of names and values.
            let description = try RedisConnection(sentinel).send("SENTINEL", "REPLICAS", name).array.first?.array ?? []
            let address = ["ip", "port"].compactMap { field in
                description.firstIndex(of: .text(field)).flatMap { description[$0 + 1].text }
            }
            let copied = try RedisConnection(Self.endpoint(address, as: sentinel)).send("GET", key)
            try master.send("DEL", key)
            return (masters: masters, role: role, written: written, replicas: replicas, copied: copied)
        }
        #expect(outcome.masters.count == 3)
        #expect(Set(outcome.masters).count == 1)
        #expect(outcome.role == .text("master"))
        #expect(outcome.written == .text("OK"))
        #expect(outcome.replicas == .integer(1))
        #expect(outcome.copied == .text("by way of a sentinel"))
    }

    private static func endpoint(_ address: [String], as account: Endpoint) throws -> Endpoint {
        guard address.count == 2, let port = Int(address[1]) else { throw ServerFailure("not an address: \(address)") }
        return account.moved(toHost: address[0], port: port)
    }
}
