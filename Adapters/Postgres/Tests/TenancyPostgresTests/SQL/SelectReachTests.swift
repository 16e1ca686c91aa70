import Testing

@testable import TenancyCore
@testable import TenancyPostgres

private struct Trip: Entity {
    var id: Int64
    var origin: String
    var day: Int64
    var delay: Int64?

    static let schema = EntitySchema(
        "trips", Trip.init, .key("id", \.id), .field("origin", \.origin), .field("day", \.day),
        .field("delay", \.delay), indexes: [.on(\.origin, \.day)])
}

@Suite("Which selections are short")
struct SelectReachTests {
    private func isNarrow(_ filter: Predicate, _ sort: (String, SortDirection)...) throws -> Bool {
        var query = Query()
        query.filter = filter
        query.sort = sort.map { Query.Sort($0.0, $0.1) }
        query.limit = 10
        let builder = StatementBuilder(Trip.schema.description, maximumValueBytes: 1 << 20)
        return SelectReach.isNarrow(try builder.select(query).shape)
    }

    private func compare(_ field: String, _ comparison: Predicate.Comparison, _ value: Value) -> Predicate {
        .compare(field: field, comparison, value)
    }

    @Test("Those that an index leads to, from where its order begins")
    func narrow() throws {
        let jfk = compare("origin", .equal, .string("JFK"))
        let late = compare("day", .greater, .int64(7))
        #expect(try isNarrow(.always))
        #expect(try isNarrow(.always, ("id", .ascending)))
        #expect(try isNarrow(.always, ("origin", .descending), ("day", .descending)))
        #expect(try isNarrow(compare("id", .greater, .int64(3)), ("id", .ascending)))
        #expect(try isNarrow(jfk, ("day", .ascending)))
        #expect(try isNarrow(.and([jfk, late]), ("day", .descending)))
        // Where a page of that order goes on.
        let position = Predicate.or([
            late, .and([compare("day", .equal, .int64(7)), compare("id", .greater, .int64(3))]),
        ])
        #expect(try isNarrow(.and([jfk, position]), ("day", .ascending)))
    }

    @Test("Not those that look at many records for the few that are wanted")
    func wide() throws {
        let jfk = compare("origin", .equal, .string("JFK"))
        let delayed = compare("delay", .greater, .int64(60))
        #expect(try !isNarrow(delayed))
        #expect(try !isNarrow(.and([jfk, delayed])))
        // With a limit comes the key's order.
        #expect(try !isNarrow(jfk))
        #expect(try !isNarrow(.always, ("delay", .descending)))
        #expect(try !isNarrow(jfk, ("delay", .descending)))
        #expect(try !isNarrow(compare("day", .equal, .int64(7))))
        #expect(try !isNarrow(.always, ("origin", .ascending), ("day", .descending)))
        #expect(try !isNarrow(compare("origin", .notEqual, .string("JFK")), ("origin", .ascending)))
        #expect(try !isNarrow(.text(field: "origin", .contains, "F", ignoringCase: false), ("origin", .ascending)))
        #expect(try !isNarrow(.or([jfk, delayed])))
    }
}
