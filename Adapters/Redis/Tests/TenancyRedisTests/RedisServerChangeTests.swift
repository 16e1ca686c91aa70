import Foundation
import TenancyCore
import TestServers
import Testing

@testable import TenancyRedis

@Suite("Redis servers that come back", .serialized, .requires(.application))
struct RedisServerChangeTests {
    private static let one = CacheToken(rawValue: 1)
    private static let key = CacheKey("k")

    @Test("A server that is gone fails calls at once, and is used again when it is back, beginning empty")
    func restart() async throws {
        try await OwnServer.with(OwnServer("--appendonly", "yes", "--appendfsync", "always")) { server in
            try await withCache(server.configuration) { cache in
                let tenant = try uniqueTenant()
                #expect(try await cache.store("kept", "k", of: tenant) == .done)
                server.kill()
                let noticed = try await eventually {
                    await timed { _ = try await cache.text("k", of: tenant) }.error?.code == .unavailable
                }
                #expect(noticed)
                for _ in 0..<100 {
                    let outcome = await timed { _ = try await cache.text("k", of: tenant) }
                    #expect(outcome.error?.code == .unavailable)
                    #expect(outcome.time < .seconds(1), "\(outcome.time)")
                }
                #expect(await cache.health().isHealthy == false)
                try await server.start()
                let held = try await eventually { await cache.health().isHealthy }
                #expect(held)
                // The server has kept what was stored, but nobody can know what it has missed.
                let admin = try await server.administrator()
                #expect(Int(try await admin.send("DBSIZE")) == 2)
                #expect(try await cache.text("k", of: tenant) == nil)
                #expect(try await cache.store("new", "k", of: tenant) == .done)
                #expect(try await cache.text("k", of: tenant) == "new")
                #expect(try await cache.flush(tenant) == 1)
                #expect(Int(try await admin.send("DBSIZE")) == 1)
                await admin.close()
            }
        }
    }

    @Test("A writer whose server was restarted before it lifts its block removes what somebody stored there meanwhile")
    func restartWithinWrite() async throws {
        try await OwnServer.with(OwnServer()) { server in
            var late = server.configuration
            // Comes back long after the other.
            (late.reconnect.minimumPause, late.reconnect.maximumPause) = (.seconds(3), .seconds(3))
            try await withCache(late) { writer in
                try await withCache(server.configuration) { reader in
                    let tenant = try uniqueTenant()
                    let block = CacheCommand.block(Self.key, token: Self.one, blockTime: .seconds(30))
                    #expect(try await writer.run([block], for: tenant) == [.done])
                    server.kill()
                    try await server.start()
                    // A reader that has read the database before the commit: the new server knows of no block.
                    let hasStored = try await eventually {
                        (try? await reader.store("replaced", "k", of: tenant)) == .done
                    }
                    #expect(hasStored)
                    let isAway = await timed { _ = try await writer.text("k", of: tenant) }
                    #expect(isAway.error?.code == .unavailable)
                    // The commit is here, and only when this returns the write is acknowledged.
                    #expect(try await writer.run([.unblock(Self.key, token: Self.one)], for: tenant) == [.done])
                    #expect(try await reader.text("k", of: tenant) == nil)
                }
            }
        }
    }

    @Test("Lifting a block on a server that stays away ends, with an error, and at once when it is cancelled")
    func unblockWithoutServer() async throws {
        try await OwnServer.with(OwnServer()) { server in
            try await withCache(server.configuration) { cache in
                let tenant = try uniqueTenant()
                server.kill()
                let unblock = CacheCommand.unblock(Self.key, token: Self.one)
                let outcome = await timed { _ = try await cache.run([unblock], for: tenant) }
                #expect(outcome.error?.code == .unavailable)
                #expect(outcome.time > KnowledgeTime.settling && outcome.time < KnowledgeTime.settling * 3)
                let second = Task { await timed { _ = try await cache.run([unblock], for: tenant) } }
                try await Task.sleep(for: .milliseconds(100))
                second.cancel()
                let other = await second.value
                #expect(other.error?.code == .cancelled && other.time < .seconds(2))
            }
        }
    }

