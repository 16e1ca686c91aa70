import TenancyCore
import TestServers
import Testing

@testable import TenancyRedis

@Suite("What is counted of Redis")
struct RedisStatisticsTests {
    @Test("Connections that are made again, and what a full server evicts, are counted")
    func counts() async throws {
        try await OwnServer.with(OwnServer("--maxmemory", "4mb", "--maxmemory-policy", "volatile-lru")) { server in
            let tenant = try uniqueTenant()
            let admin = try await server.administrator()
            let configuration = server.configuration
            try await withCache(configuration) { cache in
                #expect(cache.statistics().evictions == 0 && cache.statistics().reconnects == 0)
                let value = [UInt8](repeating: 1, count: 20_000)
                let commands = (0..<400).map {
                    CacheCommand.set(CacheKey("k\($0)"), value, timeToLive: .seconds(600), condition: .always)
                }
                // Counted from when the server is asked first, a second or so after it was connected.
                let areCounted = try await eventually(within: .seconds(45)) {
                    _ = try await cache.run(commands, for: tenant)
                    return cache.statistics().evictions > 100
                }
                #expect(areCounted)
                let killed = try await admin.kill(clientsNamed: configuration.clientName)
                #expect(killed > 0)
                let isCounted = try await eventually(within: .seconds(45)) { cache.statistics().reconnects >= killed }
                #expect(isCounted, "\(cache.statistics().reconnects)")
            }
            await admin.close()
        }
    }
}
