import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

@Suite("PostgreSQL: statements", .requires(.application))
struct StatementTests {
    private let a = tenant("a")
    private let b = tenant("A")

    @Test("A record of every type is read back, by its tenant only")
    func everyType() async throws {
        let entity = makeItem()
        let row: [Value] = [
            .int64(.min), .string("grüße\u{10FFFF}'\\\"%"), .decimal(Decimal(string: "-9999999999999999.9999") ?? 0),
            .double(-.leastNonzeroMagnitude), .bool(true), .uuid(UUID()),
            .timestamp(Timestamp(microsecondsSince1970: -62_135_596_800_000_000)), .bytes([0, 255, 39]),
            .json(JSON(trusted: #"{"a": [1, 2.50, null, "\\ ü"]}"#)), .int64(.max), .string(""), .int64(7),
        ]
        let read = try await Bench.with([entity]) { [a, b] bench in
            try bench.insert(entity, [row, item(2)], a)
            try bench.insert(entity, [item(.min, "other")], b)
            return (
                one: try bench.read(entity, [.int64(.min)], a),
                many: try bench.read(entity, [.int64(.min), .int64(2), .int64(3)], a),
                other: try bench.read(entity, [.int64(.min), .int64(2)], b)
            )
        }
        #expect(read.one == [row])
        #expect(Set(read.many) == [row, item(2)])
        #expect(read.other == [item(.min, "other")])
    }

    @Test("Without a tenant, with an empty one, and after a commit there are no rows and no writes")
    func noTenant() async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { [a] bench in
            try bench.insert(entity, [item(1)], a)
            let read = try bench.library.read(entity, keys: [.int64(1)], a)
            let unset = try bench.run(read, for: nil).rows?.count
            let insert = try bench.library.write(
                bench.statement(entity, .insert(bench.batch(entity, [item(2)]))), a
            ).step(row: 0)
            let refusal = failure { try bench.run(insert.bound, for: nil) }
            let removed = try bench.run(bench.library.removeSome(bench.library.plan(for: entity), a), for: nil).count
            let setting = try bench.app.texts("SELECT current_setting('\(Isolation.setting)', true)")
            let other = try bench.run(read, for: tenant("b")).rows?.count
            let moved = failure { try bench.run(insert.bound, for: tenant("b")) }
            return (unset, refusal, removed, setting, other, moved)
        }
        #expect(outcome.0 == 0)
        #expect(outcome.1?.code == .tenantMismatch)
        #expect(outcome.2 == 0)
        #expect(outcome.3 == [[""]], "the setting is empty after its transaction, not absent")
        #expect(outcome.4 == 0, "the adapter's own condition names a, the policy b: neither opens the other")
        #expect(outcome.5?.code == .tenantMismatch)
    }

    @Test("Texts are matched by code points, or without regard to case as Swift sees it")
    func text() async throws {
        let entity = makeItem()
        let names = [
            "100%_*\"'\\;--", "100% sure", "x100%_*\"'\\;--y", "\u{D7FF}a", "\u{E000}a", "\u{10FFFF}\u{10FFFF}z",
            "\u{10FFFF}", "", "Straße", "STRASSE", "ÄB", "äb", "a_b", "axb", "ΑΣ", "ας", "ασ", "İ", "i\u{307}", "ẞ",
            "é",
            "e\u{301}",
        ]
        let sought = names + ["100%", "\u{D7FF}", "A", "s", "Σ"]
        let found = try await Bench.with([entity]) { [a] bench in
            try bench.insert(entity, names.enumerated().map { item(Int64($0.offset), $0.element) } + [item(99)], a)
            // Texts that Swift takes for equal are told apart by their bytes.
            var found: [String: Set<Int64>] = [:]
            for match in [TenancyCore.Predicate.TextMatch.prefix, .contains, .whole] {
                for ignoringCase in [false, true] {
                    for text in sought {
                        let predicate = TenancyCore.Predicate.text(
                            field: "name", match, text, ignoringCase: ignoringCase)
                        for (key, predicate) in [("", predicate), ("!", .not(predicate))] {
                            let rows = try bench.select(entity, Query(filter: predicate), a, fields: ["id"])
                            found["\(key)\(match)\(ignoringCase)\(Array(text.utf8))"] = Set(rows.map { $0[0].integer })
                        }
                    }
                }
            }
            return found
        }
        for match in [TenancyCore.Predicate.TextMatch.prefix, .contains, .whole] {
            for ignoringCase in [false, true] {
                for text in sought {
                    let expected = names.indices.filter { holds(match, names[$0], text, ignoringCase) }.map(Int64.init)
                    let all = Set(names.indices.map(Int64.init)).union([99])
                    let name = "\(match)\(ignoringCase)\(Array(text.utf8))"
                    #expect(found[name] == Set(expected), "\(match) \(ignoringCase) \(text)")
                    #expect(found["!" + name] == all.subtracting(expected), "not \(match) \(ignoringCase) \(text)")
                }
            }
        }
    }

    private func holds(
        _ match: TenancyCore.Predicate.TextMatch, _ text: String, _ sought: String, _ ignoringCase: Bool
    ) -> Bool {
        let text = Array((ignoringCase ? text.lowercased() : text).utf8)
        let sought = Array((ignoringCase ? sought.lowercased() : sought).utf8)
        switch match {
        case .whole: return text == sought
        case .prefix: return text.starts(with: sought)
        case .contains:
            guard sought.count <= text.count else { return false }
            return (0...(text.count - sought.count)).contains { text[$0...].starts(with: sought) }
        }
    }

    @Test("Comparisons, lists and their complements treat what is absent as the filter says")
    func comparisons() async throws {
        let entity = makeItem()
        let found = try await Bench.with([entity]) { [a] bench in
            try bench.insert(
                entity, [item(1, "a", amount: 1), item(2, "b", amount: 2), item(3), item(4, "c", amount: 4)], a)
            func ids(_ predicate: TenancyCore.Predicate) throws -> [Int64] {
                try bench.select(entity, Query(filter: predicate, sort: [.init("id")]), a, fields: ["id"])
                    .map { $0[0].integer }
            }
            return [
                try ids(.compare(field: "amount", .less, .decimal(4))),
                try ids(.not(.compare(field: "amount", .less, .decimal(4)))),
                try ids(.compare(field: "name", .notEqual, "a")),
                try ids(.oneOf(field: "name", ["a", "c", nil])),
                try ids(.not(.oneOf(field: "name", ["a", "c"]))),
                try ids(.not(.oneOf(field: "name", ["a", nil]))),
                try ids(.oneOf(field: "name", [])),
                try ids(.isNull(field: "amount")),
                try ids(.and([.compare(field: "id", .greater, 1), .not(.isNull(field: "name"))])),
                try ids(.or([.compare(field: "id", .equal, 1), .compare(field: "flag", .equal, true)])),
                try ids(.compare(field: "amount", .equal, .decimal(Decimal(string: "1.00000000000000000001") ?? 0))),
            ]
        }
        #expect(
            found == [[1, 2], [3, 4], [2, 3, 4], [1, 3, 4], [2, 3], [2, 4], [], [3], [2, 4], [1], []])
    }

