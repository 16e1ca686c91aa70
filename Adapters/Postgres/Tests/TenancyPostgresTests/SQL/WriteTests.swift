import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

@Suite("PostgreSQL: writes", .requires(.application))
struct WriteTests {
    private let a = tenant("a")
    private let b = tenant("b")

    @Test("An atomic insert that fails names the first row and leaves nothing")
    func atomicInsert() async throws {
        let entity = makeItem()
        let token = UUID()
        let outcome = try await Bench.with([entity]) { [a, b] bench in
            try bench.insert(entity, [item(1, token: token)], a)
            let sameKey = failure { try bench.insert(entity, [item(2), item(3), item(1), item(1)], a) }
            let sameToken = failure { try bench.insert(entity, [item(2), item(3, token: token)], a) }
            let twice = failure { try bench.insert(entity, [item(5), item(5)], a) }
            let one = failure { try bench.insert(entity, [item(1)], a) }
            try bench.insert(entity, [item(1, token: token)], b)
            return (sameKey, sameToken, twice, one, try bench.select(entity, Query(), a, fields: ["id"]))
        }
        for (error, row, field) in [
            (outcome.0, 2, "id"), (outcome.1, 1, "token"), (outcome.2, 1, "id"), (outcome.3, 0, "id"),
        ] {
            #expect(error?.code == .uniqueViolation)
            #expect(error?.details.row == row)
            #expect(error?.details.field == field)
            #expect(error?.details.backendCode == "23505")
            #expect(error?.details.constraint?.hasPrefix("items_") == true)
        }
        #expect(outcome.4 == [[1]])
    }

