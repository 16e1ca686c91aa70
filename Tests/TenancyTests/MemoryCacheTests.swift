import Tenancy
import TenancyCore
import TenancyTesting
import Testing

@Suite("The cache in memory")
struct MemoryCacheTests {
    let clock = ManualClock()
    let united: TenantID
    let delta: TenantID
    let key = CacheKey("flights:1")

    init() throws {
        united = try TenantID("UA")
        delta = try TenantID("DL")
    }

    private func cache(bytes: Int = 1 << 20, shards: Int? = 1) throws -> MemoryCache {
        try MemoryCache(maximumBytes: bytes, shards: shards, clock: clock)
    }

    private func value(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func set(_ key: CacheKey, _ text: String, _ timeToLive: Duration? = nil) -> CacheCommand {
        .set(key, value(text), timeToLive: timeToLive, condition: .always)
    }

    // MARK: Plain commands

    @Test("Commands run in order, with a reply for each")
    func order() async throws {
        let replies = try await cache().run(
            [.get(key), set(key, "a"), .get(key), .delete(key), .delete(key), .get(key)], for: united)
        #expect(replies == [.absent, .done, .value(value("a")), .count(1), .count(0), .absent])
        #expect(try await cache().run([], for: united).isEmpty)
    }

    @Test("Conditions hold or the value is left alone")
    func conditions() async throws {
        func conditional(_ text: String, _ condition: CacheCondition) -> CacheCommand {
            .set(key, value(text), timeToLive: nil, condition: condition)
        }
        let replies = try await cache().run(
            [
                conditional("a", .ifEqual(value("x"))), conditional("a", .ifAbsent), conditional("b", .ifAbsent),
                conditional("b", .ifEqual(value("x"))), conditional("b", .ifEqual(value("a"))), .get(key),
            ], for: united)
        #expect(replies == [.refused, .done, .refused, .refused, .done, .value(value("b"))])
    }

    @Test("Counters start at zero, keep their life time, and refuse what is no integer or leaves 64 bits")
    func increments() async throws {
        let cache = try cache()
        let replies = try await cache.run(
            [
                .increment(key, by: 5, timeToLive: .seconds(10)), .increment(key, by: -7, timeToLive: .seconds(99)),
                .get(key), .increment(key, by: .min, timeToLive: nil),
            ], for: united)
        #expect(replies == [.count(5), .count(-2), .value(value("-2")), .refused])
        clock.advance(by: .seconds(10))
        #expect(try await cache.run([.increment(key, by: 1, timeToLive: nil)], for: united) == [.count(1)])
        for text in ["", "a", "1.0", " 1", "+1", "01", "9223372036854775808", "1\n"] {
            let replies = try await cache.run([set(key, text), .increment(key, by: 1, timeToLive: nil)], for: united)
            #expect(replies == [.done, .refused], "\(text)")
        }
        #expect(
            try await cache.run([set(key, "\(Int64.max)"), .increment(key, by: 1, timeToLive: nil)], for: united)
                == [.done, .refused])
    }

