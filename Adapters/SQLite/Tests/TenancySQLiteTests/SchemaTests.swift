import Foundation
import GRDB
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite struct SchemaTests {
    /// Starts with one declaration, lets `body` write, and starts again on the same files with another.
    private func evolve(
        _ first: EntityDescription, _ second: EntityDescription, _ model: SQLiteConfiguration.Model,
        rows: Int64 = 3, check: (Bench, TenantContext) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let a = try tenant("a")
        let old = try await Bench(first, model: model, in: directory)
        if rows > 0 { try await old.insert((1...rows).map { old.item($0, "n", 7, "1.5") }, a) }
        await old.shutDown()
        let new = try await Bench(second, model: model, in: directory, start: false)
        try await check(new, a)
        await new.shutDown()
    }

    @Test("A new field that may be empty or has a default is added", arguments: models)
    func addition(_ model: SQLiteConfiguration.Model) async throws {
        let text = "it's"
        let added = Fields.item([
            Fields.field("a", .string, nullable: true), Fields.field("b", .string, .default(.string(text))),
            Fields.field("c", .decimal, .default(.decimal(2.5))),
            Fields.field("d", .uuid, nullable: true, .default(.uuid(UUID()))),
            Fields.field("e", .double, .default(.double(0.1))), Fields.field("f", .int64, .default(.int64(.min))),
        ])
        try await evolve(Fields.item(), added, model) { bench, a in
            try await bench.adapter.start([bench.entity])
            let rows = try await bench.adapter.read(bench.entity, keys: [.int64(2)], in: a)
            #expect(rows.isNull(0, 4))
            #expect(try rows.string(0, 5) == text)
            #expect(try rows.decimal(0, 6) == 2.5)
            #expect(!rows.isNull(0, 7))
            #expect(try rows.double(0, 8) == 0.1)
            #expect(try rows.int64(0, 9) == .min)
        }
    }

    @Test("What would lose or invent data is refused, naming entity and field")
    func refusals() async throws {
        func needed() -> EntityDescription { Fields.item([Fields.field("a", .string)]) }
        try await evolve(Fields.item(), needed(), .shared) { bench, _ in
            let error = await expect(.schemaConflict) { try await bench.adapter.start([bench.entity]) }
            #expect(error?.details.entity == "items")
            #expect(error?.details.field == "a")
        }
        try await evolve(Fields.item(), needed(), .shared, rows: 0) { bench, a in
            try await bench.adapter.start([bench.entity])
            #expect(try await bench.ids(.always, a) == [])
        }
        let changes: [(FieldType, Bool)] = [
            (.bool, true), (.timestamp, true), (.string, true), (.double, true), (.int64, false),
        ]
        for (type, nullable) in changes {
            let first = Fields.item([Fields.field("a", .int64, nullable: true)])
            let second = Fields.item([Fields.field("a", type, nullable: nullable)])
            try await evolve(first, second, .shared, rows: 0) { bench, _ in
                let error = await expect(.schemaConflict) { try await bench.adapter.start([bench.entity]) }
                #expect(error?.details.field == "a", "\(type)")
            }
        }
        let other = EntityDescription(
            name: "items", fields: Fields.item().fields + [Fields.field("key", .string, .default("x"))], keyColumn: 4,
            versionColumn: nil)
        try await evolve(Fields.item(), other, .shared) { bench, _ in
            _ = await expect(.schemaConflict) { try await bench.adapter.start([bench.entity]) }
        }
    }

    @Test("A field that was taken out keeps its data and stands in nobody's way", arguments: models)
    func removal(_ model: SQLiteConfiguration.Model) async throws {
        let directory = try TemporaryDirectory()
        let a = try tenant("a")
        let search = [EntityDescription.SearchField(column: 1, weight: 1)]
        func wide() -> EntityDescription {
            Fields.item(
                [Fields.field("must", .decimal)], indexes: [.init(columns: [4], isUnique: true)], search: search)
        }
        let old = try await Bench(wide(), model: model, in: directory)
        try await old.insert([old.item(1, "word") + [.decimal(1.5)]], a)
        await old.shutDown()
        let new = try await Bench(Fields.item(search: search), model: model, in: directory)
        try await new.insert([new.item(2, "word"), new.item(3)], a)
        #expect(try await new.ids(.always, a) == [1, 2, 3])
        let found = try #require(
            try new.builder.search("word", filter: .always, requiresAllWords: true, lastWordIsPrefix: false, limit: 9))
        #expect(try await new.adapter.search(found, in: a).count == 2)
        await new.shutDown()
        let file = model == .shared ? new.path : new.path + "/a.sqlite"
        let queue = try DatabaseQueue(path: file)
        #expect(
            try await queue.read { try String.fetchAll($0, sql: "SELECT must FROM items WHERE must NOT NULL") } == [
                "1.5"
            ])
        try queue.close()
        // It comes back as what it was only where that loses nothing.
        let again = try await Bench(wide(), model: .shared, in: directory, start: false)
        if model == .shared {
            _ = await expect(.schemaConflict) { try await again.adapter.start([again.entity]) }
        }
        await again.shutDown()
    }

    private static let due = Timestamp(microsecondsSince1970: 1_700_000_000_123_000)

    /// A field, what stands in it, and the same field as another type that SQLite stores alike.
    private static let mistakable: [(FieldDescription, Value, FieldDescription)] = {
        func field(_ type: FieldType, _ options: FieldOptions = FieldOptions()) -> FieldDescription {
            Fields.field("a", type, nullable: true, options)
        }
        return [
            (field(.timestamp), .timestamp(due), field(.int64)), (field(.int64), 7, field(.timestamp)),
            (field(.bool), true, field(.int64)), (field(.int64), 1, field(.bool)),
            (field(.json), .json(JSON(trusted: "[1]")), field(.string)), (field(.string), "x", field(.json)),
            (field(.uuid), .uuid(UUID()), field(.bytes)), (field(.bytes), .bytes([1]), field(.uuid)),
            (
                field(.decimal, .decimal(precision: 8, scale: 2)), .decimal(2.5),
                field(.decimal, .decimal(precision: 6, scale: 2))
            ), (field(.timestamp, .microseconds), .timestamp(due), field(.timestamp)),
        ]
    }()

    @Test("A field that was taken out comes back as what it was, and as nothing else", arguments: models)
    func comeback(_ model: SQLiteConfiguration.Model) async throws {
        let a = try tenant("a")
        for (before, value, after) in Self.mistakable {
            let directory = try TemporaryDirectory()
            let old = try await Bench(Fields.item([before]), model: model, in: directory)
            try await old.insert([old.item(1) + [value]], a)
            await old.shutDown()
            // Twice, because each start looks at all columns.
            for extra in [[], [Fields.field("b", .bool, nullable: true)]] {
                let without = try await Bench(Fields.item(extra), model: model, in: directory)
                #expect(try await without.ids(.always, a) == [1])
                await without.shutDown()
            }
            let other = try await Bench(Fields.item([after]), model: model, in: directory, start: false)
            let error = await expect(.schemaConflict) {
                try await other.adapter.start([other.entity])
                return try await other.ids(.always, a)
            }
            #expect(error?.details.field == "a", "\(before.type) to \(after.type)")
            await other.shutDown()
            let same = try await Bench(Fields.item([before]), model: model, in: directory)
            let rows = try await same.adapter.read(same.entity, keys: [1], in: a)
            #expect(try RowView(rows, row: 0).value(4, as: before.type) == value)
            await same.shutDown()
        }
    }

    @Test("A column of which it is not known what it holds is refused; one that was dropped is made anew")
    func unknownColumns() async throws {
        let a = try tenant("a")
        func change(_ bench: Bench, _ sql: String) async throws {
            let queue = try DatabaseQueue(path: bench.path)
            try await queue.write { try $0.execute(sql: sql) }
            try queue.close()
        }
        let directory = try TemporaryDirectory()
        let old = try await Bench(Fields.item([Fields.field("a", .timestamp, nullable: true)]), in: directory)
        try await old.insert([old.item(1) + [.timestamp(Self.due)]], a)
        await old.shutDown()
        let without = try await Bench(in: directory)
        await without.shutDown()
        try await change(without, "ALTER TABLE items ADD COLUMN b INTEGER")
        let stranger = try await Bench(
            Fields.item([Fields.field("b", .int64, nullable: true)]), in: directory, start: false)
        let error = await expect(.schemaConflict) { try await stranger.adapter.start([stranger.entity]) }
        #expect(error?.details.field == "b")
        await stranger.shutDown()
        try await change(without, "ALTER TABLE items DROP COLUMN a")
        let new = try await Bench(Fields.item([Fields.field("a", .int64, nullable: true)]), in: directory)
        try await new.insert([new.item(2) + [7]], a)
        let rows = try await new.adapter.read(new.entity, keys: [1], in: a)
        #expect(rows.isNull(0, 4))
        await new.shutDown()
    }

    @Test("A field that had to have a value becomes optional, and everything else stays", arguments: models)
    func optional(_ model: SQLiteConfiguration.Model) async throws {
        let directory = try TemporaryDirectory()
        let a = try tenant("a")
        func entity(_ nullable: Bool, isGone: Bool = false) -> EntityDescription {
            Fields.item(
                [
                    Fields.field("text", .string, nullable: nullable),
                    Fields.field("must", .decimal, nullable: nullable, .default(.decimal(2.5))),
                ] + (isGone ? [] : [Fields.field("gone", .int64, .default(7))]),
                indexes: [.init(columns: [4, 1], isUnique: true)], search: [.init(column: 4, weight: 1)])
        }
        func found(_ bench: Bench, _ word: String) async throws -> Int {
            let search = try #require(
                try bench.builder.search(
                    word, filter: .always, requiresAllWords: true, lastWordIsPrefix: false, limit: 9))
            return try await bench.adapter.search(search, in: a).count
        }
        let old = try await Bench(entity(false), model: model, in: directory)
        try await old.insert([old.item(1, "n") + ["word", .decimal(1.5), 1]], a)
        await old.shutDown()
        for start in 0..<2 {
            let new = try await Bench(entity(true, isGone: true), model: model, in: directory)
            try await new.insert([new.item(Int64(2 + start), "n\(start)") + [.null, .null]], a)
            #expect(try await found(new, "word") == 1)
            let rows = try await new.adapter.read(new.entity, keys: [1], in: a)
            #expect(try rows.string(0, 4) == "word")
            #expect(try rows.decimal(0, 5) == 1.5)
            #expect(try await new.ids(.isNull(field: "must"), a) == (0...start).map { Int64(2 + $0) })
            _ = await expect(.uniqueViolation) {
                try await new.insert([new.item(9, "n") + ["word", .null]], a)
            }
            await new.shutDown()
        }
        // What had a default kept it, and so was never without a value.
        let again = try await Bench(entity(true), model: model, in: directory)
        let rows = try await again.adapter.read(again.entity, keys: [1], in: a)
        #expect(try rows.int64(0, 6) == 1)
        #expect(try await again.ids(.compare(field: "gone", .equal, 7), a) == [2, 3])
        await again.shutDown()
    }

    @Test("Indexes come and go with their declaration; a unique one needs unique values")
    func indexes() async throws {
        let directory = try TemporaryDirectory()
        let a = try tenant("a")
        func names(_ bench: Bench) async throws -> [String] {
            let queue = try DatabaseQueue(path: bench.path)
            defer { try? queue.close() }
            return try await queue.read {
                try String.fetchAll(
                    $0, sql: "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL ORDER BY name")
            }
        }
        let first = try await Bench(
            Fields.item(indexes: [.init(columns: [1, 2], isUnique: false), .init(columns: [2], isUnique: false)]),
            in: directory)
        try await first.insert([first.item(1, "n", 7), first.item(2, "n", 7)], a)
        #expect(try await names(first) == ["index:items:count", "index:items:name,count"])
        await first.shutDown()
        let second = try await Bench(Fields.item(indexes: [.init(columns: [2], isUnique: false)]), in: directory)
        #expect(try await names(second) == ["index:items:count"])
        await second.shutDown()
        let third = try await Bench(
            Fields.item(indexes: [.init(columns: [2], isUnique: true)]), in: directory, start: false)
        _ = await expect(.schemaConflict) { try await third.adapter.start([third.entity]) }
        await third.shutDown()
        #expect(try await names(third) == ["index:items:count"])
    }

    @Test("Two adapters start at once on the same files", arguments: models)
    func concurrency(_ model: SQLiteConfiguration.Model) async throws {
        let directory = try TemporaryDirectory()
        let a = try tenant("a")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                group.addTask {
                    let bench = try await Bench(model: model, in: directory)
                    try await bench.insert([bench.item(Int64(number))], a)
                    await bench.shutDown()
                }
            }
            try await group.waitForAll()
        }
        let bench = try await Bench(model: model, in: directory)
        #expect(try await bench.ids(.always, a) == [0, 1, 2, 3, 4, 5])
        await bench.shutDown()
    }

    @Test("A table that does not keep tenants apart is refused")
    func isolation() async throws {
        let bench = try await Bench()
        await bench.shutDown()
        let queue = try DatabaseQueue(path: bench.path)
        try await queue.write { try $0.execute(sql: "CREATE UNIQUE INDEX leak ON items (name)") }
        try queue.close()
        let again = try await Bench(in: bench.directory, start: false)
        _ = await expect(.isolationUnproven) { try await again.adapter.start([again.entity]) }
        await again.shutDown()
    }
}
