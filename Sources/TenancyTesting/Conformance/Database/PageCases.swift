import Foundation
import Tenancy
import TenancyCore

// Keyset pages: every record once, whatever the size, the order and what happens between two pages.
extension DatabaseConformance {
    static func addPageCases(_ list: inout CaseList) {
        list.begin("pages")
        let sorts: [(String, [Query.Sort])] = [
            ("by key", []), ("by key, descending", [.init("id", .descending)]), ("with ties", [.init("b")]),
            ("with ties, descending", [.init("b", .descending)]), ("with absent values", [.init("a")]),
            ("with absent values, descending", [.init("a", .descending)]),
            ("by doubles, absent ones among them", [.init("c", .descending)]),
            ("by instants, absent ones among them", [.init("d")]),
            ("by two optional fields", [.init("a"), .init("c")]),
            ("in mixed directions", [.init("a", .descending), .init("b"), .init("c", .descending)]),
            ("by all fields", [.init("d"), .init("c", .descending), .init("b"), .init("a"), .init("id", .descending)]),
        ]
        for (name, sort) in sorts {
            list.add("of every size, \(name)") { t in
                let handle = try await t.tenant()
                let points = Point.scattered(23)
                try await handle.bulkCreate(points)
                var query = handle.query(Point.self)
                for term in sort { query = query.sorted(by: term.field, term.direction) }
                let expected = PredicateModel.select(points, Query(sort: sort)).map(\.id)
                for size in 1...24 {
                    t.expectEqual(try await t.pages(query, size: size).map(\.id), expected, "size \(size)")
                }
                let some = try await t.pages(query.where { $0.a != 0 }, size: 3).map(\.id)
                let kept = Set(points.filter { $0.a != 0 }.map(\.id))
                t.expectEqual(some, expected.filter { kept.contains($0) }, "with a filter")
            }
        }
        list.add("of no records") { t in
            let page = try await t.tenant().query(Point.self).page(size: 5)
            t.expect(page.items.isEmpty && page.next == nil, "an empty page with no next one")
        }
        list.add("by text of every plane, by bytes of a UUID, by decimals and by booleans") { t in
            let handle = try await t.tenant()
            var random = SeededGenerator(seed: 11)
            let samples = (0..<30).map { number in
                Sample(
                    id: random.pick(["", "é", "\u{E000}", "\u{1F600}", "'"]) + "\(number)",
                    flag: random.chance(1, in: 2), amount: Decimal(Int.random(in: -3...3, using: &random)) / 4,
                    uid: UUID(
                        uuid: (UInt8.random(in: 0...255, using: &random), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
                    blob: [UInt8](repeating: 255, count: Int.random(in: 0...3, using: &random)),
                    optionalText: random.chance(1, in: 3) ? nil : random.pick(["", "a", "ä", "\u{FFFD}", "\u{1F600}"]))
            }
            try await handle.bulkCreate(samples)
            for field in ["id", "flag", "amount", "uid", "blob", "optional_text"] {
                for direction in [SortDirection.ascending, .descending] {
                    let pages = try await t.pages(handle.query(Sample.self).sorted(by: field, direction), size: 4)
                    let expected = PredicateModel.select(samples, Query(sort: [.init(field, direction)]))
                    t.expectSame(pages, expected, "\(field) \(direction)")
                }
            }
        }
        list.add("by numbers that differ in the last bit") { t in
            let handle = try await t.tenant()
            let samples = (0..<9).map { number in
                Sample(
                    id: "\(8 - number)", number: (1 << 53) + Int64(number) - 4,
                    real: 0.1 + Double(number) * 0.1.ulp, amount: Decimal(string: "1234567890123456789.\(number)") ?? 0)
            }
            try await handle.bulkCreate(samples)
            for field in ["number", "real", "amount"] {
                let pages = try await t.pages(handle.query(Sample.self).sorted(by: field), size: 1).map(\.id)
                t.expectEqual(pages, samples.map(\.id), field)
            }
        }
        list.add("by instants to the microsecond", needs: .microseconds) { t in
            let handle = try await t.tenant()
            let records = (0..<9).map { Precise(id: 9 - $0, moment: Timestamp(microsecondsSince1970: $0 - 4)) }
            try await handle.bulkCreate(records)
            let pages = try await t.pages(handle.query(Precise.self).sorted(by: \.moment), size: 2).map(\.id)
            t.expectEqual(pages, records.map(\.id), "in order")
        }
        list.add("records added and removed between pages shift nothing") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<40).map { Point(id: $0 * 10, a: $0 % 5) })
            let query = handle.query(Point.self).sorted(by: \.a, .descending)
            var seen: [Int64] = []
            var cursor: Cursor?
            var turn: Int64 = 0
            repeat {
                let page = try await query.page(size: 3, after: cursor)
                seen += page.items.map(\.id)
                cursor = page.next
                turn += 1
                // Before, among and after what was read.
                try await handle.create(Point(id: turn * 10 + 1, a: 4))
                try await handle.create(Point(id: turn * 10 + 2, a: nil))
                if let last = page.items.last { _ = try await handle.delete(Point.self, last.id) }
            } while cursor != nil && turn < 100
            t.expectEqual(Set(seen).count, seen.count, "no record twice")
            t.expectEqual(Set(seen.filter { $0 % 10 == 0 }).count, 40, "all records that were there from the beginning")
        }
        list.add("under concurrent writes no record comes twice and none is lost") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<200).map { Point(id: $0 * 2, a: $0 % 7, b: "stays") })
            let query = handle.query(Point.self).sorted(by: \.a)
            async let writes: Void = {
                for number in 0..<60 {
                    let id = Int64(number) * 6 + 1
                    try await handle.create(Point(id: id, a: Int64(number % 7), b: "comes and goes"))
                    if number % 2 == 0 { try await handle.delete(Point.self, id) }
                }
            }()
            for size in [7, 20, 50] {
                let seen = try await t.pages(query, size: size)
                t.expectEqual(Set(seen.map(\.id)).count, seen.count, "no record twice, size \(size)")
                t.expectEqual(seen.count { $0.b == "stays" }, 200, "those that stay, size \(size)")
            }
            try await writes
        }
        list.add("sizes out of bounds and queries with limits are refused") { t in
            let query = try await t.tenant().query(Point.self)
            await t.expectThrows(.valueTooLarge) { try await query.page(size: 0) }
            await t.expectThrows(.valueTooLarge) { try await query.page(size: -1) }
            await t.expectThrows(.valueTooLarge) { try await query.page(size: 1_001) }
            await t.expectThrows(.invalidQuery) { try await query.limit(3).page(size: 2) }
        }
        list.add("a condition as deep as may be can be paged through") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Point.scattered(10))
            var deep = Condition.compare(field: "id", .greater, -100)
            for _ in 0..<64 { deep = .not(deep) }
            let query = handle.query(Point.self).where(deep).sorted(by: \.a).sorted(by: \.b)
            t.expectEqual(try await query.all().count, 10, "all at once")
            t.expectEqual(try await t.pages(query, size: 3).count, 10, "in pages")
        }
    }

    static func addCursorCases(_ list: inout CaseList) {
        list.begin("cursors")
        list.add(
            "sort values too long for a cursor are told of, and a cursor that is made is taken", needs: .search
        ) { t in
            let lengths = [47_000, 60_000, 60_001]
            let handle = try await t.articles(
                lengths.map { Article(id: Int64($0), title: String(repeating: "x", count: $0)) })
            let query = handle.query(Article.self).sorted(by: \.title)
            let page = try await query.page(size: 1)
            t.expectEqual(page.items.map(\.id), [47_000], "the first page")
            await t.expectThrows(.valueTooLarge) { try await query.page(size: 1, after: page.next) }
            let rest = try await query.page(size: 5, after: page.next)
            t.expectEqual(rest.items.map(\.id), [60_000, 60_001], "the last page, which needs no cursor")
        }
        list.add("altered in any character is refused") { t in
            let (query, cursor) = try await t.cursor()
            let characters = Array(cursor.rawValue)
            for position in characters.indices {
                for replacement in ["A", "B", "_", "z", "9", "+", " ", "=", "é"]
                where String(characters[position]) != replacement {
                    var altered = characters
                    altered.replaceSubrange(position...position, with: Array(replacement))
                    await t.expectThrows(.invalidCursor, what: "position \(position) as \(replacement)") {
                        try await query.page(size: 2, after: Cursor(rawValue: String(altered)))
                    }
                }
            }
        }
        list.add("cut, lengthened or doubled is refused") { t in
            let (query, cursor) = try await t.cursor()
            let text = cursor.rawValue
            for length in 0..<text.count {
                await t.expectThrows(.invalidCursor, what: "cut to \(length)") {
                    try await query.page(size: 2, after: Cursor(rawValue: String(text.prefix(length))))
                }
            }
            for altered in [
                text + "A", text + "AAAA", "A" + text, text + "=", text + "==", text + text, text + "\n", " " + text,
            ] {
                await t.expectThrows(.invalidCursor, what: "lengthened") {
                    try await query.page(size: 2, after: Cursor(rawValue: altered))
                }
            }
        }
        list.add("garbage of every kind is refused") { t in
            let (query, _) = try await t.cursor()
            let garbage = [
                "", " ", "0", "null", "{}", "-", "====", "AAAA", "AQ", "\u{0}", "日本語", "'; --", "%00", "../..",
                String(repeating: "A", count: 100), String(repeating: "A", count: 10_000_000),
                String(repeating: "AQ", count: 30_000),
            ]
            for text in garbage {
                await t.expectThrows(.invalidCursor, what: "'\(text.prefix(20))'") {
                    try await query.page(size: 2, after: Cursor(rawValue: text))
                }
            }
        }
        list.add("of another tenant is refused") { t in
            let (_, cursor) = try await t.cursor()
            let other = try await t.tenant("b")
            try await other.bulkCreate(Point.scattered(10))
            await t.expectThrows(.invalidCursor) {
                try await other.query(Point.self).sorted(by: \.a).page(size: 2, after: cursor)
            }
        }
        list.add("of another query is refused") { t in
            let (query, cursor) = try await t.cursor()
            let plain = try await t.tenant().query(Point.self)
            let others = [
                plain, plain.sorted(by: \.a, .descending), plain.sorted(by: \.c), query.sorted(by: \.b),
                query.where { $0.a == 1 }, query.where { $0.b == "" }, plain.sorted(by: \.b).sorted(by: \.a),
            ]
            for (number, other) in others.enumerated() {
                await t.expectThrows(.invalidCursor, what: "query \(number)") {
                    try await other.page(size: 2, after: cursor)
                }
            }
        }
        list.add("of a query with another value in its filter is refused") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<9).map { Point(id: $0, a: $0 % 3, b: "\u{E9}") })
            let one = try await handle.query(Point.self).where { $0.a < 2 }.page(size: 2)
            await t.expectThrows(.invalidCursor) {
                try await handle.query(Point.self).where { $0.a < 3 }.page(size: 2, after: one.next)
            }
            let two = try await handle.query(Point.self).where { $0.b == "\u{E9}" }.page(size: 2)
            await t.expectThrows(.invalidCursor, what: "the combining form") {
                try await handle.query(Point.self).where { $0.b == "e\u{301}" }.page(size: 2, after: two.next)
            }
        }
        list.add("of another entity is refused") { t in
            let (_, cursor) = try await t.cursor()
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(5))
            await t.expectThrows(.invalidCursor) { try await handle.query(Item.self).page(size: 2, after: cursor) }
            await t.expectThrows(.invalidCursor) {
                try await handle.query(Item.self).sorted(by: \.quantity).page(size: 2, after: cursor)
            }
        }
        list.add("works in another page size, for another handle, typed and untyped, and again") { t in
            let (query, cursor) = try await t.cursor()
            let first = try await query.page(size: 2, after: cursor).items.map(\.id)
            t.expectEqual(try await query.page(size: 2, after: cursor).items.map(\.id), first, "again")
            t.expectEqual(
                try await query.page(size: 5, after: cursor).items.prefix(2).map(\.id), first, "in another size")
            let other = try await t.tenant().with(actor: "somebody").query(Point.self).sorted(by: \.a)
            t.expectEqual(try await other.page(size: 2, after: cursor).items.map(\.id), first, "for another handle")
            let untyped = try await t.tenant().records(Point.schema.description.name).query().sorted(by: "a")
            t.expectEqual(
                try await untyped.page(size: 2, after: cursor).items.map(\.key), first.map { .int64($0) }, "untyped")
            let decoded = try JSONDecoder().decode(Cursor.self, from: JSONEncoder().encode(cursor))
            t.expectEqual(try await query.page(size: 2, after: decoded).items.map(\.id), first, "through JSON")
        }
        list.add("works where its record was removed") { t in
            let (query, _) = try await t.cursor()
            let all = try await query.all().map(\.id)
            let page = try await query.page(size: 3)
            for id in all.prefix(4) { try await t.tenant().delete(Point.self, id) }
            t.expectEqual(
                try await query.page(size: 3, after: page.next).items.map(\.id), Array(all[4..<7]), "the next")
        }
    }
}

extension DatabaseCaseContext {
    /// All records of a query, read page by page.
    func pages<E: Entity>(_ query: TenantQuery<E>, size: Int) async throws -> [E] {
        var found: [E] = []
        var cursor: Cursor?
        repeat {
            let page = try await query.page(size: size, after: cursor)
            expect(page.items.count <= size, "a page of \(page.items.count) where \(size) were asked for")
            expect(page.next == nil || page.items.count == size, "a page that is short and not the last")
            found += page.items
            cursor = page.next
            if found.count > 5_000 {
                fail("the pages have no end")
                throw CaseAborted()
            }
        } while cursor != nil
        return found
    }

    fileprivate func cursor() async throws -> (TenantQuery<Point>, Cursor) {
        let handle = try await tenant()
        try await handle.bulkCreate(Point.scattered(15))
        let query = handle.query(Point.self).sorted(by: \.a)
        return (query, try require(try await query.page(size: 3).next, "next page"))
    }
}