    @Test("A replica is no server for a cache")
    func replica() async throws {
        let server = try OwnServer("--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "yes")
        try await OwnServer.with(server) { server in
            try await withCache(server.configuration) { cache in
                let tenant = try uniqueTenant()
                let outcome = await timed { _ = try await cache.text("k", of: tenant) }
                #expect(outcome.error?.code == .unavailable)
                #expect(outcome.error?.hint.contains("master") == true)
                // It may become one, and then it is used.
                let admin = try await server.administrator()
                try await admin.send("REPLICAOF", "NO", "ONE")
                let held = try await eventually { (try? await cache.store("x", "k", of: tenant)) == .done }
                #expect(held)
                await admin.close()
            }
        }
    }

    @Test("A master that was demoted and promoted again begins empty, and no two clients know it by different ids")
    func promotedAgain() async throws {
        try await OwnServer.with(OwnServer()) { server in
            try await withCache(server.configuration) { cache in
                let tenant = try uniqueTenant()
                #expect(try await cache.store("old", "k", of: tenant) == .done)
                let admin = try await server.administrator()
                // What is stored now may be an older copy for all that a client can know.
                try await admin.send("REPLICAOF", "127.0.0.1", "1")
                try await admin.send("REPLICAOF", "NO", "ONE")
                let promotion = ContinuousClock.now
                // A client that comes anew knows the new id at once, and has to wait for those that may not.
                try await withCache(server.configuration) { newcomer in
                    let early = await timed { _ = try await newcomer.text("k", of: tenant) }
                    #expect(early.error?.code == .unavailable)
                    let isUsable = try await eventually(within: .seconds(45)) {
                        (try? await newcomer.store("new", "k", of: tenant)) == .done
                    }
                    #expect(isUsable)
                    #expect(ContinuousClock.now - promotion > KnowledgeTime.limit)
                    // The other client has noticed by then.
                    let hasNoticed = try await eventually(within: .seconds(45)) {
                        (try? await cache.text("k", of: tenant)) == "new"
                    }
                    #expect(hasNoticed)
                }
                await admin.close()
            }
        }
    }

    @Test("Where what has a life time is evicted, blocks have none and stay, and a full server still takes writes")
    func eviction() async throws {
        let server = try OwnServer("--maxmemory", "6mb", "--maxmemory-policy", "volatile-lru")
        try await OwnServer.with(server) { server in
            try await withCache(server.configuration) { cache in
                let tenant = try uniqueTenant()
                for number in 0..<50 {
                    let block = CacheCommand.block(
                        CacheKey("b\(number)"), token: Self.one, blockTime: .seconds(600))
                    #expect(try await cache.run([block], for: tenant) == [.done])
                }
                let value = [UInt8](repeating: 7, count: 10_000)
                for number in 0..<2_000 {
                    let reply = try await cache.run(
                        [.set(CacheKey("v\(number)"), value, timeToLive: nil, condition: .always)], for: tenant)
                    #expect(reply == [.done])
                }
                for number in 0..<50 {
                    let lookUp = CacheCommand.lookUp(
                        CacheKey("b\(number)"), lease: Self.one, leaseTime: .seconds(9))
                    #expect(try await cache.run([lookUp], for: tenant) == [.blocked])
                }
            }
        }
    }

    @Test("A server that is full and evicts nothing stores nothing, and keeps nothing that was to be replaced")
    func full() async throws {
        let server = try OwnServer("--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
        try await OwnServer.with(server) { server in
            try await withCache(server.configuration) { cache in
                let tenant = try uniqueTenant()
                let value = [UInt8](repeating: 7, count: 20_000)
                try await cache.store("old", "k", of: tenant)
                var reply: CacheReply? = .done
                for number in 0..<1_000 where reply == .done {
                    reply = try await cache.run(
                        [.set(CacheKey("v\(number)"), value, timeToLive: nil, condition: .always)], for: tenant
                    ).first
                }
                #expect(reply == .refused)
                #expect(try await cache.store("new", "k", of: tenant) == .refused)
                #expect(try await cache.text("k", of: tenant) == nil)
                let block = CacheCommand.block(Self.key, token: Self.one, blockTime: .seconds(9))
                let outcome = await timed { _ = try await cache.run([block], for: tenant) }
                #expect(outcome.error?.code == .storageFull)
            }
        }
    }
}
