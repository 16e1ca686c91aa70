import Foundation
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite struct QueryTests {
    private let special = "100%_*\"'\\;--"

    @Test("Prefix and contains take every character for itself")
    func text() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        let names = [
            special, "100% sure", "x" + special + "y", "\u{D7FF}a", "\u{E000}a", "\u{10FFFF}\u{10FFFF}z", "\u{10FFFF}",
            "",
            "Straße", "STRASSE", "ÄB", "äb", "a_b", "axb",
        ]
        try await bench.insert(
            names.enumerated().map { bench.item(Int64($0.offset), $0.element) } + [bench.item(99)], a)
        func text(_ match: Predicate.TextMatch, _ text: String, fold: Bool = false) -> Predicate {
            .text(field: "name", match, text, ignoringCase: fold)
        }
        for needle in names + ["100%", "%", "_", "*", "\"", "'", "a_", "\u{D7FF}", "\u{E000}"] {
            func expected(_ test: (String) -> Bool) -> [Int64] {
                names.enumerated().filter { test($0.element) }.map { Int64($0.offset) }
            }
            func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }
            #expect(
                try await bench.ids(text(.prefix, needle), a) == expected { scalars($0).starts(with: scalars(needle)) })
            #expect(
                try await bench.ids(text(.contains, needle), a)
                    == expected { needle.isEmpty || Array($0.utf8).contains(Array(needle.utf8)) })
            #expect(try await bench.ids(text(.whole, needle), a) == expected { scalars($0) == scalars(needle) })
            #expect(
                try await bench.ids(text(.whole, needle, fold: true), a)
                    == expected { scalars($0.lowercased()) == scalars(needle.lowercased()) })
        }
        #expect(try await bench.ids(.not(text(.prefix, "100%")), a).contains(99))
        #expect(try await bench.ids(text(.prefix, "äB", fold: true), a) == [10, 11])
        #expect(try await bench.ids(text(.contains, "", fold: true), a).count == names.count)
        await bench.shutDown()
    }

    @Test("A list may have one value or twenty thousand, of any type")
    func lists() async throws {
        let extra: [FieldDescription] = FieldType.allCases.filter { $0 != .json }
            .map { Fields.field("f_\($0.rawValue)", $0, nullable: true) }
        let bench = try await Bench(Fields.item(extra, indexes: [.init(columns: [1], isUnique: false)]))
        let a = try tenant("a")
        let count = 20_000
        let uuids = (0..<10).map { _ in UUID() }
        try await bench.insert(
            (0..<count).map { index in
                let number = index % 10
                return bench.item(Int64(index), "n\(index)", Int64(index), "\(index).5")
                    + extra.map { field in
                        switch field.type {
                        case .bool: .bool(number == 0)
                        case .int64: .int64(Int64(number))
                        case .double: .double(Double(number) / 3)
                        case .decimal: .decimal(Decimal(number) / 4)
                        case .string: .string("s'\(number)")
                        case .uuid: .uuid(uuids[number])
                        case .timestamp: .timestamp(Timestamp(microsecondsSince1970: Int64(number) * 1_000_000))
                        default: .bytes([UInt8(number), 0])
                        }
                    }
            }, a)
        let even = (0..<count).filter { $0 % 2 == 0 }
        #expect(try await bench.ids(.oneOf(field: "name", even.map { .string("n\($0)") }), a).count == even.count)
        #expect(
            try await bench.ids(.oneOf(field: "price", (0..<count).map { .decimal(Decimal($0) + 0.5) }), a).count
                == count)
        #expect(
            try await bench.ids(.not(.oneOf(field: "id", (0..<count - 3).map { .int64(Int64($0)) })), a)
                == [19997, 19998, 19999])
        for size in [1, 2, 3, 5, 16, 17] {
            #expect(try await bench.ids(.oneOf(field: "id", (0..<size).map { .int64(Int64($0)) }), a).count == size)
        }
        for (column, field) in extra.enumerated() {
            let row = try await bench.adapter.read(bench.entity, keys: [.int64(3)], in: a)
            let value = try RowView(row, row: 0).value(4 + column, as: field.type)
            let padding: [Value] =
                switch field.type {
                case .bool: []
                case .int64: (100..<130).map { .int64($0) }
                case .double: (100..<130).map { .double(Double($0)) }
                case .decimal: (100..<130).map { .decimal(Decimal($0)) }
                case .string: (100..<130).map { .string("\($0)") }
                case .uuid: (100..<130).map { _ in .uuid(UUID()) }
                case .timestamp: (100..<130).map { .timestamp(Timestamp(microsecondsSince1970: $0 * 7_000)) }
                default: (100..<130).map { .bytes([$0]) }
                }
            let expected = field.type == .bool ? count * 9 / 10 : count / 10
            #expect(
                try await bench.ids(.oneOf(field: field.name, padding + [value]), a).count == expected, "\(field.type)")
        }
        let keys = try await bench.adapter.read(bench.entity, keys: (0..<30_000).map { .int64($0) }, in: a)
        #expect(keys.count == count)
        await bench.shutDown()
    }

    @Test("Decimals are sorted, compared, unique and summed as numbers")
    func decimals() async throws {
        let bench = try await Bench(Fields.item(indexes: [.init(columns: [3], isUnique: true)]))
        let a = try tenant("a")
        let texts = ["-100", "-9.5", "-0.001", "0", "0.0001", "0.5", "1.25", "9", "10", "99999999999999999999.5"]
        try await bench.insert(
            texts.shuffled().map { bench.item(Int64(texts.firstIndex(of: $0) ?? 0), nil, nil, $0) } + [bench.item(99)],
            a)
        let order: [Int64] = Array(0..<10)
        #expect(try await bench.ids(query: Query(sort: [.init("price")]), a) == order + [99])
        #expect(try await bench.ids(query: Query(sort: [.init("price", .descending)]), a) == order.reversed() + [99])
        #expect(try await bench.ids(.compare(field: "price", .greater, .decimal(9)), a) == [8, 9])
        #expect(try await bench.ids(.compare(field: "price", .equal, .decimal(Decimal(string: "0.50") ?? 0)), a) == [5])
        let error = await expect(.uniqueViolation) { try await bench.insert([bench.item(50, nil, nil, "1.250")], a) }
        #expect(error?.details.field == "price")
        #expect(error?.details.constraint == "unique:items:price")
        let figures = try await bench.adapter.aggregate(
            bench.builder.aggregate(
                .always, [.init(.sum, "price"), .init(.minimum, "price"), .init(.maximum, "price"), .init(.count)]),
            in: a)
        #expect(try figures.decimal(0, 0).canonicalText == "99999999999999999910.7491")
        #expect(try figures.decimal(0, 1) == -100)
        #expect(try figures.decimal(0, 2).canonicalText == "99999999999999999999.5")
        #expect(try figures.int64(0, 3) == 11)
        await bench.shutDown()
    }

    @Test("Sums and additions beyond a field's range are errors, and change nothing")
    func overflow() async throws {
        let bench = try await Bench(Fields.item([Fields.field("ratio", .double, nullable: true)], versioned: true))
        let a = try tenant("a")
        func row(_ id: Int64, _ count: Int64, _ price: String, _ ratio: Double) -> [Value] {
            bench.item(id, nil, count, price) + [.double(ratio)]
        }
        try await bench.insert(
            [row(1, .max, "1", 1e308), row(2, 1, "2", 1e308), row(3, -1, "3", -1e308)], a)
        func sum(_ field: String, _ filter: Predicate = .always) async throws -> any RowBatch {
            try await bench.adapter.aggregate(bench.builder.aggregate(filter, [.init(.sum, field)]), in: a)
        }
        #expect(try await sum("count").int64(0, 0) == .max)
        _ = await expect(.invalidValue) { try await sum("count", .compare(field: "id", .less, .int64(3))) }
        _ = await expect(.invalidValue) { try await sum("ratio", .compare(field: "id", .less, .int64(3))) }
        #expect(try await sum("count", .never).isNull(0, 0))
        func add(_ field: String, _ value: Value) async throws -> WriteResult {
            try await bench.adapter.write(bench.builder.update(.always, [Assignment(field, .add(value))]), in: a)
        }
        _ = await expect(.invalidValue) { try await add("count", .int64(1)) }
        _ = await expect(.invalidValue) { try await add("ratio", .double(1e308)) }
        _ = await expect(.invalidValue) {
            try await add("price", .decimal(Decimal(string: "9999999999999999999999") ?? 0))
        }
        #expect(try await add("price", .decimal(Decimal(string: "0.1") ?? 0)).affected == 3)
        let rows = try await bench.adapter.read(bench.entity, keys: [.int64(1)], in: a)
        #expect(try rows.decimal(0, 3).canonicalText == "1.1")
        #expect(try rows.int64(0, 2) == .max)
        #expect(try rows.int64(0, 4) == 2)
        await bench.shutDown()
    }

    @Test("A filter of two thousand parts, or of sixty levels, is no deeper than SQLite allows")
    func depth() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        try await bench.insert((0..<10).map { bench.item($0) }, a)
        let parts = (0..<2_000).map { Predicate.compare(field: "id", .equal, .int64(Int64($0 + 5))) }
        #expect(try await bench.ids(.or(parts), a) == [5, 6, 7, 8, 9])
        // As deep as the compiler of filters lets one be, with the deep part last, where it costs the parser most.
        var nested = Predicate.text(field: "name", .prefix, "absent", ignoringCase: false)
        for level in 0..<62 {
            let leaf = Predicate.compare(field: "id", level % 2 == 0 ? .equal : .less, .int64(Int64(level)))
            nested = level % 2 == 0 ? .or([leaf, nested]) : .and([leaf, nested])
        }
        #expect(try await bench.ids(nested, a) == [0, 2, 4, 6, 8])
        await bench.shutDown()
    }

    @Test("Versions are counted, and a stale one is refused")
    func versions() async throws {
        let bench = try await Bench(Fields.item(versioned: true))
        let a = try tenant("a")
        func batch(_ id: Int64, _ version: Int64) throws -> ColumnBatch {
            try bench.batch([[.int64(id), .null, .null, .null, .int64(version)]])
        }
        func write(_ operation: WriteStatement.Operation) async throws -> WriteResult {
            try await bench.adapter.write(bench.builder.write(operation), in: a)
        }
        #expect(try await write(.upsert(batch(1, 1))).versions == [1])
        #expect(try await write(.upsert(batch(1, 1))).versions == [2])
        #expect(try await write(.update(batch(1, 3))).affected == 1)
        let stale = await expect(.staleVersion) { try await write(.update(batch(1, 3))) }
        #expect(stale?.details.row == 0)
        _ = await expect(.notFound) { try await write(.update(batch(2, 3))) }
        _ = await expect(.staleVersion) { try await write(.delete(keys: [.int64(1)], versions: [2])) }
        #expect(try await write(.delete(keys: [.int64(1), .int64(9)], versions: [3, 1])).affected == 1)
        await bench.shutDown()
    }

    @Test("A bulk write is all or nothing, or tells which rows failed")
    func bulk() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        try await bench.insert([bench.item(5)], a)
        let rows = (1...10).map { bench.item($0) }
        let error = await expect(.uniqueViolation) { try await bench.insert(rows, a) }
        #expect(error?.details.row == 4)
        #expect(error?.details.field == "id")
        #expect(try await bench.ids(.always, a) == [5])
        let result = try await bench.insert(rows, a, atomic: false)
        #expect(result.affected == 9)
        #expect(result.failures.map(\.row) == [4])
        try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
            _ = await expect(.uniqueViolation) {
                try await bench.insert([bench.item(11), bench.item(1)], a, on: transaction)
            }
            try await bench.insert([bench.item(12)], a, on: transaction)
        }
        #expect(try await bench.ids(.compare(field: "id", .greater, .int64(10)), a) == [12])
        await bench.shutDown()
    }
}
