import Tenancy
import TenancyCore
import TenancyTesting
import Testing

@Suite("The cache's protocol")
struct MemoryCacheProtocolTests {
    private let clock = ManualClock()
    private let key = CacheKey("flights:1")
    private let mine = CacheToken(rawValue: 1)
    private let others = CacheToken(rawValue: 2)

    private func run(_ cache: MemoryCache, _ commands: CacheCommand...) async throws -> [CacheReply] {
        try await cache.run(commands, for: try TenantID("UA"))
    }

    private func cache() throws -> MemoryCache { try MemoryCache(maximumBytes: 1 << 20, shards: 1, clock: clock) }

    @Test("A lease is one reader's until it fills or the time has passed")
    func leases() async throws {
        let cache = try cache()
        #expect(
            try await run(
                cache, .lookUp(key, lease: mine, leaseTime: .seconds(5)),
                .lookUp(key, lease: others, leaseTime: .seconds(5)),
                .lookUp(key, lease: mine, leaseTime: .seconds(5)), .fill(key, lease: others, [2], timeToLive: nil),
                .get(key), .fill(key, lease: mine, [1], timeToLive: nil), .get(key),
                .fill(key, lease: mine, [3], timeToLive: nil), .lookUp(key, lease: others, leaseTime: .seconds(5)))
                == [.leased, .busy, .leased, .refused, .absent, .done, .value([1]), .refused, .value([1])])
    }

    @Test("A lease that has expired fills nothing and stands in nobody's way")
    func expiredLeases() async throws {
        let cache = try cache()
        #expect(try await run(cache, .lookUp(key, lease: mine, leaseTime: .seconds(5))) == [.leased])
        clock.advance(by: .seconds(5))
        #expect(
            try await run(
                cache, .fill(key, lease: mine, [1], timeToLive: nil),
                .lookUp(key, lease: others, leaseTime: .seconds(5)))
                == [.refused, .leased])
    }

    @Test("A block removes value and lease, and keeps everyone from filling until it is lifted")
    func blocks() async throws {
        let cache = try cache()
        let block = CacheCommand.block(key, token: mine, blockTime: .seconds(5))
        #expect(
            try await run(
                cache, .set(key, [1], timeToLive: nil, condition: .always), block, .get(key),
                .lookUp(key, lease: others, leaseTime: .seconds(5)), .fill(key, lease: others, [1], timeToLive: nil),
                .set(key, [1], timeToLive: nil, condition: .always),
                .set(key, [1], timeToLive: nil, condition: .ifAbsent),
                .unblock(key, token: mine), .lookUp(key, lease: others, leaseTime: .seconds(5)))
                == [.done, .done, .absent, .blocked, .refused, .refused, .refused, .done, .leased])
        #expect(
            try await run(cache, block, .unblock(key, token: mine), .fill(key, lease: others, [0], timeToLive: nil))
                == [.done, .done, .refused])
    }

    @Test("Each writer lifts its own block only, and a dead writer's goes with time")
    func severalBlocks() async throws {
        let cache = try cache()
        let lookUp = CacheCommand.lookUp(key, lease: .random(), leaseTime: .seconds(1))
        #expect(
            try await run(
                cache, .block(key, token: mine, blockTime: .seconds(5)),
                .block(key, token: others, blockTime: .seconds(9)),
                .unblock(key, token: mine), lookUp, .unblock(key, token: mine), lookUp) == [
                    .done, .done, .done, .blocked, .done, .blocked,
                ])
        clock.advance(by: .seconds(9))
        #expect(try await run(cache, lookUp, .unblock(key, token: others)) == [.leased, .done])
    }

    @Test("A block that is set twice stands for the longer time, and is lifted once")
    func repeatedBlock() async throws {
        let cache = try cache()
        let lookUp = CacheCommand.lookUp(key, lease: .random(), leaseTime: .seconds(1))
        _ = try await run(
            cache, .block(key, token: mine, blockTime: .seconds(9)), .block(key, token: mine, blockTime: .seconds(1)))
        clock.advance(by: .seconds(5))
        #expect(try await run(cache, lookUp, .unblock(key, token: mine), lookUp) == [.blocked, .done, .leased])
    }

    @Test("An unblock removes value and lease even if its block has expired")
    func lateUnblock() async throws {
        let cache = try cache()
        _ = try await run(cache, .block(key, token: mine, blockTime: .seconds(1)))
        clock.advance(by: .seconds(2))
        #expect(
            try await run(
                cache, .set(key, [1], timeToLive: nil, condition: .always), .unblock(key, token: mine), .get(key),
                .lookUp(key, lease: others, leaseTime: .seconds(9)), .unblock(key, token: mine),
                .fill(key, lease: others, [1], timeToLive: nil)) == [.done, .done, .absent, .leased, .done, .refused])
    }

    @Test("Whatever else changes a key takes its lease away")
    func droppedLeases() async throws {
        let cache = try cache()
        for change in [
            CacheCommand.set(key, [9], timeToLive: nil, condition: .always), .delete(key),
            .increment(key, by: 1, timeToLive: nil),
        ] {
            let replies = try await run(
                cache, .delete(key), .lookUp(key, lease: mine, leaseTime: .seconds(9)), change,
                .fill(key, lease: mine, [1], timeToLive: nil))
            #expect(replies[1] == .leased)
            #expect(replies[3] == .refused)
        }
    }

    @Test("Random commands have the replies that a naive cache gives", arguments: 0..<20)
    func naive(seed: Int) async throws {
        let cache = try cache()
        var naive = NaiveCache()
        var random = SeededGenerator(seed: UInt64(seed))
        let tenants = [try TenantID("a"), try TenantID("b")]
        for step in 0..<2_000 {
            if Int.random(in: 0..<4, using: &random) == 0 {
                let duration = Duration.milliseconds(.random(in: 0...400, using: &random))
                clock.advance(by: duration)
                naive.now += duration
            }
            let tenant = Int.random(in: 0...1, using: &random)
            if Int.random(in: 0..<100, using: &random) == 0 {
                #expect(try await cache.flush(tenants[tenant]) == naive.flush(tenant))
                continue
            }
            let command = NaiveCache.randomCommand(&random)
            var reply = try await cache.run([command], for: tenants[tenant])[0]
            if case .lock = command, case .count = reply { reply = .count(1) }
            try #require(reply == naive.run(command, tenant), "seed \(seed), step \(step): \(command)")
        }
    }

    @Test("No strong read is stale, and nothing stale stays, in any of many interleavings")
    func interleavings() async throws {
        for seed in 0..<400 {
            let outcome = try await CacheProtocolSimulation(seed: UInt64(seed)).run()
            #expect(outcome == nil, "seed \(seed)")
        }
    }

    @Test(
        "Each rule is needed: without it some interleaving is stale", arguments: CacheProtocolSimulation.Rule.allCases)
    func mutants(rule: CacheProtocolSimulation.Rule) async throws {
        for seed in 0..<2_000 {
            if try await CacheProtocolSimulation(seed: UInt64(seed), without: rule).run() != nil { return }
        }
        Issue.record("nothing was found without \(rule)")
    }
}
