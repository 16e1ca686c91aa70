import Foundation
import TenancyCore
import TenancyTesting
import Testing

@Suite("Queries in memory")
struct InMemoryDatabaseQueryTests {
    private typealias Fixture = DatabaseFixture

    private func filled() async throws -> DatabaseFixture {
        let fixture = try await Fixture()
        try await fixture.insert(
            Fixture.row(1, ["name": "alpha", "size": 5, "price": .decimal(1.5), "weight": 0.5]),
            Fixture.row(2, ["name": "Alpha", "size": 7, "weight": 1.5]), Fixture.row(3, ["size": 5]),
            Fixture.row(4, ["name": "caf\u{E9} 100%_\\", "price": .decimal(-2)]),
            Fixture.row(5, ["name": "cafe\u{301}", "size": -1, "price": .decimal(1.50)]), in: fixture.a)
        return fixture
    }

    @Test("A condition is true or false of every record, with values and without")
    func conditions() async throws {
        let fixture = try await filled()
        let cases: [(TenancyCore.Predicate, [Int64])] = [
            (.always, [1, 2, 3, 4, 5]), (.never, []), (.compare(field: "size", .equal, 5), [1, 3]),
            (.compare(field: "size", .notEqual, 5), [2, 4, 5]), (.not(.compare(field: "size", .equal, 5)), [2, 4, 5]),
            (.compare(field: "size", .less, 6), [1, 3, 5]), (.not(.compare(field: "size", .less, 6)), [2, 4]),
            (.isNull(field: "size"), [4]), (.not(.isNull(field: "size")), [1, 2, 3, 5]),
            (.compare(field: "size", .equal, nil), [4]), (.oneOf(field: "size", [7, -1]), [2, 5]),
            (.oneOf(field: "size", [7, nil]), [2, 4]), (.not(.oneOf(field: "size", [7, nil])), [1, 3, 5]),
            (.not(.oneOf(field: "size", [7])), [1, 3, 4, 5]), (.oneOf(field: "size", []), []),
            (.compare(field: "name", .equal, "caf\u{E9}"), []), (.compare(field: "name", .equal, "cafe\u{301}"), [5]),
            (.text(field: "name", .prefix, "caf\u{E9}"), [4]), (.text(field: "name", .contains, "%_\\"), [4]),
            (.text(field: "name", .prefix, "al"), [1]),
            (.text(field: "name", .prefix, "AL", ignoringCase: true), [1, 2]),
            (.text(field: "name", .contains, ""), [1, 2, 4, 5]), (.text(field: "name", .whole, "alpha"), [1]),
            (.not(.text(field: "name", .contains, "a")), [3]),
            (.compare(field: "price", .equal, .decimal(1.5)), [1, 5]),
            (.and([.compare(field: "size", .equal, 5), .isNull(field: "name")]), [3]),
            (.or([.compare(field: "id", .equal, 1), .compare(field: "id", .equal, 4)]), [1, 4]),
        ]
        for (filter, expected) in cases {
            #expect(try await fixture.keys(filter, in: fixture.a) == expected, "\(filter)")
            let rest = try await fixture.keys(.not(filter), in: fixture.a)
            #expect(rest == [1, 2, 3, 4, 5].filter { !expected.contains($0) }, "not \(filter)")
            #expect(try await fixture.keys(filter, in: fixture.b).isEmpty)
        }
    }

    @Test("Records without a value come last in both directions")
    func nullsLast() async throws {
        let fixture = try await filled()
        #expect(try await fixture.keys(sort: [.init("size")], in: fixture.a) == [5, 1, 3, 2, 4])
        #expect(try await fixture.keys(sort: [.init("size", .descending)], in: fixture.a) == [2, 1, 3, 5, 4])
        #expect(try await fixture.keys(sort: [.init("name")], in: fixture.a) == [2, 1, 5, 4, 3])
        #expect(try await fixture.keys(sort: [.init("size")], limit: 2, in: fixture.a) == [5, 1])
        #expect(try await fixture.keys(limit: 0, in: fixture.a).isEmpty)
    }

    @Test("Reads by key find each key once, whatever its order")
    func reads() async throws {
        let fixture = try await filled()
        let rows = try Fixture.values(
            await fixture.database.read(Fixture.entity, keys: [3, 1, 3, 99], in: fixture.a))
        #expect(Set(rows.map { $0[0] }) == [1, 3])
        #expect(rows.count == 2)
        #expect(try await fixture.database.read(Fixture.entity, keys: [1], in: fixture.b).count == 0)
    }

    @Test("A select carries the columns that were asked for")
    func columns() async throws {
        let fixture = try await filled()
        let statement = try fixture.builder.select(
            Query(filter: .compare(field: "id", .equal, 1)), fields: ["size", "name"])
        let batch = try await fixture.database.select(statement, in: fixture.a)
        #expect(batch.columnCount == 2)
        #expect(try batch.int64(0, 0) == 5)
        #expect(try batch.string(0, 1) == "alpha")
    }

