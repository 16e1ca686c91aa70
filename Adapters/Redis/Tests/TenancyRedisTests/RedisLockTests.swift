import TenancyCore
import TestServers
import Testing

@testable import TenancyRedis

@Suite("Locks in Redis")
struct RedisLockTests {
    private let name = CacheKey("job")

    private func take(
        _ cache: RedisCache, _ tenant: TenantID, _ time: Duration = .seconds(600)
    ) async throws -> (token: CacheToken, fence: Int64)? {
        let token = CacheToken.random()
        guard
            case .count(let fence) = try await cache.run([.lock(name, token: token, holdTime: time)], for: tenant).first
        else { return nil }
        return (token, fence)
    }

    @Test("After the server's end a lock is free, and the next fence is greater than the former holder's")
    func restart() async throws {
        let server = try OwnServer()
        try await OwnServer.with(server) { server in
            let tenant = try uniqueTenant()
            try await withCache(server.configuration) { cache in
                let former = try #require(try await take(cache, tenant))
                server.kill()
                try await server.start()
                let isBack = try await eventually(within: .seconds(30)) { await cache.health().isHealthy }
                #expect(isBack)
                let later = try #require(try await take(cache, tenant))
                #expect(later.fence > former.fence)
                let replies = try await cache.run(
                    [.renew(name, token: former.token, holdTime: .seconds(9)), .unlock(name, token: former.token)],
                    for: tenant)
                #expect(replies == [.refused, .refused])
                #expect(try await take(cache, tenant) == nil)
            }
        }
    }

    @Test("A fence is greater than the last one even if the server's clock shows an earlier time")
    func clockSetBack() async throws {
        try await OwnServer.with(OwnServer()) { server in
            let tenant = try uniqueTenant()
            let admin = try await server.administrator()
            try await withCache(server.configuration) { cache in
                let first = try #require(try await take(cache, tenant))
                #expect(try await cache.run([.unlock(name, token: first.token)], for: tenant) == [.done])
                // As if the fence had been given tomorrow.
                let key = try #require(try await admin.list("KEYS", "mt_sdk:tenant:*").first)
                #expect(key.hasSuffix("job"))
                let tomorrow = first.fence + 86_400_000_000
                let found = try await admin.send(
                    "EVAL",
                    "local k = redis.call('KEYS', 'mt_sdk:tenant:*') return redis.call('HSET', k[1], 'fence', ARGV[1])",
                    "0", String(tomorrow))
                #expect(found == "0")
                let second = try #require(try await take(cache, tenant))
                #expect(second.fence == tomorrow + 1)
            }
            await admin.close()
        }
    }

    @Test("A server that has forgotten its scripts is given them again, and the lock is held all the while")
    func forgottenScripts() async throws {
        try await OwnServer.with(OwnServer()) { server in
            let tenant = try uniqueTenant()
            try await withCache(server.configuration) { cache in
                try await server.send("SCRIPT", "FLUSH")
                let held = try #require(try await take(cache, tenant))
                try await server.send("SCRIPT", "FLUSH")
                let key = CacheKey("k")
                let replies = try await cache.run(
                    [
                        .set(key, [1], timeToLive: nil, condition: .always), .getAndExpire(key, .seconds(9)),
                        .lock(name, token: held.token, holdTime: .seconds(600)),
                        .lock(name, token: .random(), holdTime: .seconds(600)),
                        .renew(name, token: held.token, holdTime: .seconds(600)), .unlock(name, token: held.token),
                    ], for: tenant)
                #expect(replies == [.done, .value([1]), .count(held.fence), .busy, .done, .done])
            }
        }
    }

    @Test("A full server evicts no lock that is held", arguments: ["volatile-lru", "volatile-lfu"])
    func eviction(policy: String) async throws {
        try await OwnServer.with(OwnServer("--maxmemory", "4mb", "--maxmemory-policy", policy)) { server in
            let tenant = try uniqueTenant()
            try await withCache(server.configuration) { cache in
                _ = try #require(try await take(cache, tenant))
                let value = [UInt8](repeating: 1, count: 20_000)
                for start in stride(from: 0, to: 600, by: 50) {
                    let commands = (start..<start + 50).map {
                        CacheCommand.set(CacheKey("k\($0)"), value, timeToLive: .seconds(600), condition: .always)
                    }
                    _ = try await cache.run(commands, for: tenant)
                }
                #expect(try await cache.usage(of: tenant).entries < 600)
                #expect(try await take(cache, tenant) == nil)
            }
        }
    }
}
