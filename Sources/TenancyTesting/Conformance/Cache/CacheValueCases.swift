import Foundation
import TenancyCore

// Values, conditions, counters and life times.
extension CacheConformance {
    static func addValueCases(_ list: inout CacheCaseList) {
        let key = CacheKey("key")
        list.begin("values")
        list.add("what was not stored is absent") { t in
            try await t.expect((.get(key), .absent), (.delete(key), .count(0)))
        }
        list.add("what was stored is found, and replaced by what is stored next") { t in
            try await t.expect(
                (.set(key, "one"), .done), (.get(key), .text("one")), (.set(key, "two"), .done),
                (.get(key), .text("two")),
                (.get(key), .text("two")))
        }
        list.add("values of every byte, of none and of 100 KB") { t in
            let values: [[UInt8]] = [
                [], [0], (0...255).map { UInt8($0) }, Array("\r\n$5\r\n".utf8), [UInt8](repeating: 13, count: 100_000),
            ]
            for value in values {
                try await t.expect(
                    (.set(key, value, timeToLive: nil, condition: .always), .done), (.get(key), .value(value)))
            }
        }
        list.add("an empty value is not an absent one") { t in
            try await t.expect(
                (.set(key, ""), .done), (.get(key), .value([])), (.set(key, "x", condition: .ifAbsent), .refused),
                (.delete(key), .count(1)))
        }
        list.add("deleting says whether there was a value") { t in
            try await t.expect(
                (.set(key, "x"), .done), (.delete(key), .count(1)), (.get(key), .absent), (.delete(key), .count(0)))
        }
        list.add("if absent") { t in
            try await t.expect(
                (.set(key, "one", condition: .ifAbsent), .done), (.set(key, "two", condition: .ifAbsent), .refused),
                (.get(key), .text("one")),
                (.delete(key), .count(1)), (.set(key, "two", condition: .ifAbsent), .done), (.get(key), .text("two")))
        }
        list.add("if equal") { t in
            let equal = CacheCondition.ifEqual(Array("one".utf8))
            try await t.expect(
                (.set(key, "x", condition: equal), .refused), (.get(key), .absent), (.set(key, "one"), .done),
                (.set(key, "two", condition: equal), .done), (.set(key, "three", condition: equal), .refused),
                (.get(key), .text("two")),
                (.set(key, "", condition: .always), .done), (.set(key, "four", condition: .ifEqual([])), .done),
                (.get(key), .text("four")))
        }
        list.add("counting from nothing, up and down") { t in
            try await t.expect(
                (.increment(key, by: 5, timeToLive: nil), .count(5)),
                (.increment(key, by: -7, timeToLive: nil), .count(-2)),
                (.get(key), .text("-2")), (.set(key, "40"), .done),
                (.increment(key, by: 2, timeToLive: nil), .count(42)),
                (.increment(key, by: 0, timeToLive: nil), .count(42)))
        }
        list.add("counting to the ends of 64 bits and not beyond") { t in
            try await t.expect(
                (.increment(key, by: .max, timeToLive: nil), .count(.max)),
                (.increment(key, by: 1, timeToLive: nil), .refused),
                (.get(key), .text("\(Int64.max)")), (.set(key, "\(Int64.min)"), .done),
                (.increment(key, by: -1, timeToLive: nil), .refused),
                (.increment(key, by: .max, timeToLive: nil), .count(-1)))
        }
        list.add("what is no integer is not counted") { t in
            for text in ["x", "", " 1", "1 ", "1.0", "+1x", "9223372036854775808", "0x10", "1e3", "--1"] {
                try await t.expect(
                    (.set(key, text), .done), (.increment(key, by: 1, timeToLive: nil), .refused),
                    (.get(key), .text(text)))
            }
        }
        list.add("counts at once lose none") { t in
            let tenant = try t.tenant()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        for _ in 0..<25 {
                            _ = try await t.cache.run([.increment(key, by: 1, timeToLive: nil)], for: tenant)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await t.expect((.get(key), .text("500")))
        }
        list.add("a batch is answered in order, each command after the one before it") { t in
            let other = CacheKey("other")
            let replies = try await t.cache.run(
                [
                    .get(key), .set(key, "1"), .increment(key, by: 1, timeToLive: nil), .get(other), .get(key),
                    .delete(key), .get(key),
                ], for: try t.tenant())
            t.expectEqual(replies, [.absent, .done, .count(2), .absent, .text("2"), .count(1), .absent], "replies")
            t.expectEqual(try await t.cache.run([], for: try t.tenant()), [], "replies to nothing")
        }
        list.add("a batch of 2,000 commands") { t in
            let keys = (0..<1_000).map { CacheKey("k\($0)") }
            let commands = keys.map { CacheCommand.set($0, $0.text) } + keys.map { .get($0) }
            let replies = try await t.cache.run(commands, for: try t.tenant())
            t.expectEqual(replies, keys.map { _ in .done } + keys.map { .text($0.text) }, "replies")
        }
        list.add("keys of any character are different keys") { t in
            let texts = [
                "", " ", "a", "A", "a ", "\u{E9}", "e\u{301}", ":", "a:b", "a:b:c", "*", "a*", "?", "[a]", "{a}", "{",
                "}", "\n", "\r\n", "\0",
                "a\0", "a\0b", "'", "\"", "\\", "/", "..", "%", "$", "日本", "😀", "\u{FEFF}", "get", "DEL",
                String(repeating: "k", count: 5_000),
                String(repeating: "k", count: 4_999) + "l",
            ]
            for text in texts { try await t.expect((.set(CacheKey(text), "of " + text), .done)) }
            for text in texts { try await t.expect((.get(CacheKey(text)), .text("of " + text))) }
            for text in texts { try await t.expect((.delete(CacheKey(text)), .count(1))) }
        }
        list.add("a value lives for its time, and no longer") { t in
            try await t.expect((.set(key, "x", timeToLive: t.moment * 4), .done), (.get(key), .text("x")))
            try await t.pass(t.moment)
            try await t.expect((.get(key), .text("x")))
            try await t.pass(t.moment * 4)
            try await t.expect(
                (.get(key), .absent), (.delete(key), .count(0)), (.expire(key, .seconds(9)), .count(0)),
                (.set(key, "y", condition: .ifAbsent), .done))
        }
        list.add("a value without a time stays, and one that is stored again gets its own") { t in
            let other = CacheKey("other")
            try await t.expect(
                (.set(key, "x", timeToLive: t.moment), .done), (.set(key, "y"), .done), (.set(other, "z"), .done))
            try await t.pass(t.moment * 3)
            try await t.expect((.get(key), .text("y")), (.get(other), .text("z")))
        }
        list.add("expire gives a value a new time, and none to what is absent") { t in
            try await t.expect(
                (.expire(key, .seconds(9)), .count(0)), (.set(key, "x"), .done), (.expire(key, t.moment), .count(1)))
            try await t.pass(t.moment * 2)
            try await t.expect(
                (.get(key), .absent), (.set(key, "x", timeToLive: t.moment), .done),
                (.expire(key, .seconds(600)), .count(1)))
            try await t.pass(t.moment * 2)
            try await t.expect((.get(key), .text("x")))
        }
        list.add("asking for a value gives it a new time, if that is wanted") { t in
            let other = CacheKey("other")
            try await t.expect(
                (.getAndExpire(key, .seconds(9)), .absent), (.get(key), .absent),
                (.set(key, "x", timeToLive: t.moment), .done), (.getAndExpire(key, .seconds(600)), .text("x")),
                (.set(other, "y"), .done), (.getAndExpire(other, t.moment), .text("y")))
            try await t.pass(t.moment * 2)
            try await t.expect((.get(key), .text("x")), (.getAndExpire(other, .seconds(600)), .absent))
        }
        list.add("a counter's time applies when it is created") { t in
            try await t.expect(
                (.increment(key, by: 1, timeToLive: t.moment * 2), .count(1)),
                (.increment(key, by: 1, timeToLive: .seconds(600)), .count(2)))
            try await t.pass(t.moment * 3)
            try await t.expect((.get(key), .absent), (.increment(key, by: 1, timeToLive: nil), .count(1)))
        }
        list.add("very long times are no error") { t in
            try await t.expect(
                (.set(key, "x", timeToLive: .seconds(Int64.max / 4)), .done), (.get(key), .text("x")),
                (.expire(key, .seconds(10_000_000_000)), .count(1)), (.get(key), .text("x")))
        }
    }
}
