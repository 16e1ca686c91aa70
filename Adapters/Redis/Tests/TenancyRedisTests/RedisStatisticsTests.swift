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
                // What is evicted from when the server is asked first, a second after it was connected.
                try await Task.sleep(for: .seconds(2))
                #expect(cache.statistics().evictions == 0 && cache.statistics().reconnects == 0)
                let value = [UInt8](repeating: 1, count: 20_000)
                let commands = (0..<400).map {
                    CacheCommand.set(CacheKey("k\($0)"), value, timeToLive: .seconds(600), condition: .always)
                }
                _ = try await cache.run(commands, for: tenant)
                let areCounted = try await eventually { cache.statistics().evictions > 100 }
                #expect(areCounted)
                let killed = try await admin.kill(clientsNamed: configuration.clientName)
                #expect(killed > 0)
                let isCounted = try await eventually { cache.statistics().reconnects == killed }
                #expect(isCounted, "\(cache.statistics().reconnects)")
            }
            await admin.close()
        }
    }
}