    @Test("Figures, of groups and of everything")
    func aggregates() async throws {
        let fixture = try await filled()
        let functions: [AggregateFunction] = [
            .init(.count), .init(.count, "size"), .init(.sum, "size"), .init(.sum, "price"), .init(.minimum, "name"),
            .init(.maximum, "weight"),
        ]
        let all = try await fixture.database.aggregate(fixture.builder.aggregate(.always, functions), in: fixture.a)
        #expect(all.count == 1)
        #expect(try (0..<3).map { try all.int64(0, $0) } == [5, 4, 16])
        #expect(try all.decimal(0, 3) == 1)
        #expect(try all.string(0, 4) == "Alpha")
        #expect(try all.double(0, 5) == 1.5)

        let groups = try await fixture.database.aggregate(
            fixture.builder.aggregate(.always, groupBy: ["size"], [.init(.count)]), in: fixture.a)
        #expect(try (0..<3).map { try groups.int64($0, 0) } == [-1, 5, 7])
        #expect(groups.isNull(3, 0))
        #expect(try (0..<4).map { try groups.int64($0, 1) } == [1, 2, 1, 1])

        let none = try await fixture.database.aggregate(fixture.builder.aggregate(.always, functions), in: fixture.b)
        #expect(none.count == 1)
        #expect(try none.int64(0, 0) == 0)
        #expect((2..<6).allSatisfy { none.isNull(0, $0) })
        let noGroups = try await fixture.database.aggregate(
            fixture.builder.aggregate(.always, groupBy: ["size"], [.init(.count)]), in: fixture.b)
        #expect(noGroups.count == 0)
    }

    @Test("A sum beyond 64 bits is an error, one that only passes beyond on its way is not")
    func sums() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(
            Fixture.row(1, ["size": .int64(.max)]), Fixture.row(2, ["size": 1]), Fixture.row(3, ["size": -1]),
            in: fixture.a)
        func sum(_ filter: TenancyCore.Predicate) async throws -> Int64 {
            try await fixture.database.aggregate(
                fixture.builder.aggregate(filter, [.init(.sum, "size")]), in: fixture.a
            ).int64(0, 0)
        }
        #expect(try await sum(.always) == .max)
        #expect(await code { _ = try await sum(.compare(field: "id", .less, 3)) } == .invalidValue)
    }

    @Test("Search finds words, all or any, in weighted fields, the best first")
    func search() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(
            Fixture.row(1, ["name": "Chicago O'Hare International", "code": "ord"]),
            Fixture.row(2, ["name": "Chicago Midway", "code": "chicago-mdw"]),
            Fixture.row(3, ["name": "Zürich Flughafen", "code": "zrh"]), Fixture.row(4, ["code": "midway"]),
            Fixture.row(5), in: fixture.a)
        let a = fixture.a
        #expect(try await fixture.found("chicago", in: a) == [2, 1])
        #expect(try await fixture.found("CHICAGO o'hare", in: a) == [1])
        #expect(try await fixture.found("chicago midway", all: false, in: a) == [2, 1, 4])
        #expect(try await fixture.found("chicago midway", in: a) == [2])
        #expect(try await fixture.found("zurich", in: a) == [3])
        #expect(try await fixture.found("inter", in: a) == [])
        #expect(try await fixture.found("chicago inter", prefix: true, in: a) == [1])
        #expect(try await fixture.found("inter chicago", prefix: true, in: a) == [])
        #expect(try await fixture.found("midway", in: a) == [2, 4])
        #expect(try await fixture.found("midway", limit: 1, in: a) == [2])
        #expect(try await fixture.found("midway", filter: .isNull(field: "name"), in: a) == [4])
        #expect(try await fixture.found("chicago", in: fixture.b) == [])
        for text in ["", "'\"*", "%", "NOT chicago", "chicago OR x", "a:b*"] {
            _ = try await fixture.found(text, in: a)
        }
        let many = (0..<100).map { "w\($0)" }.joined(separator: " ")
        try await fixture.insert(Fixture.row(6, ["name": .string(many)]), in: a)
        #expect(try await fixture.found("w99", in: a) == [6])
    }

    @Test("A stream carries a snapshot in batches, and ends when its call does")
    func streams() async throws {
        let fixture = try await Fixture()
        for id in 0..<25 { try await fixture.insert(Fixture.row(Int64(id)), in: fixture.a) }
        let statement = try fixture.builder.select(Query(sort: [.init("id")]))
        let stream = try await fixture.database.stream(statement, batchSize: 10, in: fixture.a)
        try await fixture.insert(Fixture.row(100), in: fixture.a)
        var counts: [Int] = []
        for try await batch in stream { counts.append(batch.count) }
        #expect(counts == [10, 10, 5])

        var late = fixture.a
        late.deadline = .now + .milliseconds(20)
        let slow = try await fixture.database.stream(statement, batchSize: 1, in: late)
        let failure = await code {
            for try await _ in slow { try await Task.sleep(for: .milliseconds(30)) }
        }
        #expect(failure == .timeout)
    }

    @Test("What the database shall not be able to do it refuses")
    func capabilities() async throws {
        var capabilities = DatabaseCapabilities()
        capabilities.searches = false
        capabilities.hasTransactions = false
        let fixture = try await Fixture(capabilities: capabilities)
        #expect(await code { _ = try await fixture.found("a", in: fixture.a) } == .unsupported)
        #expect(
            await code { try await fixture.database.withTransaction(.init(), in: fixture.a) { _ in } } == .unsupported)
    }

    @Test("An entity that the database was not started with is refused")
    func unregistered() async throws {
        let database = InMemoryDatabase()
        let fixture = try await Fixture()
        #expect(
            await code { _ = try await database.read(Fixture.entity, keys: [1], in: fixture.a) } == .entityNotRegistered
        )
        let bad = EntityDescription(name: "Bad", fields: [], keyColumn: nil, versionColumn: nil)
        #expect(await code { try await database.start([bad]) } == .schemaInvalid)
    }
}