    @Test("An insert that is not atomic leaves out the rows that fail, and says which")
    func separateInsert() async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { [a] bench in
            try bench.insert(entity, [item(1)], a)
            let result = try bench.insert(
                entity, [item(2), item(1), item(3), item(3), item(4, amount: Decimal(1e17))], a, isAtomic: false)
            return (result, try bench.select(entity, Query(sort: [.init("id")]), a, fields: ["id"]))
        }
        #expect(outcome.0.affected == 2)
        #expect(outcome.0.failures.map(\.row) == [1, 3, 4])
        #expect(outcome.0.failures.map(\.error.code) == [.uniqueViolation, .uniqueViolation, .invalidValue])
        #expect(outcome.1 == [[1], [2], [3]])
    }

    @Test("An upsert adds or replaces, returns versions in the rows' order, and takes a key twice in turn")
    func upsert() async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { [a, b] bench in
            try bench.insert(entity, [item(2, "old", version: 9), item(5, "five")], a)
            try bench.insert(entity, [item(2, "other", version: 4)], b)
            let many = bench.statement(
                entity,
                .upsert(
                    try bench.batch(entity, [item(7, "x"), item(2, "new"), item(1, "y"), item(2, "newer"), item(5)])))
            let result = try bench.write(many, a)
            let single = try bench.write(
                bench.statement(entity, .upsert(bench.batch(entity, [item(7, "z", version: 50)]))), a)
            return (
                result, single,
                try bench.select(entity, Query(sort: [.init("id")]), a, fields: ["id", "name", "version"]),
                try bench.read(entity, [2], b)
            )
        }
        #expect(outcome.0.affected == 5)
        #expect(outcome.0.versions == [1, 10, 1, 11, 2])
        #expect(outcome.1.versions == [2])
        #expect(outcome.2 == [[1, "y", 1], [2, "newer", 11], [5, .null, 2], [7, "z", 2]])
        #expect(outcome.3 == [item(2, "other", version: 4)])
    }

    @Test("An update tells a missing record from one with another version, and is whole or nothing", arguments: [1, 3])
    func update(_ rows: Int) async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { [a, b] bench in
            try bench.insert(entity, (1...5).map { item($0, "old", version: 3) }, a)
            try bench.insert(entity, [item(9, "theirs", version: 3)], b)
            let padding = (0..<rows - 1).map { item(Int64($0) + 1, "new", version: 4) }
            func update(_ last: [Value], _ isAtomic: Bool) throws -> WriteResult {
                try bench.write(
                    bench.statement(entity, .update(bench.batch(entity, padding + [last])), isAtomic), a)
            }
            let missing = failure { _ = try update(item(9, "new", version: 4), true) }
            let stale = failure { _ = try update(item(5, "new", version: 3), true) }
            let untouched = try bench.select(entity, Query(sort: [.init("id")]), a, fields: ["name"])
            let separate = try update(item(5, "new", version: 9), false)
            let absent = try bench.write(
                bench.statement(
                    entity, .update(bench.batch(entity, [item(8, version: 4), item(4, version: 4)])), false), a)
            let good = try bench.write(
                bench.statement(
                    entity, .update(bench.batch(entity, [item(5, "n", version: 4), item(5, "m", version: 5)]))), a)
            return (
                missing, stale, untouched, separate, absent, good, try bench.read(entity, [5], a),
                try bench.read(entity, [9], b)
            )
        }
        #expect(outcome.0?.code == .notFound)
        #expect(outcome.0?.details.row == rows - 1)
        #expect(outcome.1?.code == .staleVersion)
        #expect(outcome.1?.details.row == rows - 1)
        #expect(outcome.2 == Array(repeating: ["old"], count: 5))
        #expect(outcome.3.affected == rows - 1)
        #expect(outcome.3.failures.map(\.error.code) == [.staleVersion])
        #expect(outcome.3.failures.map(\.row) == [rows - 1])
        #expect(outcome.4.affected == 1)
        #expect(outcome.4.failures.map(\.error.code) == [.notFound])
        #expect(outcome.5.affected == 2)
        #expect(outcome.6 == [item(5, "m", version: 5)])
        #expect(outcome.7 == [item(9, "theirs", version: 3)])
    }

    @Test("A removal by key and version fails for another version and not for a missing record")
    func delete() async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { [a, b] bench in
            try bench.insert(entity, (1...6).map { item($0, version: $0) }, a)
            try bench.insert(entity, [item(1)], b)
            func delete(_ keys: [Int64], _ versions: [Int64]?, _ isAtomic: Bool = true) throws -> WriteResult {
                try bench.write(
                    bench.statement(entity, .delete(keys: keys.map(Value.int64), versions: versions), isAtomic), a)
            }
            let stale = failure { _ = try delete([1, 2, 99], [1, 1, 1]) }
            let one = failure { _ = try delete([2], [1]) }
            let absent = try delete([99], [1]).affected
            let kept = try bench.select(entity, Query(), a).count
            let good = try delete([1, 99, 2], [1, 1, 2]).affected
            let separate = try delete([3, 4, 99], [3, 1, 1], false)
            let plain = try delete([5, 5, 98], nil).affected
            return (stale, one, absent, kept, good, separate, plain, try bench.select(entity, Query(), b).count)
        }
        #expect(outcome.0?.code == .staleVersion)
        #expect(outcome.0?.details.row == 1)
        #expect(outcome.1?.code == .staleVersion)
        #expect(outcome.2 == 0)
        #expect(outcome.3 == 6)
        #expect(outcome.4 == 2)
        #expect(outcome.5.affected == 1)
        #expect(outcome.5.failures.map(\.row) == [1])
        #expect(outcome.6 == 1)
        #expect(outcome.7 == 1)
    }

    @Test("Changes and removals by filter touch the tenant's records only; a sum beyond its field changes nothing")
    func matching() async throws {
        let entity = makeItem()
        let outcome = try await Bench.with([entity]) { [a, b] bench in
            let rows = [item(1, "red fox", amount: 1), item(2, "hen", number: .max), item(3, "red hen")]
            try bench.insert(entity, rows, a)
            try bench.insert(entity, rows, b)
            let builder = StatementBuilder(entity, maximumValueBytes: 1 << 20)
            let red = TenancyCore.Predicate.text(field: "name", .prefix, "red")
            let most = Decimal(string: "9999999999999999.9999") ?? 0
            let changed = try bench.write(
                builder.update(
                    red,
                    [.init("amount", .add(.decimal(Decimal(string: "0.5") ?? 0))), .init("name", .set("blue owl"))]), a)
            let overflow = failure { try bench.write(builder.update(.always, [.init("number", .add(1))]), a) }
            let precision = failure {
                try bench.write(builder.update(.always, [.init("amount", .add(.decimal(most)))]), a)
            }
            let stored = try bench.select(
                entity, Query(sort: [.init("id")]), a, fields: ["name", "amount", "number", "version"])
            let found = try bench.search(entity, "owl", a).map { $0[0] }
            let lost = try bench.search(entity, "fox", a).count
            let removed = try bench.write(builder.delete(.compare(field: "id", .greater, 1)), a).affected
            let plan = try bench.library.plan(for: entity)
            let all = try bench.run(bench.library.removeSome(plan, a), for: a).count
            return (
                changed.affected, overflow, precision, stored, found, lost, removed, all,
                try bench.select(entity, Query(), b).count
            )
        }
        #expect(outcome.0 == 2)
        #expect(outcome.1?.code == .invalidValue)
        #expect(outcome.2?.code == .invalidValue)
        #expect(
            outcome.3 == [
                ["blue owl", .decimal(Decimal(string: "1.5") ?? 0), 0, 2], ["hen", .null, .int64(.max), 1],
                ["blue owl", .null, 0, 2],
            ])
        #expect(Set(outcome.4) == [1, 3])
        #expect(outcome.5 == 0)
        #expect(outcome.6 == 2)
        #expect(outcome.7 == 1)
        #expect(outcome.8 == 3)
    }

    @Test("Entities of a key alone, and without a version, are written too")
    func plainEntities() async throws {
        let (tag, page) = (makeTag(), makePage())
        let (first, second) = (UUID(), UUID())
        let outcome = try await Bench.with([tag, page]) { [a] bench in
            func upsert(_ entity: EntityDescription, _ rows: [[Value]]) throws -> Int {
                try bench.write(bench.statement(entity, .upsert(bench.batch(entity, rows))), a).affected
            }
            func update(_ entity: EntityDescription, _ rows: [[Value]]) throws -> Int {
                try bench.write(bench.statement(entity, .update(bench.batch(entity, rows))), a).affected
            }
            try bench.insert(tag, [["x"], ["é"], ["e\u{301}"]], a)
            try bench.insert(page, [["One", .uuid(first), 1], ["Two", .uuid(second), 2]], a)
            return [
                try upsert(tag, [["x"], ["y"]]), try upsert(tag, [["x"]]), try update(tag, [["x"], ["y"]]),
                try update(tag, [["y"]]), try upsert(page, [["Uno", .uuid(first), 1], ["Three", .uuid(UUID()), 3]]),
                try update(page, [["Due", .uuid(second), 2], ["Ein", .uuid(first), 1]]),
                try bench.select(tag, Query(), a).count, try bench.search(page, "due", a).count,
            ]
        }
        #expect(outcome == [2, 1, 2, 1, 2, 2, 4, 1])
    }

    @Test("An update that only one row at a time can make finds its way")
    func order() async throws {
        let page = makePage()
        let ids = (0..<3).map { _ in UUID() }
        let outcome = try await Bench.with([page]) { [a] bench in
            try bench.insert(page, ids.enumerated().map { ["p", .uuid($0.element), .int64(Int64($0.offset))] }, a)
            let swap: [[Value]] = [["p", .uuid(ids[0]), 9], ["p", .uuid(ids[1]), 0], ["p", .uuid(ids[2]), 1]]
            let moved = try bench.write(bench.statement(page, .update(bench.batch(page, swap))), a).affected
            let clash = failure {
                try bench.write(
                    bench.statement(
                        page, .update(bench.batch(page, [["q", .uuid(ids[0]), 5], ["q", .uuid(ids[1]), 1]]))), a)
            }
            return (moved, clash, try bench.select(page, Query(sort: [.init("rank_")]), a, fields: ["title", "rank_"]))
        }
        #expect(outcome.0 == 3)
        #expect(outcome.1?.code == .uniqueViolation)
        #expect(outcome.1?.details.row == 1)
        #expect(outcome.1?.details.field == "rank_")
        #expect(outcome.2 == [["p", 0], ["p", 1], ["p", 9]])
    }
}