    @Test("Orders put what is absent last in both directions; limits and keyset pages cut them")
    func order() async throws {
        let entity = makeItem()
        let found = try await Bench.with([entity]) { [a] bench in
            try bench.insert(
                entity, [item(1, "b"), item(2), item(3, "a"), item(4, "B"), item(5, "ä"), item(6), item(7, "a")], a)
            func ids(_ query: Query) throws -> [Int64] {
                try bench.select(entity, query, a, fields: ["id"]).map { $0[0].integer }
            }
            var pages: [[Int64]] = []
            for direction in [SortDirection.ascending, .descending] {
                let query = Query(sort: [.init("name", direction)], limit: 2)
                let order = try StatementBuilder(entity, maximumValueBytes: 1 << 20).select(query).shape.order
                var last: [Value]?
                while true {
                    var page = query
                    if let last { page.filter = Keyset.after(last, order: order, in: entity) }
                    let rows = try bench.select(entity, page, a)
                    guard let end = rows.last else { break }
                    pages.append(rows.map { $0[0].integer })
                    last = [end[1], end[0]]
                }
            }
            return (try ids(Query(sort: [.init("name")])), try ids(Query(sort: [.init("name", .descending)])), pages)
        }
        #expect(found.0 == [4, 3, 7, 1, 5, 2, 6])
        #expect(found.1 == [5, 1, 3, 7, 4, 2, 6])
        #expect(found.2 == [[4, 3], [7, 1], [5, 2], [6], [5, 1], [3, 7], [4, 2], [6]])
    }

    @Test("Figures are exact or fail, and groups come in order with the absent last")
    func aggregates() async throws {
        let entity = makeItem()
        let found = try await Bench.with([entity]) { [a] bench in
            try bench.insert(
                entity,
                [
                    item(1, "b", number: .max, amount: 1, rate: 0.5), item(2, nil, number: 1, amount: 2),
                    item(3, "a", number: -5), item(4, "b", number: .min),
                ], a)
            let figures: [AggregateFunction] = [
                .init(.count), .init(.count, "amount"), .init(.sum, "amount"), .init(.minimum, "name"),
                .init(.maximum, "name"), .init(.sum, "rate"), .init(.minimum, "at"),
            ]
            let all = try bench.aggregate(entity, .always, figures, a)
            let none = try bench.aggregate(entity, .never, figures, a)
            let groups = try bench.aggregate(entity, .always, groupBy: ["name"], [.init(.sum, "number")], a)
            let overflow = failure {
                _ = try bench.aggregate(
                    entity, .compare(field: "number", .greater, 0), [.init(.sum, "number")], a)
            }
            return (all, none, groups, overflow)
        }
        #expect(found.0 == [[4, 2, .decimal(3), "a", "b", .double(0.5), .null]])
        #expect(found.1 == [[0, 0, .null, .null, .null, .null, .null]])
        #expect(found.2 == [["a", -5], ["b", -1], [.null, 1]])
        #expect(found.3?.code == .invalidValue)
    }
}

extension Value {
    var integer: Int64 { if case .int64(let value) = self { value } else { .min } }
}

/// The failure of a body that is expected to fail.
func failure(_ body: () throws -> Void) -> TenancyError? {
    do {
        try body()
        return nil
    } catch { return TenancyError.wrap(error) }
}
