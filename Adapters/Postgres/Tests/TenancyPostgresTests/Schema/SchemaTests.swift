import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

@Suite("PostgreSQL: schema", .requires(.application))
struct SchemaTests {
    private let a = tenant("a")

    private static func entity(
        _ fields: [FieldDescription], key: Int = 0, version: Int? = nil, indexes: [EntityDescription.Index] = [],
        search: [EntityDescription.SearchField] = []
    ) -> EntityDescription {
        EntityDescription(
            name: "things", fields: fields, keyColumn: key, versionColumn: version, indexes: indexes,
            searchFields: search)
    }

    private static let id = FieldDescription(name: "id", type: .int64, isNullable: false)
    private static let name = FieldDescription(name: "name", type: .string, isNullable: false)

    @Test("What is there is left alone; new fields, indexes and wider types are added; what went is loosened")
    func evolution() async throws {
        let before = Self.entity([
            Self.id, Self.name,
            FieldDescription(
                name: "amount", type: .decimal, isNullable: true, options: .decimal(precision: 8, scale: 2)),
            FieldDescription(name: "at", type: .timestamp, isNullable: true),
            FieldDescription(name: "gone", type: .int64, isNullable: false),
        ])
        let after = Self.entity(
            [
                Self.id, Self.name,
                FieldDescription(
                    name: "amount", type: .decimal, isNullable: true, options: .decimal(precision: 12, scale: 4)),
                FieldDescription(name: "at", type: .timestamp, isNullable: true, options: .microseconds),
                FieldDescription(name: "extra", type: .string, isNullable: true),
                FieldDescription(name: "text", type: .string, isNullable: false, options: .default("it's \\ \"x\"")),
                FieldDescription(name: "flag", type: .bool, isNullable: false, options: .default(true)),
                FieldDescription(name: "raw", type: .bytes, isNullable: false, options: .default(.bytes([0, 255]))),
                FieldDescription(
                    name: "when_", type: .timestamp, isNullable: false,
                    options: .default(.timestamp(Timestamp(microsecondsSince1970: -1_500)))),
                FieldDescription(
                    name: "doc", type: .json, isNullable: false,
                    options: .default(.json(JSON(trusted: "{\"a\": \"'\"}")))),
                FieldDescription(name: "big", type: .int64, isNullable: false, options: .default(.int64(.min))),
                FieldDescription(name: "real", type: .double, isNullable: false, options: .default(.double(1e-300))),
            ],
            indexes: [.init(columns: [1], isUnique: false), .init(columns: [4], isUnique: true)])
        let outcome = try await Bench.with([before, after], isMigrated: false) { [a] bench in
            try bench.migrate(to: [before])
            try bench.insert(before, [[1, "x", .decimal(Decimal(string: "1.25") ?? 0), .null, 5]], a)
            let idle = try bench.migrate(to: [before])
            try bench.migrate(to: [after])
            let again = try bench.migrate(to: [after])
            let row = try bench.read(after, [1], a)
            var fresh = row[0]
            fresh[0] = 2
            try bench.insert(after, [fresh], a)
            return (idle, again, row, try bench.problems())
        }
        #expect(outcome.0 == 0)
        #expect(outcome.1 == 0)
        #expect(
            outcome.2 == [
                [
                    1, "x", .decimal(Decimal(string: "1.25") ?? 0), .null, .null, "it's \\ \"x\"", true,
                    .bytes([0, 255]),
                    .timestamp(Timestamp(microsecondsSince1970: -2_000)), .json(JSON(trusted: "{\"a\": \"'\"}")),
                    .int64(.min), .double(1e-300),
                ]
            ])
        #expect(outcome.3.isEmpty)
    }

    @Test("What can't become what is declared is refused before anything is changed")
    func conflicts() async throws {
        let before = Self.entity([Self.id, Self.name, FieldDescription(name: "n", type: .int64, isNullable: true)])
        let number = FieldDescription(name: "n", type: .int64, isNullable: true)
        let extra = FieldDescription(name: "extra", type: .int64, isNullable: true)
        let cases: [(EntityDescription, String?)] = [
            (
                Self.entity([Self.id, Self.name, FieldDescription(name: "n", type: .string, isNullable: true), extra]),
                "n"
            ),
            (
                Self.entity([Self.id, Self.name, FieldDescription(name: "n", type: .int64, isNullable: false), extra]),
                "n"
            ),
            (Self.entity([Self.id, Self.name, number, extra], key: 1), "name"),
            (
                Self.entity([
                    Self.id, Self.name, number, extra, FieldDescription(name: "m", type: .int64, isNullable: false),
                ]), nil
            ),
            (Self.entity([Self.id, Self.name, number, extra], indexes: [.init(columns: [1], isUnique: true)]), nil),
        ]
        let outcome = try await Bench.with([before]) { [a] bench in
            try bench.insert(before, [[1, "x", 1], [2, "x", .null]], a)
            let errors = cases.map { entity, _ in failure { try bench.migrate(to: [entity]) } }
            let columns = try bench.catalogue(bench.admin).table(of: before)?.columns.map(\.name)
            return (errors, columns)
        }
        for (error, (_, field)) in zip(outcome.0, cases) {
            #expect(error?.code == .schemaConflict, "\(String(describing: error))")
            if let field { #expect(error?.details.field == field) }
        }
        #expect(outcome.1 == ["tenant_id", "id", "name", "n"])
    }

    @Test("A field that had to have a value becomes optional, and everything else stays")
    func optional() async throws {
        func entity(_ isNullable: Bool) -> EntityDescription {
            Self.entity(
                [
                    Self.id, FieldDescription(name: "name", type: .string, isNullable: isNullable),
                    FieldDescription(
                        name: "amount", type: .decimal, isNullable: isNullable, options: .default(.decimal(2.5))),
                ], indexes: [.init(columns: [1], isUnique: true)], search: [.init(column: 1)])
        }
        let (before, after) = (entity(false), entity(true))
        let outcome = try await Bench.with([before, after], isMigrated: false) { [a] bench in
            try bench.migrate(to: [before])
            try bench.insert(before, [[1, "word", .decimal(1.5)]], a)
            try bench.migrate(to: [after])
            let again = try bench.migrate(to: [after])
            try bench.insert(after, [[2, .null, .null]], a)
            let taken = failure { try bench.insert(after, [[3, "word", .null]], a) }
            // The declaration of before can't have the column back.
            let back = failure { try bench.migrate(to: [before]) }
            return (again, try bench.read(after, [1], a) + bench.read(after, [2], a), taken, back)
        }
        #expect(outcome.0 == 0)
        #expect(outcome.1 == [[1, "word", .decimal(1.5)], [2, .null, .null]])
        #expect(outcome.2?.code == .uniqueViolation)
        #expect(outcome.3?.code == .schemaConflict)
    }

    @Test("A field that was taken out comes back as what it was, and as nothing else")
    func comeback() async throws {
        func field(_ type: FieldType, _ options: FieldOptions = FieldOptions()) -> FieldDescription {
            FieldDescription(name: "n", type: type, isNullable: true, options: options)
        }
        let due = Value.timestamp(Timestamp(microsecondsSince1970: 1_700_000_000_123_000))
        let cases: [(FieldDescription, Value, FieldDescription)] = [
            (field(.timestamp), due, field(.int64)), (field(.int64), 7, field(.timestamp)),
            (field(.bool), true, field(.int64)), (field(.string), "x", field(.json)),
            (field(.json), .json(JSON(trusted: "[1]")), field(.string)),
            (field(.uuid), .uuid(UUID()), field(.bytes)), (field(.bytes), .bytes([1]), field(.uuid)),
            (
                field(.decimal, .decimal(precision: 8, scale: 2)), .decimal(2.5),
                field(.decimal, .decimal(precision: 6, scale: 2))
            ), (field(.timestamp, .microseconds), due, field(.timestamp)),
        ]
        for (before, value, after) in cases {
            let (first, without, second) = (
                Self.entity([Self.id, before]), Self.entity([Self.id]), Self.entity([Self.id, after])
            )
            let outcome = try await Bench.with([first, without], isMigrated: false) { [a] bench in
                try bench.migrate(to: [first])
                try bench.insert(first, [[1, value]], a)
                try bench.migrate(to: [without])
                let error = failure { try bench.migrate(to: [second]) }
                try bench.migrate(to: [first])
                return (error, try bench.read(first, [1], a))
            }
            #expect(outcome.0?.code == .schemaConflict && outcome.0?.details.field == "n", "\(before) to \(after)")
            #expect(outcome.1 == [[1, value]])
        }
    }

    @Test("Two processes that start at once make the tables once")
    func concurrency() async throws {
        let entities = [makeItem(), makePage(), makeTag()]
        let steps = try await Bench.with(entities, isMigrated: false) { bench in
            let schema = bench.schema
            let results = ResultBox()
            let threads = (0..<4).map { _ in
                Thread {
                    results.add(
                        Result {
                            let admin = try TestConnection(.admin)
                            let plans = StatementLibrary(entities, schema: schema, maximumStatements: 16).plans
                            return try admin.transaction {
                                try admin.execute(SchemaUpdate.lock)
                                let question = Catalogue.question(plans, schema: schema, role: "tenancy_app")
                                guard let rows = try admin.run(question).rows else { return -1 }
                                let steps = try SchemaUpdate(
                                    plans, Catalogue(rows), isolation: .tenantSetting, user: "tenancy_app"
                                ).steps()
                                for case .run(let text) in steps { try admin.execute(text) }
                                return steps.count
                            }
                        })
                }
            }
            threads.forEach { $0.start() }
            return try results.wait(for: threads.count)
        }
        #expect(steps.filter { $0 > 0 }.count == 1)
        #expect(steps.filter { $0 == 0 }.count == 3)
    }

    @Test("Without a role for it, what is missing is told as SQL to run")
    func withoutMigration() async throws {
        let entity = makeTag()
        let error = try await Bench.with([entity], isMigrated: false) { bench in
            let steps = try SchemaUpdate(
                bench.library.plans, bench.catalogue(bench.app), isolation: .tenantSetting, user: bench.user
            ).steps()
            return (SchemaUpdate.missing(steps), try bench.problems())
        }
        #expect(error.0.code == .schemaConflict)
        #expect(error.0.hint.contains("CREATE TABLE") && error.0.hint.contains("CREATE POLICY"))
        #expect(error.1.contains { $0.message.contains("not there") })
    }

    @Test("Names of indexes are stable, differ with what they index, and fit the server's bound")
    func indexNames() {
        let name = String(repeating: "x", count: 48)
        let entity = EntityDescription(
            name: name, fields: [Self.id, Self.name], keyColumn: 0, versionColumn: nil,
            indexes: [.init(columns: [1], isUnique: false), .init(columns: [1], isUnique: true)],
            searchFields: [.init(column: 1)])
        let names =
            entity.indexes.map { IndexName.of($0, entity) } + [
                IndexName.search(entity, isLedByTenant: true), IndexName.search(entity, isLedByTenant: false),
            ]
        #expect(Set(names).count == 4)
        #expect(names.allSatisfy { $0.utf8.count <= 63 && IndexName.isOurs($0, entity) })
        #expect(names[0] == name + "_i_" + Digest.of(["name", "id"]).prefix(12))
        #expect(!IndexName.isOurs(name + "_by_hand", entity) && !IndexName.isOurs(IndexName.primaryKey(entity), entity))
    }
}

/// Collects what threads come to.
private final class ResultBox: @unchecked Sendable {
    // Unchecked because the condition guards the list, which the compiler can't see.
    private let condition = NSCondition()
    private var results: [Result<Int, any Error>] = []

    func add(_ result: Result<Int, any Error>) {
        condition.withLock {
            results.append(result)
            condition.signal()
        }
    }

    func wait(for count: Int) throws -> [Int] {
        condition.lock()
        defer { condition.unlock() }
        while results.count < count { condition.wait() }
        return try results.map { try $0.get() }
    }
}
