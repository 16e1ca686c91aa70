public import Foundation

/// Rows copied out of a library that doesn't let go of its own: fixed-width cells, and one run of bytes for the rest.
///
/// Two allocations hold any number of rows. Decimals are kept as their canonical text.
public final class RowBuffer: RowBatch {
    /// Collects rows, cell by cell, from left to right.
    public struct Builder: ~Copyable {
        private let columnCount: Int
        private var cells: [Cell]
        private var bytes: [UInt8]

        /// A builder for rows of that many columns.
        public init(columnCount: Int, rowCapacity: Int = 1) {
            self.columnCount = columnCount
            cells = []
            cells.reserveCapacity(columnCount * rowCapacity)
            bytes = []
        }

        /// How many whole rows were added.
        public var count: Int { columnCount == 0 ? 0 : cells.count / columnCount }
        /// How many bytes the values outside the cells take.
        public var byteCount: Int { bytes.count }

        /// Adds a cell without a value.
        @inline(__always)
        public mutating func appendNull() { cells.append(Cell(kind: .null, payload: 0, length: 0)) }
        /// Adds an integer, a boolean as 0 or 1, or a timestamp in microseconds since 1970.
        @inline(__always)
        public mutating func append(_ value: Int64) {
            cells.append(Cell(kind: .int64, payload: UInt64(bitPattern: value), length: 0))
        }
        /// Adds a double.
        @inline(__always)
        public mutating func append(_ value: Double) {
            cells.append(Cell(kind: .double, payload: value.bitPattern, length: 0))
        }
        /// Adds text, bytes, a JSON document, a decimal's canonical text, or the 16 bytes of a UUID.
        @inline(__always)
        public mutating func append(_ value: UnsafeRawBufferPointer) {
            cells.append(Cell(kind: .bytes, payload: UInt64(bytes.count), length: UInt32(value.count)))
            bytes.append(contentsOf: value)
        }
        /// Adds a value of the untyped API.
        public mutating func append(_ value: Value) {
            switch value {
            case .null: appendNull()
            case .bool(let value): append(Int64(value ? 1 : 0))
            case .int64(let value): append(value)
            case .double(let value): append(value)
            case .decimal(let value): append(text: value.canonicalText)
            case .string(let value): append(text: value)
            case .uuid(let value): withUnsafeBytes(of: value.uuid) { append($0) }
            case .timestamp(let value): append(value.microsecondsSince1970)
            case .bytes(let value): value.withUnsafeBytes { append($0) }
            case .json(let value): append(text: value.text)
            }
        }

        private mutating func append(text: String) {
            var text = text
            text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
        }

        /// The rows.
        public consuming func build() -> RowBuffer {
            RowBuffer(columnCount: columnCount, cells: cells, bytes: bytes)
        }
    }

    enum Kind: UInt32 {
        case null, int64, double, bytes
    }

    struct Cell {
        let kind: Kind
        let length: UInt32
        let payload: UInt64

        @inline(__always)
        init(kind: Kind, payload: UInt64, length: UInt32) {
            self.kind = kind
            self.payload = payload
            self.length = length
        }
    }

    /// How many columns each row has.
    public let columnCount: Int
    let cells: [Cell]
    let bytes: [UInt8]

    init(columnCount: Int, cells: [Cell], bytes: [UInt8]) {
        self.columnCount = columnCount
        self.cells = cells
        self.bytes = bytes
    }

    /// How many rows there are.
    public var count: Int { columnCount == 0 ? 0 : cells.count / columnCount }

    private func cell(_ row: Int, _ column: Int, _ kind: Kind) throws(TenancyError) -> Cell {
        let cell = cells[row * columnCount + column]
        guard cell.kind == kind else { throw Self.unexpected(column) }
        return cell
    }

    private static func unexpected(_ column: Int) -> TenancyError {
        TenancyError(.corrupted, "Column \(column) of a row holds a value of another type than its field's.")
    }

    private func withBytes<R>(_ cell: Cell, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        bytes.withUnsafeBytes { all in
            let start = Int(cell.payload)
            return body(UnsafeRawBufferPointer(rebasing: all[start..<start + Int(cell.length)]))
        }
    }

    /// Whether a cell has no value.
    public func isNull(_ row: Int, _ column: Int) -> Bool { cells[row * columnCount + column].kind == .null }
    /// A boolean cell.
    public func bool(_ row: Int, _ column: Int) throws(TenancyError) -> Bool {
        try cell(row, column, .int64).payload != 0
    }
    /// An integer cell.
    public func int64(_ row: Int, _ column: Int) throws(TenancyError) -> Int64 {
        Int64(bitPattern: try cell(row, column, .int64).payload)
    }
    /// A double cell.
    public func double(_ row: Int, _ column: Int) throws(TenancyError) -> Double {
        Double(bitPattern: try cell(row, column, .double).payload)
    }
    /// A decimal cell.
    public func decimal(_ row: Int, _ column: Int) throws(TenancyError) -> Decimal {
        guard let value = Decimal(canonicalText: try string(row, column)) else { throw Self.unexpected(column) }
        return value
    }
    /// A text cell.
    public func string(_ row: Int, _ column: Int) throws(TenancyError) -> String {
        withBytes(try cell(row, column, .bytes)) { String(decoding: $0, as: UTF8.self) }
    }
    /// A UUID cell.
    public func uuid(_ row: Int, _ column: Int) throws(TenancyError) -> UUID {
        let cell = try cell(row, column, .bytes)
        guard cell.length == 16 else { throw Self.unexpected(column) }
        return withBytes(cell) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
    /// A timestamp cell.
    public func timestamp(_ row: Int, _ column: Int) throws(TenancyError) -> Timestamp {
        Timestamp(microsecondsSince1970: try int64(row, column))
    }
    /// A cell of bytes.
    public func bytes(_ row: Int, _ column: Int) throws(TenancyError) -> [UInt8] {
        withBytes(try cell(row, column, .bytes)) { [UInt8]($0) }
    }
    /// A JSON cell.
    public func json(_ row: Int, _ column: Int) throws(TenancyError) -> JSON {
        JSON(trusted: try string(row, column))
    }
}
