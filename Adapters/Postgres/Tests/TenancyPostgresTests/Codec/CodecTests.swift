import CLibpq
import Foundation
import TestServers
import Testing

@testable import TenancyCore
@testable import TenancyPostgres

@Suite("PostgreSQL: codec", .requires(.application))
struct CodecTests {
    private static func decimal(_ text: String) -> Decimal { Decimal(string: text, locale: nil) ?? .nan }

    private static let values: [FieldType: [Value]] = [
        .bool: [true, false],
        .int64: [0, 1, -1, .int64(.min), .int64(.max), 10_000, 9_999],
        .double: [
            .double(0), .double(0.1), .double(-1e308), .double(.leastNonzeroMagnitude),
            .double(.greatestFiniteMagnitude),
            .double(9_007_199_254_740_991),
        ],
        .decimal: [
            "0", "1", "-1", "0.1", "-0.0001", "0.00001", "10000", "9999", "99990000", "1234.5678", "12345.6789",
            "9999999999999999999999999999999999", "-0.000000000000000000000000000000000001",
            "0.1234567890123456789012345678901234", "12345678901234567890123456789012345678", "1e30", "1e-30",
            "100000000",
            "-99999999999999999999999999999999999999", "0.5000", "1e37",
        ].map { .decimal(decimal($0)) },
        .string: [
            "", "a", "'\"\\%_", "\u{10FFFF}\u{1F600}é e\u{301}", .string(String(repeating: "x", count: 100_000)),
        ],
        .uuid: [.uuid(UUID()), .uuid(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))],
        .timestamp: [
            .timestamp(Timestamp(microsecondsSince1970: 0)), .timestamp(Timestamp.range.lowerBound),
            .timestamp(Timestamp.range.upperBound), .timestamp(Timestamp(microsecondsSince1970: 946_684_799_999_999)),
        ],
        .bytes: [.bytes([]), .bytes([0]), .bytes((0...255).map { UInt8($0) })],
        .json: [
            .json(JSON(trusted: "null")), .json(JSON(trusted: #"{"a":[1,2.5,"x\u00e9",{"b":null}],"c":true}"#)),
            .json(JSON(trusted: #""""#)),
        ],
    ]

    @Test("Every value comes back as it was sent, by itself and in an array with nulls", arguments: FieldType.allCases)
    func roundTrip(_ type: FieldType) async throws {
        let values = Self.values[type] ?? []
        let read = try await blocking { try Self.echo(values, type) }
        #expect(read.single == values)
        #expect(read.array == [.null] + values + [.null])
        #expect(read.list == values)
        #expect(read.empty == 0)
    }

    @Test("Any decimal comes back as it was sent, and is what the server reads in its text")
    func decimals() async throws {
        var random = SystemRandomNumberGenerator()
        let values = (0..<3_000).map { _ -> Value in
            let digits = Int.random(in: 1...38, using: &random)
            let text = (0..<digits).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
            let exponent = Int.random(in: -60...20, using: &random)
            return .decimal(Self.decimal((Bool.random() ? "-" : "") + text + "e\(exponent)"))
        }
        let read = try await blocking {
            let texts = try Self.texts(values)
            return (try Self.echo(values, .decimal).array, texts)
        }
        #expect(read.0 == [.null] + values + [.null])
        for (value, text) in zip(values, read.1) {
            #expect(value == .decimal(Self.decimal(text)))
        }
    }

    @Test("A number that a decimal can't hold is refused, not rounded")
    func tooLong() async throws {
        let errors = try await blocking {
            let connection = try TestConnection(.application)
            return try [
                "'NaN'::numeric", "'Infinity'::numeric", "123456789012345678901234567890123456789.5::numeric",
                "10::numeric ^ 200",
            ].map { expression in
                let rows = try connection.execute("SELECT \(expression)").rows
                return failure { _ = try rows?.decimal(0, 0) }
            }
        }
        #expect(errors.map { $0?.code } == Array(repeating: .invalidValue, count: 4))
    }

    @Test("A cell of another type or form, or outside the rows, throws")
    func malformed() async throws {
        let errors = try await blocking {
            let connection = try TestConnection(.application)
            let rows = try connection.execute(
                "SELECT 1::int4, 'infinity'::timestamptz, NULL::text, 'x'::text, 1::int8, '-infinity'::timestamptz"
            ).rows
            guard let rows else { throw CancellationError() }
            return [
                failure { _ = try rows.int64(0, 0) }, failure { _ = try rows.timestamp(0, 1) },
                failure { _ = try rows.string(0, 2) }, failure { _ = try rows.bytes(0, 3) },
                failure { _ = try rows.double(0, 4) }, failure { _ = try rows.timestamp(0, 4) },
                failure { _ = try rows.timestamp(0, 5) }, failure { _ = try rows.uuid(0, 4) },
                failure { _ = try rows.json(0, 3) }, failure { _ = try rows.decimal(0, 4) },
                failure { _ = try rows.bool(0, 4) },
            ]
        }
        #expect(errors.map { $0?.code } == Array(repeating: .corrupted, count: errors.count))
    }

    @Test("Malformed numbers are noticed")
    func malformedNumbers() throws {
        let forms: [[UInt8]] = [
            [], [0, 1], [0, 1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10],
            [0, 1, 0, 0, 0x12, 0, 0, 0, 0, 1],
            [0, 2, 0, 0, 0, 0, 0, 0, 0, 1], [0xFF, 0xFF, 0, 0, 0, 0, 0, 0],
        ]
        for form in forms { #expect(try form.withUnsafeBytes { try Numeric.decode($0) } == nil, "\(form)") }
    }

    /// Values as the server returns them: each as a parameter, all as an array of a column, and as a list.
    private static func echo(
        _ values: [Value], _ type: FieldType
    ) throws -> (single: [Value], array: [Value], list: [Value], empty: Int) {
        let connection = try TestConnection(.application)
        let (one, many) = (PostgresType(type), PostgresType(arrayOf: type))
        var single: [Value] = []
        for value in values {
            var parameters = ParameterBuffer()
            parameters.append(value)
            let bound = BoundStatement(statement: CompiledStatement("SELECT $1", types: [one]), parameters: parameters)
            single += try cells(connection.run(bound).rows, type)
        }
        var column = ColumnBuffer(type: type)
        column.appendNull()
        for value in values { try column.append(value) }
        column.appendNull()
        let unnest = CompiledStatement(
            "SELECT v FROM unnest($1) WITH ORDINALITY AS u(v, n) ORDER BY n", types: [many])
        func rows(_ fill: (inout ParameterBuffer) -> Void) throws -> [Value] {
            var parameters = ParameterBuffer()
            fill(&parameters)
            return try cells(connection.run(BoundStatement(statement: unnest, parameters: parameters)).rows, type)
        }
        return (
            single, try rows { $0.append(array: column, rows: 0..<column.count) },
            try rows { $0.append(array: values, of: type) }, try rows { $0.append(array: column, rows: 0..<0) }.count
        )
    }

    private static func cells(_ rows: PostgresRows?, _ type: FieldType) throws -> [Value] {
        guard let rows else { return [] }
        return try (0..<rows.count).map { try RowView(rows, row: $0).value(0, as: type) }
    }

    private static func texts(_ values: [Value]) throws -> [String] {
        let connection = try TestConnection(.application)
        var parameters = ParameterBuffer()
        parameters.append(array: values, of: .decimal)
        let statement = CompiledStatement(
            "SELECT v::text FROM unnest($1) WITH ORDINALITY AS u(v, n) ORDER BY n", types: [.numericArray])
        let rows = try connection.run(BoundStatement(statement: statement, parameters: parameters)).rows
        guard let rows else { return [] }
        return try (0..<rows.count).map { try rows.string($0, 0) }
    }
}

@Suite("PostgreSQL: shortcuts of the codec")
struct ShortcutTests {
    @Test("A text of ASCII has the words that any text has")
    func words() {
        let all = String(decoding: (1...127).map { UInt8($0) }, as: UTF8.self)
        var texts = ["", " ", "Chicago O'Hare", all, String(repeating: "Ab1", count: 40) + " x"]
        for byte in UInt8(1)...127 {
            texts.append("a" + String(Unicode.Scalar(byte)) + "B2" + String(Unicode.Scalar(byte)))
        }
        // A letter outside ASCII has the whole text folded the long way, which must cut it the same.
        for text in texts { #expect(SearchTerms.allWords(of: text + " é") == SearchTerms.allWords(of: text) + ["e"]) }
        #expect(SearchTerms.allWords(of: "Zürich STRASSE") == ["zurich", "strasse"])
    }

    @Test("A decimal's layout in memory is the known one, and both ways to its parts agree")
    func decimals() {
        #expect(DecimalParts.layout != nil, "decimals still work, but slowly")
        for _ in 0..<2_000 {
            let digits = (0..<Int.random(in: 1...38)).map { _ in String(Int.random(in: 0...9)) }.joined()
            guard
                let value = Decimal(
                    string: "\(Bool.random() ? "-" : "")\(digits)e\(Int.random(in: -80...60))", locale: nil)
            else { continue }
            let parts = [DecimalParts(value), DecimalParts(textOf: value)]
            #expect(parts.map { $0?.decimal } == [value, value], "\(value)")
        }
        #expect(DecimalParts(.nan) == nil)
    }
}