    @Test("A value lives as long as it was told to, by the clock that was passed")
    func lifeTimes() async throws {
        let cache = try cache()
        _ = try await cache.run([set(key, "a", .seconds(5))], for: united)
        clock.advance(by: .milliseconds(4_999))
        #expect(
            try await cache.run([.get(key), .expire(key, .seconds(5))], for: united) == [.value(value("a")), .count(1)])
        clock.advance(by: .milliseconds(4_999))
        #expect(try await cache.run([.get(key)], for: united) == [.value(value("a"))])
        clock.advance(by: .milliseconds(1))
        #expect(
            try await cache.run([.get(key), .expire(key, .seconds(5)), .delete(key)], for: united)
                == [.absent, .count(0), .count(0)])
        #expect(try await cache.run([set(key, "a", .zero), .get(key)], for: united) == [.done, .absent])
        let long = try await cache.run([set(key, "a", .seconds(Int64.max)), .get(key)], for: united)
        #expect(long == [.done, .value(value("a"))])
    }

    @Test("Keys are told apart by their bytes")
    func bytes() async throws {
        let cache = try cache()
        _ = try await cache.run([set(CacheKey("caf\u{E9}"), "a"), set(CacheKey("cafe\u{301}"), "b")], for: united)
        #expect(try await cache.run([.get(CacheKey("caf\u{E9}"))], for: united) == [.value(value("a"))])
        #expect(try await cache.run([.get(CacheKey("cafe\u{301}"))], for: united) == [.value(value("b"))])
    }

    // MARK: Tenants

    @Test("No command of one tenant reaches another's values, blocks or leases", arguments: [1, 16])
    func tenants(shards: Int) async throws {
        let cache = try cache(shards: shards)
        let token = CacheToken.random()
        _ = try await cache.run([set(key, "united")], for: united)
        let others: [CacheCommand] = [
            .get(key), .delete(key), .expire(key, .zero), .block(key, token: token, blockTime: .seconds(60)),
        ]
        #expect(try await cache.run(others, for: delta) == [.absent, .count(0), .count(0), .done])
        #expect(try await cache.run([.get(key), set(key, "again")], for: united) == [.value(value("united")), .done])
        #expect(try await cache.run([.lookUp(key, lease: token, leaseTime: .seconds(1))], for: delta) == [.blocked])
    }

    @Test("Ids and keys that run together to the same text do not collide")
    func boundaries() async throws {
        let cache = try cache()
        let (a, ab) = (try TenantID("a"), try TenantID("ab"))
        _ = try await cache.run([set(CacheKey("bc"), "1")], for: a)
        #expect(try await cache.run([.get(CacheKey("c"))], for: ab) == [.absent])
        _ = try await cache.run([set(CacheKey("c"), "2")], for: ab)
        #expect(try await cache.run([.get(CacheKey("bc"))], for: a) == [.value(value("1"))])
    }

    @Test("A flush removes one tenant's values and leases, counts the values, and leaves blocks", arguments: [1, 8])
    func flush(shards: Int) async throws {
        let cache = try cache(shards: shards)
        for number in 0..<50 {
            _ = try await cache.run([set(CacheKey("\(number)"), "x")], for: united)
            _ = try await cache.run([set(CacheKey("\(number)"), "x")], for: delta)
        }
        let (block, lease) = (CacheToken(rawValue: 1), CacheToken(rawValue: 2))
        let blocked = CacheKey("blocked")
        _ = try await cache.run(
            [
                .block(blocked, token: block, blockTime: .seconds(9)),
                .lookUp(key, lease: lease, leaseTime: .seconds(9)),
            ],
            for: united)
        #expect(try await cache.flush(united) == 50)
        #expect(try await cache.flush(united) == 0)
        #expect(cache.statistics().entries == 50)
        #expect(
            try await cache.run([.fill(key, lease: lease, value("old"), timeToLive: nil)], for: united) == [.refused])
        #expect(try await cache.run([set(blocked, "x")], for: united) == [.refused])
        #expect(try await cache.run([.get(CacheKey("7"))], for: delta) == [.value(value("x"))])
        #expect(try await cache.run([.get(CacheKey("7"))], for: united) == [.absent])
    }

    // MARK: Bounds

    @Test("What was used longest ago goes first, and reading counts as use")
    func leastRecentlyUsed() async throws {
        let cache = try cache(bytes: MemoryCache.leastMaximumBytes)
        let keys = (0..<100).map { CacheKey("key-\($0)") }
        _ = try await cache.run([set(keys[0], "x")], for: united)
        var stored = 1
        while cache.statistics().evictions == 0 {
            _ = try await cache.run([.get(keys[0]), set(keys[stored], "x")], for: united)
            stored += 1
        }
        let present = try await cache.run(keys.prefix(stored).map { .get($0) }, for: united)
        #expect(present[0] != .absent)
        #expect(present[1] == .absent)
        #expect(present[2...].allSatisfy { $0 != .absent })
        #expect(cache.statistics().bytes <= MemoryCache.leastMaximumBytes)
    }

    @Test("The bound holds whatever is stored, and bytes are given back")
    func bound() async throws {
        let cache = try cache(bytes: 64 << 10, shards: 4)
        for round in 0..<2_000 {
            let size = (round * 37) % 3_000
            _ = try await cache.run(
                [
                    .set(
                        CacheKey("\(round % 300)"), Array(repeating: 1, count: size), timeToLive: nil,
                        condition: .always)
                ],
                for: round % 2 == 0 ? united : delta)
            #expect(cache.statistics().bytes <= 64 << 10)
        }
        #expect(cache.statistics().evictions > 0)
        try await cache.flush(united)
        try await cache.flush(delta)
        #expect(cache.statistics().bytes == 0)
        #expect(cache.statistics().entries == 0)
    }

    @Test("A value that is larger than the bound is refused, and takes the old one with it")
    func tooLarge() async throws {
        let cache = try cache(bytes: 8_192, shards: 2)
        let large = [UInt8](repeating: 0, count: cache.maximumEntryBytes)
        #expect(
            try await cache.run(
                [set(key, "a"), .set(key, large, timeToLive: nil, condition: .always), .get(key)], for: united)
                == [.done, .refused, .absent])
        let lease = CacheToken.random()
        #expect(
            try await cache.run(
                [
                    .lookUp(key, lease: lease, leaseTime: .seconds(1)),
                    .fill(key, lease: lease, large, timeToLive: nil),
                    .lookUp(key, lease: .random(), leaseTime: .seconds(1)),
                ], for: united) == [.leased, .refused, .leased])
    }

    @Test("Blocks outlast any need for room")
    func pinned() async throws {
        let cache = try cache(bytes: MemoryCache.leastMaximumBytes)
        let blocked = (0..<100).map { CacheKey("blocked-\($0)") }
        let token = CacheToken(rawValue: 1)
        _ = try await cache.run(blocked.map { .block($0, token: token, blockTime: .seconds(60)) }, for: united)
        for number in 0..<100 { _ = try await cache.run([set(CacheKey("\(number)"), "x")], for: united) }
        let replies = try await cache.run(
            blocked.map { .lookUp($0, lease: .random(), leaseTime: .seconds(1)) }, for: united)
        #expect(replies.allSatisfy { $0 == .blocked })
        _ = try await cache.run(blocked.map { .unblock($0, token: token) }, for: united)
        #expect(try await cache.run([set(key, "x"), .get(key)], for: united) == [.done, .value(value("x"))])
    }

    @Test("What expired is swept up without being asked for")
    func sweep() async throws {
        let cache = try cache()
        for number in 0..<500 {
            _ = try await cache.run(
                [
                    set(CacheKey("v\(number)"), "x", .seconds(1)),
                    .block(CacheKey("b\(number)"), token: .random(), blockTime: .seconds(1)),
                    .lookUp(CacheKey("l\(number)"), lease: .random(), leaseTime: .seconds(1)),
                ], for: united)
        }
        #expect(cache.statistics().entries == 500)
        clock.advance(by: .seconds(2))
        for _ in 0..<500 { _ = try await cache.run([.delete(key)], for: delta) }
        #expect(cache.statistics().entries == 0)
        #expect(cache.statistics().bytes == 0)
    }

    @Test("Settings out of range are refused")
    func configuration() {
        for (bytes, shards) in [(0, nil), (-1, nil), (100, nil), (1 << 20, 0), (1 << 20, 257), (1 << 20, -1)] {
            let error = #expect(throws: TenancyError.self) { try MemoryCache(maximumBytes: bytes, shards: shards) }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    @Test("After shutdown every command says so")
    func shutDown() async throws {
        let cache = try cache()
        _ = try await cache.run([set(key, "a")], for: united)
        #expect(await cache.health().isHealthy)
        await cache.shutDown()
        #expect(await !cache.health().isHealthy)
        #expect(cache.statistics().entries == 0)
        await #expect(throws: TenancyError.self) { try await cache.run([.get(key)], for: united) }
    }

    @Test("Statistics count hits and misses of reads and look-ups")
    func statistics() async throws {
        let cache = try cache()
        _ = try await cache.run(
            [
                .get(key), set(key, "a"), .get(key), .get(key), .lookUp(key, lease: .random(), leaseTime: .seconds(1)),
                .lookUp(CacheKey("other"), lease: .random(), leaseTime: .seconds(1)),
            ], for: united)
        let statistics = cache.statistics()
        #expect(statistics.hits == 3)
        #expect(statistics.misses == 2)
        #expect(statistics.entries == 1)
        #expect(statistics.hitRate == 0.6)
    }

    @Test("Counters are exact and values whole under concurrent use")
    func concurrency() async throws {
        let cache = try cache(bytes: 256 << 10, shards: 4)
        let (united, delta, counter) = (united, delta, CacheKey("counter"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let tenant = task % 2 == 0 ? united : delta
                    for round in 0..<2_000 {
                        let number = UInt8(truncatingIfNeeded: round % 64)
                        let key = CacheKey("\(number)")
                        let value = [UInt8](repeating: task % 2 == 0 ? number : number | 0x80, count: 100)
                        let replies = try await cache.run(
                            [
                                .increment(counter, by: 1, timeToLive: nil), .get(key),
                                .set(key, value, timeToLive: .seconds(60), condition: .always),
                            ], for: tenant)
                        if case .value(let found) = replies[1] { #expect(found == value) }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await cache.run([.increment(counter, by: 0, timeToLive: nil)], for: united) == [.count(8_000)])
        #expect(try await cache.run([.increment(counter, by: 0, timeToLive: nil)], for: delta) == [.count(8_000)])
    }
}
