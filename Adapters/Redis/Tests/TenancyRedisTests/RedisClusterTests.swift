import Foundation
import TenancyCore
import TenancyIO
import Testing

@testable import TenancyRedis

@Suite("A Redis Cluster", .serialized)
struct RedisClusterTests {
    private static let key = CacheKey("k")

    private func withCluster(
        _ change: (inout RedisConfiguration) -> Void = { _ in }, _ body: (RedisCache, OwnCluster) async throws -> Void
    ) async throws {
        try await OwnCluster.with { cluster in
            var configuration = cluster.configuration
            change(&configuration)
            try await withCache(configuration) { cache in
                let isHealthy = try await eventually(within: .seconds(45)) { await cache.health().isHealthy }
                #expect(isHealthy)
                try await body(cache, cluster)
            }
        }
    }

    /// How long it takes until a value can be stored.
    private func recovery(_ cache: RedisCache, _ tenant: TenantID, _ key: String = "k") async throws -> Duration {
        let start = ContinuousClock.now
        let held = try await eventually(within: .seconds(60)) {
            (try? await cache.store("new", key, of: tenant)) == .done
        }
        #expect(held)
        return .now - start
    }

    @Test("A batch is split by masters and gathered in order, and flushed from all of them", .timeLimit(.minutes(2)))
    func batches() async throws {
        try await withCluster { cache, cluster in
            let (tenant, other) = (try uniqueTenant(), try uniqueTenant())
            let keys = (0..<300).map { CacheKey("key \($0)") }
            let stored = try await cache.run(
                keys.enumerated().map { .set($1, Array("v\($0)".utf8), timeToLive: nil, condition: .always) },
                for: tenant)
            #expect(stored == keys.map { _ in .done })
            try await cache.store("other", "key 1", of: other)
            for server in cluster.servers.prefix(3) {
                let size = Int(try await server.send("DBSIZE")) ?? 0
                #expect(size > 50, "\(size)")
            }
            let mixed = keys.enumerated().map { number, key -> CacheCommand in
                number % 2 == 0 ? .get(key) : .lookUp(key, lease: CacheToken(rawValue: 1), leaseTime: .seconds(9))
            }
            let found = try await cache.run(mixed, for: tenant)
            #expect(found == keys.indices.map { .value(Array("v\($0)".utf8)) })
            // What is absent is leased, and what is there is returned, whatever master it is on.
            _ = try await cache.run([.delete(keys[3]), .delete(keys[5])], for: tenant)
            let partly = try await cache.run(mixed, for: tenant)
            #expect(partly[3] == .leased && partly[5] == .leased && partly[7] == .value(Array("v7".utf8)))
            #expect(try await cache.flush(tenant) == 298)
            #expect(try await cache.text("key 7", of: tenant) == nil)
            #expect(try await cache.text("key 1", of: other) == "other")
            for server in cluster.servers.prefix(3) { try await server.send("SCRIPT", "FLUSH") }
            #expect(try await cache.run(keys.map { .increment($0, by: 1, timeToLive: nil) }, for: tenant).count == 300)
            #expect(try await cache.flush(tenant) == 300)
        }
    }

