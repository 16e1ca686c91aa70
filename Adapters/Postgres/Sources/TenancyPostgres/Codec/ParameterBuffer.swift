import Foundation
import TenancyCore

/// The values of one run of a statement, in the server's binary form: one run of bytes, and where each value stands.
struct ParameterBuffer: Sendable {
    private struct Span {
        let offset: Int
        /// Negative for a value that is absent.
        let length: Int
    }

    /// The most bytes that the server takes as one value.
    private static let maximumLength = (1 << 30) - 1

    // The first byte is never used: libpq takes a null pointer for an absent value, and an empty array may have one.
    private var bytes: [UInt8]
    private var spans: [Span]

    /// - Parameters:
    ///   - capacity: How many values there will be.
    ///   - byteCapacity: How many bytes they will take, as far as is known.
    init(capacity: Int = 2, bytes byteCapacity: Int = 64) {
        spans = []
        spans.reserveCapacity(capacity)
        bytes = []
        bytes.reserveCapacity(byteCapacity)
        bytes.append(0)
    }

    /// How many values there are.
    var count: Int { spans.count }
    /// How many bytes they take together.
    var byteCount: Int { bytes.count - 1 }

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/valueTooLarge`` if a value is longer than the server takes.
    func checkLengths() throws(TenancyError) {
        if spans.contains(where: { $0.length > Self.maximumLength }) {
            throw TenancyError(
                .valueTooLarge, "The values of one column in one statement are longer than 1 GB together.",
                hint: "Write fewer records at once.")
        }
    }

    /// Lends the values as libpq takes them: pointers, lengths, and formats, which are all binary.
    func withPointers<Result, Failure: Error>(
        _ body: (
            _ count: Int32, _ values: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int32>?,
            _ formats: UnsafePointer<Int32>?
        ) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let count = spans.count
        let outcome: Swift.Result<Result, Failure> = bytes.withUnsafeBytes { all in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: count * 2) { numbers in
                    let start = all.baseAddress?.assumingMemoryBound(to: CChar.self)
                    for (index, span) in spans.enumerated() {
                        values[index] = span.length < 0 ? nil : start.map { $0 + span.offset }
                        numbers[index] = Int32(clamping: max(span.length, 0))
                        numbers[count + index] = 1
                    }
                    let lengths = numbers.baseAddress.map { UnsafePointer($0) }
                    return Swift.Result { () throws(Failure) in
                        try body(
                            Int32(count), values.baseAddress.map { UnsafePointer($0) }, lengths,
                            lengths.map { $0 + count })
                    }
                }
            }
        }
        return try outcome.get()
    }

    /// Adds one value, made of the bytes that `body` appends.
    @inline(__always)
    mutating func append(_ body: (inout [UInt8]) -> Void) {
        let offset = bytes.count
        body(&bytes)
        spans.append(Span(offset: offset, length: bytes.count - offset))
    }

    /// Adds an absent value.
    mutating func appendNull() { spans.append(Span(offset: 0, length: -1)) }
    /// Adds text.
    mutating func append(text: String) { append { $0.append(contentsOf: text.utf8) } }
    /// Adds an integer.
    mutating func append(integer: Int64) { append { $0.append(wire: integer) } }

    /// Adds a value of the untyped API.
    mutating func append(_ value: Value) {
        if value.isNull { appendNull() } else { append { $0.append(cell: value) } }
    }

    /// Adds an array of values of one type, of which none is null.
    mutating func append(array values: [Value], of type: FieldType) {
        append { bytes in
            bytes.beginArray(of: PostgresType(type), count: values.count, hasNulls: false)
            for value in values { bytes.appendElement { $0.append(cell: value) } }
        }
    }

    /// Adds a cell of a column.
    mutating func append(_ column: ColumnBuffer, row: Int) {
        if column.nulls[row] { appendNull() } else { append { $0.append(column, row: row) } }
    }

    /// Adds some rows of a column as an array.
    mutating func append(array column: ColumnBuffer, rows: Range<Int>) {
        append { $0.append(array: column, rows: rows) }
    }
}

extension [UInt8] {
    /// Appends a value in the server's binary form; nothing for ``Value/null``.
    mutating func append(cell value: Value) {
        switch value {
        case .null: break
        case .bool(let value): append(value ? 1 : 0)
        case .int64(let value): append(wire: value)
        case .double(let value): append(wire: value.bitPattern)
        case .decimal(let value): append(numeric: value)
        case .string(let value): append(contentsOf: value.utf8)
        case .uuid(let value): Swift.withUnsafeBytes(of: value.uuid) { append(contentsOf: $0) }
        case .timestamp(let value): append(microsecondsSince1970: value.microsecondsSince1970)
        case .bytes(let value): append(contentsOf: value)
        case .json(let value): append(json: value.text)
        }
    }

    /// Appends an instant; those that no field can hold become the server's infinities.
    @inline(__always)
    mutating func append(microsecondsSince1970: Int64) {
        let (micros, overflows) = microsecondsSince1970.subtractingReportingOverflow(PostgresType.epochMicroseconds)
        append(wire: overflows ? Int64.min : micros)
    }

    @inline(__always)
    mutating func append(json: String) {
        append(PostgresType.jsonbVersion)
        append(contentsOf: json.utf8)
    }
}
