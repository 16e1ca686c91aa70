import TenancyCore
import TenancyTesting
import Testing

@Suite("Defects of the database in memory")
struct InMemoryDatabaseDefectTests {
    private typealias Fixture = DatabaseFixture

    /// Looks at everything that one tenant could see or do of another's.
    ///
    /// - Returns: What is wrong.
    private func leaks(_ defects: InMemoryDatabase.Defect) async throws -> [String] {
        var leaks: [String] = []
        let fixture = try await Fixture(defects: defects)
        let (database, builder, a, b) = (fixture.database, fixture.builder, fixture.a, fixture.b)
        let theirs = Fixture.row(1, ["name": "secret", "code": "x", "size": 1])
        try await fixture.insert(theirs, in: b)

        if try await database.read(Fixture.entity, keys: [1], in: a).count != 0 { leaks.append("read") }
        if try await !fixture.keys(in: a).isEmpty { leaks.append("select") }
        let count = try builder.aggregate(.always, [.init(.count)])
        if try await database.aggregate(count, in: a).int64(0, 0) != 0 { leaks.append("aggregate") }
        if try await !fixture.found("secret", in: a).isEmpty { leaks.append("search") }
        for try await _ in try await database.stream(builder.select(Query()), batchSize: 1, in: a) {
            leaks.append("stream")
        }

        let update = builder.write(.update(try Fixture.batch([Fixture.row(1, ["version": 2])])))
        if await code({ _ = try await database.write(update, in: a) }) != .notFound { leaks.append("update") }
        let matching = try builder.update(.always, [.init("name", .set("mine"))])
        if await (try? database.write(matching, in: a).affected) != 0 { leaks.append("updateMatching") }
        let delete = builder.write(.delete(keys: [1], versions: nil))
        if try await database.write(delete, in: a).affected != 0 { leaks.append("delete") }
        if try await database.write(try builder.delete(.always), in: a).affected != 0 { leaks.append("deleteMatching") }
        let upsert = builder.write(.upsert(try Fixture.batch([Fixture.row(1, ["code": "y"])])))
        if await (try? database.write(upsert, in: a).versions) != [1] { leaks.append("upsert") }
        try await database.removeAllData(in: a)
        if await code({ try await fixture.insert(Fixture.row(1, ["code": "x"]), in: a) }) != nil {
            leaks.append("unique")
        }
        try await database.removeAllData(in: a)

        _ = try? await database.withTransaction(.init(), in: a) { transaction in
            if try await !fixture.keys(on: transaction, in: a).isEmpty { leaks.append("transaction") }
            if await code({ _ = try await fixture.keys(on: transaction, in: b) }) != .tenantMismatch {
                leaks.append("mismatch")
            }
        }
        try await database.removeAllData(in: a)
        if await (try? fixture.rows(in: b)) != [theirs] { leaks.append("left") }
        return leaks
    }

    @Test("Without a defect nothing leaks")
    func sound() async throws { #expect(try await leaks([]).isEmpty) }

    @Test("Every defect of isolation leaks", arguments: InMemoryDatabase.Defect.isolation)
    func isolation(defect: InMemoryDatabase.Defect) async throws { #expect(try await !leaks(defect).isEmpty) }

    @Test("Defects are different")
    func distinct() {
        let all = InMemoryDatabase.Defect.isolation + InMemoryDatabase.Defect.behaviour
        #expect(Set(all).count == 29)
        #expect(InMemoryDatabase.Defect.isolation.contains(.uniqueAcrossTenants))
        #expect(InMemoryDatabase.Defect.behaviour.contains(.returnsOneTooMany))
    }

    /// What pages, texts and streams of another tenant's records look like.
    private func reads(_ fixture: Fixture) async throws -> [String] {
        let (database, builder, b) = (fixture.database, fixture.builder, fixture.b)
        let names: [Value] = ["Ab", "\u{1F600}", "\u{E000}", "a%b", "aXb"]
        for (id, name) in names.enumerated() { try await fixture.insert(Fixture.row(Int64(id), ["name": name]), in: b) }
        var seen = ["\(try await fixture.keys(sort: [.init("name")], in: b))"]
        seen.append("\(try await fixture.keys(.compare(field: "id", .greater, 2), limit: 2, in: b))")
        for ignoringCase in [false, true] {
            let text = TenancyCore.Predicate.text(field: "name", .prefix, "aB", ignoringCase: ignoringCase)
            seen.append("\(try await fixture.keys(text, in: b))")
            seen.append("\(try await fixture.keys(.text(field: "name", .contains, "a%b", ignoringCase: false), in: b))")
        }
        let all = try builder.select(Query(sort: [.init("id")]))
        var isFirst = true
        for try await batch in try await database.stream(all, batchSize: 2, in: b) {
            for row in 0..<batch.count { seen.append("\(try batch.int64(row, 0))") }
            if isFirst { try await fixture.insert(Fixture.row(9), in: b) }
            isFirst = false
        }
        return seen
    }

    @Test("Every defect of behaviour shows", arguments: InMemoryDatabase.Defect.behaviour)
    func behaviour(defect: InMemoryDatabase.Defect) async throws {
        struct Stop: Error {}
        func outcome(_ defects: InMemoryDatabase.Defect) async throws -> [String] {
            let fixture = try await Fixture(defects: defects)
            let (database, a) = (fixture.database, fixture.a)
            try await fixture.insert(Fixture.row(1), Fixture.row(2, ["size": 1, "code": "x"]), in: a)
            var seen = ["\(try await fixture.keys(sort: [.init("size")], in: a))"]
            seen.append("\(try await fixture.keys(.compare(field: "size", .notEqual, 1), in: a))")
            seen.append("\(try await fixture.keys(limit: 1, in: a))")
            seen += try await reads(fixture)
            let stale = fixture.builder.write(.update(try Fixture.batch([Fixture.row(1, ["version": 9])])))
            seen.append("\(await code { _ = try await database.write(stale, in: a) }?.name ?? "none")")
            seen.append(
                "\(await code { try await fixture.insert(Fixture.row(3, ["code": "x"]), in: a) }?.name ?? "none")")
            _ = await code { try await fixture.insert(Fixture.row(4), Fixture.row(1), in: a) }
            let kept = try await database.withTransaction(.init(), in: a) { $0 }
            seen.append("\(await code { _ = try await fixture.keys(on: kept, in: a) }?.name ?? "none")")
            _ = await code {
                try await database.withTransaction(.init(), in: a) { transaction in
                    try await fixture.insert(Fixture.row(5), on: transaction, in: a)
                    throw Stop()
                }
            }
            return seen + ["\(try await fixture.keys(in: a))"]
        }
        #expect(try await outcome(defect) != outcome([]))
    }
}
