import Foundation
import TenancyCore
import TenancyIO
import Testing

@testable import TenancyRedis

@Suite("A master that sentinels watch", .serialized)
struct RedisSentinelTests {
    private static let key = CacheKey("k")

    private func withSentinels(
        _ change: (inout RedisConfiguration) -> Void = { _ in },
        _ body: (RedisCache, OwnSentinels) async throws -> Void
    ) async throws {
        try await OwnSentinels.with { set in
            var configuration = set.configuration
            change(&configuration)
            try await withCache(configuration) { cache in
                let isHealthy = try await eventually(within: .seconds(45)) { await cache.health().isHealthy }
                #expect(isHealthy)
                try await body(cache, set)
            }
        }
    }

    @Test(
        "A replica that takes over without having heard of a write serves nothing of before", .timeLimit(.minutes(2)))
    func lostWrite() async throws {
        try await withSentinels { cache, set in
            let tenant = try uniqueTenant()
            let (master, replicas) = (set.data[0], set.data.dropFirst())
            #expect(try await cache.store("old", "k", of: tenant) == .done)
            for replica in replicas {
                let hasCopied = try await eventually { Int(try await set.send(to: replica, "DBSIZE")) ?? 0 >= 2 }
                #expect(hasCopied)
                replica.pause(true)
            }
            // What is written from here on is lost with the master.
            try await set.send(to: master, "CLIENT", "KILL", "TYPE", "replica")
            let token = CacheToken.random()
            let replies = try await cache.run(
                [.block(Self.key, token: token, blockTime: .seconds(9)), .unblock(Self.key, token: token)], for: tenant)
            #expect(replies == [.done, .done])
            master.kill()
            for replica in replicas { replica.pause(false) }
            let start = ContinuousClock.now
            var failures = 0
            var found: String?
            let hasRecovered = try await eventually(within: .seconds(60)) {
                do {
                    found = try await cache.text("k", of: tenant) ?? found
                    return true
                } catch {
                    #expect(TenancyError.wrap(error).code == .unavailable)
                    failures += 1
                    return false
                }
            }
            #expect(hasRecovered && found == nil && failures > 0)
            #expect(ContinuousClock.now - start > KnowledgeTime.settling)
            let leader = try await set.master()
            #expect(leader.port != master.port)
            // The old value is there all the same, under the former epoch.
            #expect(Int(try await set.send(to: leader, "DBSIZE")) == 2)
            #expect(try await cache.store("new", "k", of: tenant) == .done)
            // The one that comes back says for a moment that it is master; nothing goes there.
            try await master.start()
            for _ in 0..<200 {
                #expect(try await cache.text("k", of: tenant) == "new")
                try await Task.sleep(for: .milliseconds(20))
            }
            let isReplica = try await eventually(within: .seconds(45)) {
                // The sentinels close everybody's connections when they have demoted it.
                (try? await set.send(to: master, "INFO", "replication"))?.contains("role:slave") == true
            }
            #expect(isReplica)
            #expect(try await cache.text("k", of: tenant) == "new")
        }
    }

    @Test("A master that was stopped in its tracks answers nobody when it goes on", .timeLimit(.minutes(2)))
    func stoppedMaster() async throws {
        try await withSentinels({
            ($0.commandTimeout, $0.idleTimeout) = (.seconds(60), .seconds(60))
        }) { cache, set in
            let tenant = try uniqueTenant()
            let configuration = set.configuration
            try await cache.store("old", "k", of: tenant)
            let master = try await set.master()
            master.pause(true)
            // Asked before anybody knows; the answer comes after another client has replaced the value.
            let late = Task { await timed { _ = try await cache.text("k", of: tenant) } }
            try await withCache(configuration) { other in
                let held = try await eventually(within: .seconds(60)) {
                    (try? await other.store("new", "k", of: tenant)) == .done
                }
                #expect(held)
                master.pause(false)
                let outcome = await late.value
                #expect(outcome.error?.code == .unavailable, "\(outcome)")
                let hasFollowed = try await eventually(within: .seconds(45)) {
                    guard let text = try? await cache.text("k", of: tenant) else { return false }
                    #expect(text == "new")
                    return true
                }
                #expect(hasFollowed)
            }
        }
    }

    @Test("Without a majority of the sentinels the master is not believed for long", .timeLimit(.minutes(2)))
    func minority() async throws {
        try await withSentinels { cache, set in
            let tenant = try uniqueTenant()
            try await cache.store("old", "k", of: tenant)
            set.sentinels[0].kill()
            // Two of three are enough.
            for _ in 0..<60 {
                #expect(try await cache.text("k", of: tenant) == "old")
                try await Task.sleep(for: .milliseconds(100))
            }
            set.sentinels[1].pause(true)
            let isDoubted = try await eventually(within: .seconds(10)) {
                await timed { _ = try await cache.text("k", of: tenant) }.error?.code == .unavailable
            }
            #expect(isDoubted)
            set.sentinels[1].pause(false)
            let held = try await eventually(within: .seconds(45)) {
                (try? await cache.store("new", "k", of: tenant)) == .done
            }
            #expect(held)
        }
    }

    @Test("No read is stale while masters change, and writes go on", .timeLimit(.minutes(4)))
    func coherence() async throws {
        try await OwnSentinels.with { set in
            let isOver = Locked(false)
            let configuration = set.configuration
            let run = Task {
                try await CoherenceRun.run(configuration, operations: 100_000_000, until: { isOver.withLock(\.self) })
            }
            try await Task.sleep(for: .seconds(9))
            let first = try await set.master()
            first.kill()
            try await Task.sleep(for: .seconds(14))
            try await first.start()
            try await Task.sleep(for: .seconds(5))
            try await set.send(to: set.sentinels[1], "SENTINEL", "FAILOVER", "shop")
            try await Task.sleep(for: .seconds(14))
            isOver.withLock { $0 = true }
            let (outcome, hits) = try await run.value
            #expect(outcome.stale == 0)
            #expect(outcome.refused > 0)
            #expect(hits > 1_000)
        }
    }

    @Test("What is no sentinel, or knows no such master, is told as such")
    func wrongServers() async throws {
        try await OwnSentinels.with { set in
            let wrong = [
                RedisConfiguration(.sentinel([set.data[0].endpoint], master: "shop")),
                RedisConfiguration(.sentinel([set.sentinels[0].endpoint], master: "other")),
                RedisConfiguration(host: "127.0.0.1", port: set.sentinels[0].port),
            ]
            for configuration in wrong {
                let cache = try RedisCache(configuration, reactors: TestReactors.shared.get())
                let outcome = await timed { try await cache.start() }
                #expect(outcome.error?.code == .invalidConfiguration && outcome.time < .seconds(2))
                await cache.shutDown()
            }
        }
    }
}
