import Foundation
import Synchronization
import TenancyCore

// Leases and blocks: the steps that keep a slow reader from storing what a writer has replaced.
extension CacheConformance {
    private static let one = CacheToken(rawValue: 1)
    private static let two = CacheToken(rawValue: .max)
    private static let key = CacheKey("key")

    static func addLeaseCases(_ list: inout CacheCaseList) {
        list.begin("leases")
        list.add("the first who looks gets the lease, others wait, and all find what was filled") { t in
            try await t.expect(
                (.lookUp(key, one), .leased), (.lookUp(key, two), .busy), (.fill(key, one, "x"), .done),
                (.lookUp(key, two), .text("x")),
                (.get(key), .text("x")))
        }
        list.add("the holder may look again") { t in
            try await t.expect(
                (.lookUp(key, one), .leased), (.lookUp(key, one), .leased), (.fill(key, one, "x"), .done))
        }
        list.add("a value that is there is found without a lease") { t in
            try await t.expect(
                (.set(key, "x"), .done), (.lookUp(key, one), .text("x")), (.fill(key, one, "y"), .refused),
                (.get(key), .text("x")))
        }
        list.add("nobody fills without a lease, or with another's") { t in
            try await t.expect(
                (.fill(key, one, "x"), .refused), (.get(key), .absent), (.lookUp(key, one), .leased),
                (.fill(key, two, "y"), .refused), (.get(key), .absent), (.fill(key, one, "x"), .done))
        }
        list.add("a lease fills once") { t in
            try await t.expect(
                (.lookUp(key, one), .leased), (.fill(key, one, "x"), .done), (.fill(key, one, "y"), .refused),
                (.get(key), .text("x")))
        }
        list.add("a delete drops the lease") { t in
            try await t.expect(
                (.lookUp(key, one), .leased), (.delete(key), .count(0)), (.fill(key, one, "old"), .refused),
                (.get(key), .absent), (.lookUp(key, two), .leased))
        }
        list.add("a store drops the lease") { t in
            try await t.expect(
                (.lookUp(key, one), .leased), (.set(key, "new"), .done), (.fill(key, one, "old"), .refused),
                (.get(key), .text("new")))
        }
        list.add("a lease ends with its time, and fills nothing then") { t in
            try await t.expect((.lookUp(key, lease: one, leaseTime: t.moment), .leased))
            try await t.pass(t.moment * 2)
            try await t.expect(
                (.fill(key, one, "old"), .refused), (.get(key), .absent), (.lookUp(key, two), .leased),
                (.fill(key, one, "old"), .refused), (.fill(key, two, "new"), .done), (.get(key), .text("new")))
        }
        list.add("a lease on what has expired") { t in
            try await t.expect((.set(key, "old", timeToLive: t.moment), .done))
            try await t.pass(t.moment * 2)
            try await t.expect(
                (.lookUp(key, one), .leased), (.fill(key, one, "new", timeToLive: t.moment), .done),
                (.get(key), .text("new")))
            try await t.pass(t.moment * 2)
            try await t.expect((.get(key), .absent), (.lookUp(key, two), .leased))
        }
        list.add("of many who look at once exactly one gets the lease") { t in
            let tenant = try t.tenant()
            let replies = await withTaskGroup(of: CacheReply?.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        try? await t.cache.run([.lookUp(key, CacheToken(rawValue: UInt64(number) + 10))], for: tenant)
                            .first
                    }
                }
                return await group.reduce(into: [CacheReply?]()) { $0.append($1) }
            }
            t.expectEqual(replies.count { $0 == .leased }, 1, "leases")
            t.expectEqual(replies.count { $0 == .busy }, 49, "who waits")
        }
        list.add("leases of several keys are several") { t in
            let other = CacheKey("other")
            try await t.expect(
                (.lookUp(key, one), .leased), (.lookUp(other, two), .leased), (.fill(other, one, "x"), .refused),
                (.fill(key, one, "x"), .done), (.fill(other, two, "y"), .done))
        }
    }

    static func addBlockCases(_ list: inout CacheCaseList) {
        list.begin("blocks")
        list.add("a block removes the value, and nobody stores until it is lifted") { t in
            try await t.expect(
                (.set(key, "old"), .done), (.block(key, one), .done), (.get(key), .absent),
                (.lookUp(key, two), .blocked),
                (.set(key, "x"), .refused),
                (.set(key, "x", condition: .ifAbsent), .refused), (.get(key), .absent), (.unblock(key, one), .done),
                (.lookUp(key, two), .leased),
                (.fill(key, two, "new"), .done), (.get(key), .text("new")))
        }
        list.add("who had the lease before a block can't fill, during it and after it") { t in
            try await t.expect(
                (.lookUp(key, two), .leased), (.block(key, one), .done), (.fill(key, two, "old"), .refused),
                (.unblock(key, one), .done), (.fill(key, two, "old"), .refused), (.get(key), .absent))
        }
        list.add("two writers' blocks stand beside each other") { t in
            try await t.expect(
                (.block(key, one), .done), (.block(key, two), .done), (.unblock(key, one), .done),
                (.lookUp(key, one), .blocked), (.set(key, "x"), .refused),
                (.unblock(key, one), .done), (.lookUp(key, one), .blocked), (.unblock(key, two), .done),
                (.lookUp(key, one), .leased))
        }
        list.add("a block that is made twice is lifted once") { t in
            try await t.expect(
                (.block(key, one), .done), (.block(key, one), .done), (.unblock(key, one), .done),
                (.lookUp(key, two), .leased))
        }
        list.add("lifting a block removes value and lease again") { t in
            try await t.expect(
                (.set(key, "x"), .done), (.unblock(key, one), .done), (.get(key), .absent),
                (.lookUp(key, two), .leased), (.unblock(key, one), .done), (.fill(key, two, "old"), .refused))
        }
        list.add("lifting another's block lifts nothing") { t in
            try await t.expect(
                (.block(key, one), .done), (.unblock(key, two), .done), (.lookUp(key, two), .blocked),
                (.set(key, "x"), .refused))
        }
        list.add("a block ends with its time") { t in
            try await t.expect((.block(key, token: one, blockTime: t.moment), .done), (.lookUp(key, two), .blocked))
            try await t.pass(t.moment * 2)
            try await t.expect((.lookUp(key, two), .leased), (.fill(key, two, "x"), .done), (.get(key), .text("x")))
        }
        list.add("one block ends, another stands") { t in
            try await t.expect((.block(key, token: one, blockTime: t.moment), .done), (.block(key, two), .done))
            try await t.pass(t.moment * 2)
            try await t.expect((.lookUp(key, one), .blocked), (.unblock(key, two), .done), (.lookUp(key, one), .leased))
        }
        list.add("a block that is made again lasts as long as the longer one") { t in
            try await t.expect((.block(key, two), .done), (.block(key, token: two, blockTime: t.moment), .done))
            try await t.pass(t.moment * 2)
            try await t.expect((.lookUp(key, one), .blocked))
        }
        list.add("blocks of several keys are several") { t in
            let other = CacheKey("other")
            try await t.expect(
                (.block(key, one), .done), (.set(other, "x"), .done), (.lookUp(other, two), .text("x")),
                (.unblock(other, one), .done), (.lookUp(key, two), .blocked))
        }
        list.add("a delete leaves a block in force") { t in
            try await t.expect(
                (.block(key, one), .done), (.delete(key), .count(0)), (.lookUp(key, two), .blocked),
                (.set(key, "x"), .refused))
        }
        list.add("readers and writers at once never leave what was replaced") { t in
            // The database is a number that only grows; a reader fills what it read before it filled.
            let stored = StoredNumber()
            let tenant = try t.tenant()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<40 {
                            let token = CacheToken.random()
                            _ = try await t.cache.run([.block(key, token)], for: tenant)
                            let written = stored.write()
                            await Task.yield()
                            _ = try await t.cache.run([.unblock(key, token)], for: tenant)
                            let reply = try await t.cache.run([.get(key)], for: tenant).first
                            if case .value(let bytes) = reply {
                                let found = Int(String(decoding: bytes, as: UTF8.self)) ?? -1
                                t.expect(found >= written, "\(found) is cached after \(written) was acknowledged")
                            }
                        }
                    }
                    group.addTask {
                        for _ in 0..<60 {
                            let token = CacheToken.random()
                            guard try await t.cache.run([.lookUp(key, token)], for: tenant).first == .leased else {
                                continue
                            }
                            let read = stored.read()
                            await Task.yield()
                            _ = try await t.cache.run([.fill(key, token, "\(read)")], for: tenant)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    static func addTenantCases(_ list: inout CacheCaseList) {
        list.begin("tenants")
        list.add("the same key of two tenants is two keys, for every command") { t in
            try await t.expect((.set(key, "of a"), .done))
            try await t.expect(
                (.get(key), .absent), (.delete(key), .count(0)), (.expire(key, .seconds(9)), .count(0)),
                (.set(key, "of b", condition: .ifAbsent), .done),
                (.set(key, "of b 2", condition: .ifEqual(Array("of b".utf8))), .done), of: "b")
            try await t.expect((.get(key), .text("of a")))
            try await t.expect((.delete(key), .count(1)), (.lookUp(key, one), .leased), of: "b")
            try await t.expect(
                (.delete(key), .count(1)), (.lookUp(key, two), .leased), (.fill(key, one, "x"), .refused),
                (.fill(key, two, "of a"), .done))
            try await t.expect(
                (.get(key), .absent), (.fill(key, one, "of b"), .done), (.get(key), .text("of b")), of: "b")
            try await t.expect((.increment(CacheKey("n"), by: 5, timeToLive: nil), .count(5)))
            try await t.expect((.increment(CacheKey("n"), by: 1, timeToLive: nil), .count(1)), of: "b")
        }
        list.add("a block of one tenant's key is not another's") { t in
            try await t.expect((.set(key, "of b"), .done), of: "b")
            try await t.expect((.block(key, one), .done))
            try await t.expect(
                (.get(key), .text("of b")), (.set(key, "new"), .done), (.unblock(key, one), .done),
                (.set(key, "of b"), .done), of: "b")
            try await t.expect((.lookUp(key, two), .blocked))
        }
        list.add("tenants that differ in case, or of which one is the other's beginning") { t in
            let names = ["a", "A", "a-b", "a_b", "a-", "ab", "a-b-c", "1", "01"]
            let keys = ["k", "b", "-b", "_b", "b-c", ""].map { CacheKey($0) }
            for name in names {
                for key in keys { try await t.expect((.set(key, "\(name) \(key.text)"), .done), of: name) }
            }
            for name in names {
                for key in keys { try await t.expect((.get(key), .text("\(name) \(key.text)")), of: name) }
            }
            t.expectEqual(try await t.cache.flush(try t.tenant("a")), keys.count, "flushed")
            for name in names {
                for key in keys {
                    try await t.expect((.get(key), name == "a" ? .absent : .text("\(name) \(key.text)")), of: name)
                }
            }
        }
        list.add("a flush removes one tenant's values, and says how many") { t in
            for number in 0..<100 {
                for name in ["a", "b"] { try await t.expect((.set(CacheKey("k\(number)"), "x"), .done), of: name) }
            }
            t.expectEqual(try await t.cache.flush(try t.tenant("a")), 100, "flushed")
            t.expectEqual(try await t.cache.flush(try t.tenant("a")), 0, "flushed again")
            t.expectEqual(try await t.cache.flush(try t.tenant("never-used")), 0, "flushed of a stranger")
            for number in 0..<100 {
                try await t.expect((.get(CacheKey("k\(number)")), .absent))
                try await t.expect((.get(CacheKey("k\(number)")), .text("x")), of: "b")
            }
            try await t.expect((.set(CacheKey("k1"), "again"), .done), (.get(CacheKey("k1")), .text("again")))
        }
        list.add("a flush leaves blocks in force, and keys with wild cards alone") { t in
            try await t.expect((.block(key, one), .done), (.set(CacheKey("*"), "x"), .done))
            try await t.expect((.set(CacheKey("*"), "of b"), .done), (.set(CacheKey("a*"), "of b"), .done), of: "b")
            t.expectEqual(try await t.cache.flush(try t.tenant("a")), 1, "flushed")
            try await t.expect(
                (.lookUp(key, two), .blocked), (.set(key, "x"), .refused), (.unblock(key, one), .done),
                (.lookUp(key, two), .leased))
            try await t.expect((.get(CacheKey("*")), .text("of b")), (.get(CacheKey("a*")), .text("of b")), of: "b")
        }
        list.add("hits and misses are counted") { t in
            let before = t.cache.statistics()
            try await t.expect(
                (.get(key), .absent), (.set(key, "x"), .done), (.get(key), .text("x")), (.lookUp(key, one), .text("x")),
                (.lookUp(CacheKey("none"), one), .leased))
            let after = t.cache.statistics()
            t.expectEqual(after.hits - before.hits, 2, "hits")
            t.expectEqual(after.misses - before.misses, 2, "misses")
        }
        list.add("is healthy, and after shutdown it is not and refuses commands") { t in
            t.expectEqual(await t.cache.health().isHealthy, true, "healthy")
            await t.cache.shutDown()
            t.expectEqual(await t.cache.health().isHealthy, false, "healthy after shutdown")
            await t.expectThrows(.shutDown) { try await t.cache.run([.get(key)], for: try t.tenant()) }
            await t.cache.shutDown()
        }
        list.add("no error shows a key or a value") { t in
            await t.cache.shutDown()
            let error = await t.expectThrows(.shutDown) {
                try await t.cache.run([.set(CacheKey("MARKER-key"), "MARKER-value")], for: try t.tenant())
            }
            t.expect(error.map { !"\($0)".contains("MARKER") } ?? true, "the error shows a value")
        }
    }
}

/// What stands for a database in a case about readers and writers.
private final class StoredNumber: Sendable {
    private let number = Mutex(0)

    func write() -> Int {
        number.withLock { number in
            number += 1
            return number
        }
    }

    func read() -> Int { number.withLock(\.self) }
}
