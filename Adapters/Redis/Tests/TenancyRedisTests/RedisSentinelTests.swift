import Foundation
import TenancyCore
import TenancyIO
import Testing

@testable import TenancyRedis

@Suite("A master that sentinels watch", .serialized)
struct RedisSentinelTests {
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
            let master = set.data[0]
            let lost = LostWrite(
                cache: cache, tenant: tenant, master: master, replicas: Array(set.data.dropFirst()))
            _ = try await lost.happen()
            let leader = try await set.master()
            #expect(leader.port != master.port)
            // The old value is there all the same, under the former epoch.
            #expect(Int(try await leader.send("DBSIZE")) == 2)
            #expect(try await cache.store("new", "k", of: tenant) == .done)
            // The one that comes back says for a moment that it is master; nothing goes there.
            try await master.start()
            for _ in 0..<200 {
                #expect(try await cache.text("k", of: tenant) == "new")
                try await Task.sleep(for: .milliseconds(20))
            }
            let isReplica = try await eventually(within: .seconds(45)) {
                // The sentinels close everybody's connections when they have demoted it.
                (try? await master.send("INFO", "replication"))?.contains("role:slave") == true
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
            try await set.sentinels[1].send("SENTINEL", "FAILOVER", "shop")
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
                #expect(outcome.error?.code == .invalidConfiguration && outcome.time < .seconds(5))
                await cache.shutDown()
            }
        }
    }
}
