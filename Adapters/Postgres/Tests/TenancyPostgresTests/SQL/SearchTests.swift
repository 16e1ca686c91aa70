import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

@Suite("PostgreSQL: full-text search", .requires(.application))
struct SearchTests {
    private let a = tenant("a")
    private let b = tenant("b")

    @Test("Words are found in all search fields, folded as Tenancy folds them; weights and frequency rank")
    func ranking() async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { [a, b] bench in
            try bench.insert(
                entity,
                [
                    item(1, "Chicago O'Hare", note: "a large airport"), item(2, "Midway", note: "Chicago, chicago too"),
                    item(3, "CHICAGO Executive"), item(4, "Straße nach Zürich"), item(5),
                    item(6, "Midway", note: "chicago"),
                    item(7, "Midway", note: "Chicago"),
                ], a)
            try bench.insert(entity, [item(1, "Chicago of another")], b)
            func ids(_ text: String, all: Bool = true, prefix: Bool = false, limit: Int = 10) throws -> [Int64] {
                try bench.search(entity, text, all: all, prefix: prefix, limit: limit, a).map { $0[0].integer }
            }
            return [
                try ids("chicago"), try ids("chicago", limit: 2), try ids("chicago airport"),
                try ids("ohare o'hare", all: false), try ids("chi", prefix: true), try ids("chi"),
                try ids("STRASSE zurich"), try ids("zürich"), try ids("midway chicago"), try ids("nowhere"),
            ]
        }
        #expect(Set(outcome[0].prefix(2)) == [1, 3], "the field of five times the weight")
        #expect(outcome[0].dropFirst(2) == [2, 6, 7], "twice before once, and equal ones by key")
        #expect(outcome[1] == Array(outcome[0].prefix(2)))
        #expect(outcome[2] == [1])
        #expect(outcome[3] == [1])
        #expect(Set(outcome[4]) == [1, 2, 3, 6, 7])
        #expect(outcome[5] == [])
        #expect(outcome[6] == [4])
        #expect(outcome[7] == [4])
        #expect(Set(outcome[8]) == [2, 6, 7])
        #expect(outcome[9] == [])
    }

    @Test("Nothing that a user types is taken for an operator, and every score is a number")
    func userText() async throws {
        let page = makePage()
        let texts = [
            "a & b | !c", "'quoted' \\ back\\slash", "x:* (y", "<-> 'z", "100% \"sure\"", "ünïcode Ａ ﬁ ①②", "日本語 テスト",
            String(repeating: "long", count: 100), (0..<40).map { "w\($0)" }.joined(separator: " "), "İstanbul ΑΣ",
        ]
        let found = try await Bench.with([page]) { [a] bench in
            try bench.insert(page, texts.map { [.string($0), .uuid(UUID()), .null] }, a)
            return try texts.map { text in try bench.search(page, text, limit: 20, a) }
        }
        for (text, rows) in zip(texts, found) {
            #expect(rows.contains { $0[0] == .string(text) }, "\(text)")
            #expect(
                rows.allSatisfy { row in
                    if case .double(let score) = row[3] { score.isFinite && score > 0 } else { false }
                })
        }
    }

    @Test("Scores are those of SearchScore, to the last bit")
    func scores() async throws {
        let page = makePage()
        let texts = [
            "one", "one two one", String(repeating: "one two ", count: 300),
            String(repeating: "filler one ", count: 20_000),
            (0..<400).map { "one\($0)" }.joined(separator: " "), "tw two three",
        ]
        let found = try await Bench.with([page]) { [a] bench in
            try bench.insert(page, texts.map { [.string($0), .uuid(UUID()), .null] }, a)
            return try [true, false].map {
                try bench.search(page, "three tw one", all: false, prefix: $0, limit: 20, a)
            }
        }
        for (rows, lastIsPrefix) in zip(found, [true, false]) {
            #expect(rows.count == (lastIsPrefix ? 6 : 5))
            for row in rows {
                guard case .string(let text) = row[0], case .double(let score) = row[3] else {
                    Issue.record("A row of other types.")
                    continue
                }
                let counts = SearchScore.counts(of: ["three", "tw", "one"], lastIsPrefix: lastIsPrefix, in: text)
                #expect(
                    score == (page.searchFields.first?.weight ?? 0) * SearchScore.ofField(counts), "\(text.prefix(40))")
            }
        }
    }

    @Test("A text of a megabyte of different words is stored and found by its first words")
    func hugeText() async throws {
        let page = makePage()
        let text = (0..<150_000).map { "word\($0)" }.joined(separator: " ")
        let found = try await Bench.with([page]) { [a] bench in
            try bench.insert(page, [[.string(text), .uuid(UUID()), .null]], a)
            return try bench.search(page, "word7 word11", a).count
        }
        #expect(found == 1)
    }

    @Test("Words of records that were written before their field was searched are filled in, for every tenant")
    func backfill() async throws {
        let before = EntityDescription(name: "items", fields: makeItem().fields, keyColumn: 0, versionColumn: 11)
        let after = makeItem()
        let outcome = try await Bench.with([before, after], isMigrated: false) { [a, b] bench in
            try bench.migrate(to: [before])
            try bench.insert(before, (0..<1_500).map { item(Int64($0), "Chicago \($0)") }, a)
            try bench.insert(before, [item(1, "Zürich"), item(2)], b)
            try bench.migrate(to: [after])
            let found = (try bench.search(after, "chicago 1499", a).count, try bench.search(after, "zurich", b).count)
            let again = try bench.migrate(to: [after])
            try bench.migrate(to: [before])
            return (found.0, found.1, again, try bench.problems().isEmpty)
        }
        #expect(outcome.0 == 1)
        #expect(outcome.1 == 1)
        #expect(outcome.2 == 0)
        #expect(outcome.3)
    }
}
