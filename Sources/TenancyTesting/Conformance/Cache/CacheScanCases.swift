import Foundation
import TenancyCore

// What a tenant has: its keys, and what they take.
extension CacheConformance {
    static func addScanCases(_ list: inout CacheCaseList) {
        list.begin("scans")
        list.add("a tenant's keys are found, each at least once, and no other's") { t in
            let keys = Set((0..<300).map { CacheKey("k\($0)") })
            for name in ["a", "a-b"] {
                let stored = keys.map { CacheCommand.set(CacheKey($0.text + (name == "a" ? "" : "+")), "x") }
                _ = try await t.cache.run(stored, for: try t.tenant(name))
            }
            try await t.expectKeys(keys)
            try await t.expectKeys(Set(keys.map { CacheKey($0.text + "+") }), of: "a-b")
            try await t.expectKeys([], of: "b")
        }
        list.add("keys are chosen by what they begin with, byte by byte") { t in
            let texts = [
                "a", "a:1", "a:2", "a*", "a?", "a[b]", "a[", "a\\", "a\\*", "a^", "a-", "a]", "b", "*", "?", "[a]",
                "{a}",
                "{", "\u{E9}", "e\u{301}", "", " ", "\n", "\0", "日本",
            ]
            _ = try await t.cache.run(texts.map { .set(CacheKey($0), "x") }, for: try t.tenant())
            for prefix in texts + ["a:", "[", "e", "zz", "日"] {
                let expected = texts.filter { $0.utf8.starts(with: prefix.utf8) }.map { CacheKey($0) }
                try await t.expectKeys(Set(expected), prefix: prefix)
            }
        }
        list.add("leases, blocks, locks, and what is gone, are no keys") { t in
            let token = CacheToken(rawValue: 1)
            try await t.expect(
                (.set(CacheKey("here"), "x"), .done), (.set(CacheKey("gone"), "x"), .done),
                (.set(CacheKey("late"), "x", timeToLive: t.moment), .done), (.delete(CacheKey("gone")), .count(1)),
                (.lookUp(CacheKey("leased"), token), .leased), (.block(CacheKey("blocked"), token), .done))
            _ = try await t.run(.lock(CacheKey("locked"), token: token, holdTime: .seconds(600)))
            try await t.pass(t.moment * 2)
            try await t.expectKeys([CacheKey("here")])
            let usage = try await t.cache.usage(of: try t.tenant())
            t.expectEqual(usage.entries, 1, "values")
        }
        list.add("what stays during a scan is found, whatever comes and goes") { t in
            let stays = Set((0..<200).map { CacheKey("stays\($0)") })
            let tenant = try t.tenant()
            _ = try await t.cache.run(stays.map { .set($0, "x") }, for: tenant)
            var found: Set<CacheKey> = []
            var cursor: CacheCursor?
            var round = 0
            repeat {
                let page = try await t.cache.scan(tenant, prefix: "", after: cursor)
                found.formUnion(page.keys)
                cursor = page.next
                let passing = (0..<50).map { CacheKey("passes\(round)-\($0)") }
                _ = try await t.cache.run(passing.map { .set($0, "x") }, for: tenant)
                _ = try await t.cache.run(passing.dropLast(5).map { .delete($0) }, for: tenant)
                round += 1
            } while cursor != nil && round < 5_000
            t.expect(cursor == nil, "the scan has no end")
            t.expect(stays.isSubset(of: found), "\(stays.subtracting(found).count) keys were not found")
        }
        list.add("a cursor that is none is refused") { t in
            for text in ["", "x", "0", "-", "0-0-0", "99999999-0", "0-99999999999999999999", "-1--1", "*"] {
                await t.expectThrows(.invalidCursor) {
                    try await t.cache.scan(try t.tenant(), prefix: "", after: CacheCursor(text))
                }
            }
        }
        list.add("a tenant's usage grows with its values, and is that tenant's alone") { t in
            t.expectEqual(try await t.cache.usage(of: try t.tenant()), CacheUsage(), "usage of nothing")
            let size = 2_000
            let commands = (0..<50).map { CacheCommand.set(CacheKey("k\($0)"), String(repeating: "x", count: size)) }
            _ = try await t.cache.run(commands, for: try t.tenant())
            try await t.expect((.set(CacheKey("k"), "y"), .done), of: "b")
            let usage = try await t.cache.usage(of: try t.tenant())
            t.expectEqual(usage.entries, 50, "values")
            t.expect((50 * size...100 * size).contains(usage.bytes), "bytes: \(usage.bytes)")
            t.expectEqual(try await t.cache.usage(of: try t.tenant("b")).entries, 1, "values of the other")
            _ = try await t.cache.flush(try t.tenant())
            t.expectEqual(try await t.cache.usage(of: try t.tenant()), CacheUsage(), "usage after a flush")
        }
    }
}

extension CacheCaseContext {
    /// Scans to the end, and expects those keys.
    fileprivate func expectKeys(
        _ expected: Set<CacheKey>, prefix: String = "", of name: String = "a", file: StaticString = #fileID,
        line: Int = #line
    ) async throws {
        var found: Set<CacheKey> = []
        var cursor: CacheCursor?
        for _ in 0..<5_000 {
            let page = try await cache.scan(try tenant(name), prefix: prefix, after: cursor)
            found.formUnion(page.keys)
            cursor = page.next
            if cursor == nil { break }
        }
        expect(cursor == nil, "the scan has no end", file: file, line: line)
        expectEqual(
            found.map(\.text).sorted(), expected.map(\.text).sorted(), "keys that begin with '\(prefix)'", file: file,
            line: line)
    }
}
