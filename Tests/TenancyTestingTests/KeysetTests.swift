import Foundation
import TenancyCore
import Testing

@Suite("Keyset pages")
struct KeysetTests {
    private static let names: [Value] = [nil, "", "a", "A", "b", "caf\u{E9}", "cafe\u{301}", "😀"]

    private func randomRow(_ id: Int64) -> [Value] {
        DatabaseFixture.row(
            id,
            [
                "name": Self.names.randomElement() ?? nil, "size": Bool.random() ? nil : .int64(.random(in: 0...3)),
                "price": Bool.random() ? nil : .decimal(Decimal(Int.random(in: -2...2)) / 2),
                "weight": Bool.random() ? nil : .double(Double(Int.random(in: -1...1)) / 4),
            ])
    }

    private func randomSort() -> [Query.Sort] {
        let fields = ["name", "size", "price", "weight", "id"].shuffled().prefix(.random(in: 1...4))
        return fields.map { Query.Sort($0, Bool.random() ? .ascending : .descending) }
    }

    /// Nulls last in both directions, then the key: written without the code under test.
    private func isBefore(_ left: [Value], _ right: [Value], _ sort: [Query.Sort]) -> Bool {
        for term in sort + [Query.Sort("id")] {
            guard let column = DatabaseFixture.entity.column(named: term.field) else { continue }
            switch (left[column], right[column]) {
            case (.null, .null): continue
            case (.null, _): return false
            case (_, .null): return true
            case (let first, let second):
                let order = Value.order(first, second)
                if order == .orderedSame { continue }
                return (order == .orderedAscending) == (term.direction == .ascending)
            }
        }
        return false
    }

    @Test(
        "The records after any record are the rest of the order, whatever nulls, ties and directions", arguments: 0..<40
    )
    func rest(round: Int) async throws {
        let fixture = try await DatabaseFixture()
        let rows = (0..<30).map { randomRow($0) }
        for row in rows { try await fixture.insert(row, in: fixture.a) }
        let sort = randomSort()
        let expected = rows.sorted { isBefore($0, $1, sort) }
        #expect(try await fixture.rows(sort: sort, in: fixture.a) == expected)
        let order = try fixture.builder.totalOrder(sort)
        for (position, row) in expected.enumerated() {
            let after = Keyset.after(order.map { row[$0.column] }, order: order, in: DatabaseFixture.entity)
            let rest = try await fixture.rows(after, sort: sort, in: fixture.a)
            #expect(rest == Array(expected[(position + 1)...]), "\(sort)")
            let before = try await fixture.rows(.not(after), sort: sort, in: fixture.a)
            #expect(before == Array(expected[...position]), "\(sort)")
        }
    }

    @Test("Pages neither skip nor repeat what stays, while other records come and go")
    func changing() async throws {
        let fixture = try await DatabaseFixture()
        for id in 0..<50 { try await fixture.insert(randomRow(Int64(id) * 10), in: fixture.a) }
        let sort = [Query.Sort("size", .descending), Query.Sort("name")]
        let order = try fixture.builder.totalOrder(sort)
        let expected = try await fixture.keys(sort: sort, in: fixture.a)
        var seen: [Int64] = []
        var added: Int64 = 0
        var after = TenancyCore.Predicate.always
        while true {
            let page = try await fixture.rows(after, sort: sort, limit: 7, in: fixture.a)
            guard let last = page.last else { break }
            for row in page { if case .int64(let key) = row[0], key % 10 == 0 { seen.append(key) } }
            after = Keyset.after(order.map { last[$0.column] }, order: order, in: DatabaseFixture.entity)
            // A page may hold none but added rows, so that what was seen can't number them.
            try await fixture.insert(randomRow(added * 10 + 1), in: fixture.a)
            added += 1
        }
        #expect(seen == expected)
    }

    @Test("The first record's own place ends the order")
    func end() async throws {
        let fixture = try await DatabaseFixture()
        try await fixture.insert(DatabaseFixture.row(1), in: fixture.a)
        let order = try fixture.builder.totalOrder([.init("name")])
        let after = Keyset.after([nil, 1], order: order, in: DatabaseFixture.entity)
        #expect(try await fixture.keys(after, in: fixture.a).isEmpty)
    }
}
