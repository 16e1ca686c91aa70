import Foundation
import TenancyCore
import TenancyTesting
import Testing

@Suite("Writes in memory")
struct InMemoryDatabaseWriteTests {
    private typealias Fixture = DatabaseFixture

    private func failure(_ body: () async throws -> Void) async -> TenancyError? {
        do {
            try await body()
            return nil
        } catch { return TenancyError.wrap(error) }
    }

    @Test("An atomic insert that fails has changed nothing and names the row")
    func atomicInsert() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(Fixture.row(3, ["code": "c"]), in: fixture.a)
        let key = await failure {
            try await fixture.insert(Fixture.row(1), Fixture.row(2), Fixture.row(3), in: fixture.a)
        }
        #expect(key?.code == .uniqueViolation)
        #expect(key?.details.row == 2)
        #expect(key?.details.field == "id")
        let value = await failure {
            try await fixture.insert(Fixture.row(1, ["code": "x"]), Fixture.row(2, ["code": "c"]), in: fixture.a)
        }
        #expect(value?.details.row == 1)
        #expect(value?.details.field == "code")
        #expect(value?.details.tenant == fixture.a.tenant)
        #expect(try await fixture.keys(in: fixture.a) == [3])
        try await fixture.insert(Fixture.row(1, ["code": "x"]), in: fixture.a)
    }

    @Test("A bulk insert that is not atomic keeps the rows that are right")
    func partialInsert() async throws {
        let fixture = try await Fixture()
        let result = try await fixture.insert(
            Fixture.row(1, ["code": "a"]), Fixture.row(1), Fixture.row(2, ["code": "a"]), Fixture.row(3),
            atomically: false, in: fixture.a)
        #expect(result.affected == 2)
        #expect(result.failures.map(\.row) == [1, 2])
        #expect(result.failures.allSatisfy { $0.error.code == .uniqueViolation })
        #expect(try await fixture.keys(in: fixture.a) == [1, 3])
    }

    @Test("Values that are unique are so within a tenant, and no value equals none")
    func unique() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(Fixture.row(1, ["code": "a"]), in: fixture.a)
        try await fixture.insert(Fixture.row(1, ["code": "a"]), in: fixture.b)
        try await fixture.insert(Fixture.row(2), Fixture.row(3), in: fixture.a)
        try await fixture.insert(
            Fixture.row(4, ["code": "caf\u{E9}"]), Fixture.row(5, ["code": "cafe\u{301}"]), in: fixture.a)
        let swap = try fixture.builder.update(.compare(field: "id", .equal, 2), [.init("code", .set("a"))])
        #expect(await code { _ = try await fixture.database.write(swap, in: fixture.a) } == .uniqueViolation)
        let delete = fixture.builder.write(.delete(keys: [1], versions: nil))
        _ = try await fixture.database.write(delete, in: fixture.a)
        #expect(try await fixture.database.write(swap, in: fixture.a).affected == 1)
    }

    @Test("An update replaces by key and version, or says why not")
    func update() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(Fixture.row(1, ["name": "old"]), in: fixture.a)
        func update(_ rows: [Value]..., atomically: Bool = true) async throws(TenancyError) -> WriteResult {
            try await fixture.database.write(
                fixture.builder.write(.update(try Fixture.batch(rows)), isAtomic: atomically), in: fixture.a)
        }
        #expect(try await update(Fixture.row(1, ["name": "new", "version": 2])).affected == 1)
        #expect(await code { _ = try await update(Fixture.row(1, ["version": 2])) } == .staleVersion)
        #expect(await code { _ = try await update(Fixture.row(9, ["version": 2])) } == .notFound)
        let result = try await update(
            Fixture.row(9, ["version": 2]), Fixture.row(1, ["version": 3]), Fixture.row(1, ["version": 3]),
            atomically: false)
        #expect(result.affected == 1)
        #expect(result.failures.map(\.error.code) == [.notFound, .staleVersion])
        #expect(
            await code { _ = try await update(Fixture.row(1, ["version": 4]), Fixture.row(9, ["version": 2])) }
                == .notFound)
        #expect(try await fixture.rows(in: fixture.a)[0][6] == 3)
    }

    @Test("An upsert adds with version 1 and replaces with the next, and tells them")
    func upsert() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(Fixture.row(1, ["name": "old", "code": "x"]), in: fixture.a)
        func upsert(_ rows: [Value]..., atomically: Bool) async throws(TenancyError) -> WriteResult {
            try await fixture.database.write(
                fixture.builder.write(.upsert(try Fixture.batch(rows)), isAtomic: atomically), in: fixture.a)
        }
        let result = try await upsert(
            Fixture.row(1, ["version": 77]), Fixture.row(2, ["code": "y"]), Fixture.row(3, ["code": "y"]),
            Fixture.row(2, ["code": "y"]), atomically: false)
        #expect(result.versions == [2, 1, 0, 2])
        #expect(result.failures.map(\.row) == [2])
        #expect(try await fixture.rows(in: fixture.a)[0] == Fixture.row(1, ["version": 2]))
        #expect(
            await code { _ = try await upsert(Fixture.row(9), Fixture.row(3, ["code": "y"]), atomically: true) }
                == .uniqueViolation)
        #expect(try await fixture.keys(in: fixture.a) == [1, 2])
    }

    @Test("Removal by key ignores what is not there and minds versions")
    func delete() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(Fixture.row(1), Fixture.row(2), Fixture.row(3), in: fixture.a)
        func delete(_ keys: [Value], _ versions: [Int64]?, atomically: Bool = true) async throws(TenancyError)
            -> WriteResult
        {
            try await fixture.database.write(
                fixture.builder.write(.delete(keys: keys, versions: versions), isAtomic: atomically), in: fixture.a)
        }
        #expect(try await delete([1, 99], nil).affected == 1)
        #expect(await code { _ = try await delete([2, 3], [1, 9]) } == .staleVersion)
        #expect(try await fixture.keys(in: fixture.a) == [2, 3])
        let result = try await delete([2, 3, 4], [9, 1, 5], atomically: false)
        #expect(result.affected == 1)
        #expect(result.failures.map(\.row) == [0])
        let rest = try fixture.builder.delete(.always)
        #expect(try await fixture.database.write(rest, in: fixture.a).affected == 1)
    }

    @Test("An update by filter counts versions on, leaves nulls, and applies nothing if a sum does not fit")
    func updateMatching() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(
            Fixture.row(1, ["size": 1, "price": .decimal(9_999), "weight": 1.0]), Fixture.row(2),
            Fixture.row(3, ["size": .int64(.max - 5), "weight": .double(.greatestFiniteMagnitude)]), in: fixture.a)
        func update(_ changes: Assignment...) async throws(TenancyError) -> WriteResult {
            try await fixture.database.write(try fixture.builder.update(.always, changes), in: fixture.a)
        }
        #expect(try await update(.init("size", .add(5)), .init("name", .set("n"))).affected == 3)
        let before = try await fixture.rows(in: fixture.a)
        #expect(before.map { $0[2] } == [6, nil, .int64(.max)])
        #expect(before.allSatisfy { $0[6] == 2 && $0[1] == "n" })
        let tooMuch: [Assignment] = [
            .init("size", .add(1)), .init("price", .add(.decimal(1))),
            .init("weight", .add(.double(.greatestFiniteMagnitude))),
        ]
        for change in tooMuch {
            let error = await failure { _ = try await update(.init("name", .set("x")), change) }
            #expect(error?.code == .invalidValue)
            #expect(error?.details.field == change.field)
        }
        #expect(try await fixture.rows(in: fixture.a) == before)
        #expect(await code { _ = try await update(.init("code", .set("same"))) } == .uniqueViolation)
        #expect(try await fixture.rows(in: fixture.a) == before)
    }

    @Test("Everything of one tenant is removed, and nothing of another")
    func removeAll() async throws {
        let fixture = try await Fixture()
        try await fixture.insert(Fixture.row(1, ["code": "x"]), in: fixture.a)
        try await fixture.insert(Fixture.row(1), in: fixture.b)
        try await fixture.database.removeAllData(in: fixture.a)
        try await fixture.database.removeAllData(in: fixture.a)
        #expect(try await fixture.keys(in: fixture.a).isEmpty)
        #expect(try await fixture.keys(in: fixture.b) == [1])
        try await fixture.insert(Fixture.row(1, ["code": "x"]), in: fixture.a)
    }
}