    @Test(
        "A replica that takes over without having heard of a write serves nothing of before", .timeLimit(.minutes(2)))
    func lostWrite() async throws {
        try await withCluster { cache, cluster in
            let tenant = try uniqueTenant()
            let tag = HashSlot.Tag(tenant, Self.key)
            let master = try await cluster.master(of: tag.slot)
            let replica = try await cluster.replica(of: master)
            let lost = LostWrite(cache: cache, tenant: tenant, master: master, replicas: [replica])
            let time = try await lost.happen()
            #expect(time < .seconds(25), "\(time)")
            // It is there all the same, under the former epoch.
            let leader = try await cluster.master(of: tag.slot)
            #expect(leader.port == replica.port)
            #expect(Int(try await leader.send("DBSIZE")) ?? 0 >= 2)
            #expect(try await cache.store("new", "k", of: tenant) == .done)
            // The one that comes back is a replica, and nothing goes there.
            try await master.start()
            let isWhole = try await eventually(within: .seconds(45)) { try await cluster.isWhole() }
            #expect(isWhole)
            for _ in 0..<50 { #expect(try await cache.text("k", of: tenant) == "new") }
        }
    }

    @Test("A failover that an operator asks for costs some seconds for one master's slots", .timeLimit(.minutes(2)))
    func manualFailover() async throws {
        try await withCluster { cache, cluster in
            let tenant = try uniqueTenant()
            let tag = HashSlot.Tag(tenant, Self.key)
            let master = try await cluster.master(of: tag.slot)
            let untouched = try #require(
                (0..<1_000).map { "o\($0)" }.first {
                    abs(HashSlot.Tag(tenant, CacheKey($0)).slot / 5_462 - tag.slot / 5_462) == 1
                })
            try await cache.store("other", untouched, of: tenant)
            try await cache.store("old", "k", of: tenant)
            let replica = try await cluster.replica(of: master)
            #expect(try await replica.send("CLUSTER", "FAILOVER") == "OK")
            let isPromoted = try await eventually { try await cluster.master(of: tag.slot).port == replica.port }
            #expect(isPromoted)
            let end = ContinuousClock.now + .seconds(20)
            var replies: Set<String?> = []
            while ContinuousClock.now < end, !replies.contains(nil) {
                // Until the master is gone from the map its values count; then comes the pause, and then nothing.
                do {
                    replies.insert(try await cache.text("k", of: tenant))
                } catch {
                    #expect(TenancyError.wrap(error).code == .unavailable)
                }
                let other = await timed { _ = try await cache.text(untouched, of: tenant) }
                #expect(other.error == nil && other.time < .seconds(1))
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(replies.contains(nil) && replies.isSubset(of: ["old", nil]))
            #expect(try await cache.store("new", "k", of: tenant) == .done)
            #expect(try await cache.text(untouched, of: tenant) == "other")
        }
    }

    @Test("While a slot is moved every call finds its entry, and then it begins anew", .timeLimit(.minutes(2)))
    func migration() async throws {
        try await withCluster { cache, cluster in
            let tenant = try uniqueTenant()
            let tag = HashSlot.Tag(tenant, Self.key)
            // Several keys of one slot, of which some are moved before others.
            let keys = Array(
                (0..<400_000).lazy.map { CacheKey("m\($0)") }
                    .filter { HashSlot.Tag(tenant, $0).slot == tag.slot }.prefix(8))
            let source = try await cluster.master(of: tag.slot)
            let target = try await cluster.master(of: (tag.slot + 5_500) % HashSlot.count)
            let (from, to) = (try await cluster.view(of: source).witness, try await cluster.view(of: target).witness)
            let isOver = Locked(false)
            let phase = Locked(0)
            let load = Task {
                var counts = [Int64](repeating: 0, count: keys.count)
                var failures: [Int: Int] = [:]
                var restarts = 0
                while !isOver.withLock(\.self) {
                    let number = Int.random(in: keys.indices)
                    let before = phase.withLock(\.self)
                    let outcome = await timed {
                        // Two on one key and one on another, in one batch.
                        let replies = try await cache.run(
                            [
                                .increment(keys[number], by: 1, timeToLive: nil), .get(keys[number]),
                                .get(keys[(number + 1) % keys.count]),
                            ], for: tenant)
                        guard case .count(let sum) = replies[0] else { throw TenancyError(.backendFailure, "no sum") }
                        #expect(replies[1] == .value(Array(String(sum).utf8)))
                        if sum == 1, counts[number] > 1 { restarts += 1 } else { #expect(sum == counts[number] + 1) }
                        counts[number] = sum
                    }
                    if let error = outcome.error {
                        #expect(error.code == .unavailable)
                        failures[before, default: 0] += 1
                        // It may have been carried out or not.
                        if let text = try? await cache.text(keys[number].text, of: tenant), let sum = Int64(text) {
                            counts[number] = sum
                        } else {
                            counts[number] = 0
                        }
                        try await Task.sleep(for: .milliseconds(5))
                    }
                    await Task.yield()
                }
                return (failures, restarts, counts)
            }
            try await Task.sleep(for: .milliseconds(300))
            try await target.send("CLUSTER", "SETSLOT", "\(tag.slot)", "IMPORTING", from)
            try await source.send("CLUSTER", "SETSLOT", "\(tag.slot)", "MIGRATING", to)
            try await Task.sleep(for: .milliseconds(200))
            let admin = try await source.administrator()
            while true {
                let names = try await admin.list("CLUSTER", "GETKEYSINSLOT", "\(tag.slot)", "1")
                guard let name = names.first else { break }
                try await admin.send("MIGRATE", "127.0.0.1", "\(target.port)", name, "0", "5000")
                try await Task.sleep(for: .milliseconds(50))
            }
            await admin.close()
            // All keys are at the target now, and the slot is still the source's.
            try await Task.sleep(for: .milliseconds(300))
            phase.withLock { $0 = 1 }
            try await target.send("CLUSTER", "SETSLOT", "\(tag.slot)", "NODE", to)
            try await source.send("CLUSTER", "SETSLOT", "\(tag.slot)", "NODE", to)
            let start = ContinuousClock.now
            try await Task.sleep(for: .seconds(3))
            let time = try await recovery(cache, tenant)
            #expect(ContinuousClock.now - start < .seconds(20), "\(time)")
            try await Task.sleep(for: .milliseconds(500))
            isOver.withLock { $0 = true }
            let (failures, _, counts) = try await load.value
            #expect(failures[0] == nil, "\(failures)")
            #expect(failures[1] ?? 0 > 0)
            #expect(counts.allSatisfy { $0 > 0 })
            let isHealthy = try await eventually { await cache.health().isHealthy }
            #expect(isHealthy)
        }
    }

    @Test(
        "A master whose cluster is out of reach is not believed for long, and used again later", .timeLimit(.minutes(2))
    )
    func minority() async throws {
        try await withCluster { cache, cluster in
            let tenant = try uniqueTenant()
            let tag = HashSlot.Tag(tenant, Self.key)
            try await cache.store("old", "k", of: tenant)
            let master = try await cluster.master(of: tag.slot)
            let others = cluster.servers.filter { $0.port != master.port }.prefix(3)
            for server in others { server.pause(true) }
            let stop = ContinuousClock.now
            let isDoubted = try await eventually(within: .seconds(10)) {
                await timed { _ = try await cache.text("k", of: tenant) }.error != nil
            }
            #expect(isDoubted && ContinuousClock.now - stop < KnowledgeTime.limit + .seconds(2))
            let outcome = await timed { _ = try await cache.text("k", of: tenant) }
            #expect(outcome.error?.code == .unavailable && outcome.time < .seconds(1))
            #expect(await cache.health().isHealthy == false)
            for server in others { server.pause(false) }
            _ = try await recovery(cache, tenant)
        }
    }

    @Test("No read is stale while masters are killed, demoted and come back, and writes go on", .timeLimit(.minutes(4)))
    func coherence() async throws {
        try await OwnCluster.with { cluster in
            let isOver = Locked(false)
            let configuration = cluster.configuration
            let run = Task {
                try await CoherenceRun.run(configuration, operations: 100_000_000, until: { isOver.withLock(\.self) })
            }
            try await Task.sleep(for: .seconds(9))
            let first = try await cluster.master(of: 0)
            first.kill()
            try await Task.sleep(for: .seconds(14))
            try await first.start()
            let isWhole = try await eventually(within: .seconds(45)) { try await cluster.isWhole() }
            #expect(isWhole)
            let second = try await cluster.master(of: 16_383)
            let replica = try await cluster.replica(of: second)
            try await replica.send("CLUSTER", "FAILOVER")
            try await Task.sleep(for: .seconds(10))
            let third = try await cluster.master(of: 8_000)
            third.pause(true)
            try await Task.sleep(for: .seconds(6))
            third.pause(false)
            try await Task.sleep(for: .seconds(10))
            isOver.withLock { $0 = true }
            let (outcome, hits) = try await run.value
            #expect(outcome.stale == 0)
            #expect(outcome.refused > 0)
            #expect(hits > 1_000)
        }
    }

    @Test("What is no cluster is told as such")
    func wrongServers() async throws {
        try await OwnServer.with(OwnServer()) { server in
            let cache = try RedisCache(
                RedisConfiguration(.cluster([server.endpoint])), reactors: TestReactors.shared.get())
            let outcome = await timed { try await cache.start() }
            #expect(outcome.error?.code == .invalidConfiguration && outcome.time < .seconds(5))
            await cache.shutDown()
        }
        try await OwnServer.with(OwnServer("--cluster-enabled", "yes", "--cluster-port", String(OwnServer.freePort())))
        { server in
            let cache = try RedisCache(server.configuration, reactors: TestReactors.shared.get())
            let outcome = await timed { try await cache.start() }
            #expect(outcome.error?.code == .invalidConfiguration && outcome.time < .seconds(5))
            #expect(outcome.error?.hint.contains("redis+cluster") == true)
            await cache.shutDown()
        }
    }
}
