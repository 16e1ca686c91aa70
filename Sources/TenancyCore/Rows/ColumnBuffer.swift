public import Foundation

/// The values of one field in many records, side by side: what a bulk write binds as an array.
///
/// Only the storage of the column's own type is used. A row without a value has a filler there, so that the positions
/// in ``nulls`` and in the storage are the same.
public struct ColumnBuffer: Sendable {
    /// The type of every value.
    public let type: FieldType
    /// For each row, whether it has no value.
    public private(set) var nulls: [Bool] = []
    /// Booleans (0 and 1), integers, and timestamps in microseconds since 1970.
    public private(set) var int64s: [Int64] = []
    /// Doubles.
    public private(set) var doubles: [Double] = []
    /// Decimals.
    public private(set) var decimals: [Decimal] = []
    /// Text, and JSON documents.
    public private(set) var strings: [String] = []
    /// UUIDs.
    public private(set) var uuids: [UUID] = []
    /// Bytes.
    public private(set) var blobs: [[UInt8]] = []

    /// An empty column.
    public init(type: FieldType) { self.type = type }

    /// How many rows there are.
    public var count: Int { nulls.count }

    /// Makes room for more rows.
    public mutating func reserveCapacity(_ rows: Int) {
        nulls.reserveCapacity(rows)
        switch type {
        case .bool, .int64, .timestamp: int64s.reserveCapacity(rows)
        case .double: doubles.reserveCapacity(rows)
        case .decimal: decimals.reserveCapacity(rows)
        case .string, .json: strings.reserveCapacity(rows)
        case .uuid: uuids.reserveCapacity(rows)
        case .bytes: blobs.reserveCapacity(rows)
        }
    }

    /// Appends a boolean.
    public mutating func append(_ value: Bool) {
        int64s.append(value ? 1 : 0)
        nulls.append(false)
    }
    /// Appends an integer.
    public mutating func append(_ value: Int64) {
        int64s.append(value)
        nulls.append(false)
    }
    /// Appends a double; minus zero becomes zero, because not every database keeps the sign.
    public mutating func append(_ value: Double) {
        doubles.append(value == 0 ? 0 : value)
        nulls.append(false)
    }
    /// Appends a decimal.
    public mutating func append(_ value: Decimal) {
        decimals.append(value)
        nulls.append(false)
    }
    /// Appends text.
    public mutating func append(_ value: String) {
        strings.append(value)
        nulls.append(false)
    }
    /// Appends a UUID.
    public mutating func append(_ value: UUID) {
        uuids.append(value)
        nulls.append(false)
    }
    /// Appends an instant.
    public mutating func append(_ value: Timestamp) {
        int64s.append(value.microsecondsSince1970)
        nulls.append(false)
    }
    /// Appends bytes.
    public mutating func append(_ value: [UInt8]) {
        blobs.append(value)
        nulls.append(false)
    }
    /// Appends a JSON document.
    public mutating func append(_ value: JSON) {
        strings.append(value.text)
        nulls.append(false)
    }
    /// Appends a row without a value.
    public mutating func appendNull() {
        switch type {
        case .bool, .int64, .timestamp: int64s.append(0)
        case .double: doubles.append(0)
        case .decimal: decimals.append(0)
        case .string, .json: strings.append("")
        case .uuid: uuids.append(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        case .bytes: blobs.append([])
        }
        nulls.append(true)
    }

    /// Appends a value of the untyped API.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/typeMismatch`` if it is not of the column's type.
    public mutating func append(_ value: Value) throws(TenancyError) {
        switch value {
        case .null: appendNull()
        case .bool(let value) where type == .bool: append(value)
        case .int64(let value) where type == .int64: append(value)
        case .double(let value) where type == .double: append(value)
        case .decimal(let value) where type == .decimal: append(value)
        case .string(let value) where type == .string: append(value)
        case .uuid(let value) where type == .uuid: append(value)
        case .timestamp(let value) where type == .timestamp: append(value)
        case .bytes(let value) where type == .bytes: append(value)
        case .json(let value) where type == .json: append(value)
        default:
            throw TenancyError(.typeMismatch, "A value's type is not the field's type, which is \(type.rawValue).")
        }
    }

    /// Cuts every instant down to a precision.
    mutating func truncateTimestamps(to precision: TimestampPrecision) {
        guard precision != .microseconds else { return }
        for row in int64s.indices {
            int64s[row] = Timestamp(microsecondsSince1970: int64s[row]).truncated(to: precision).microsecondsSince1970
        }
    }

    /// Replaces the value of every row by an integer, as for the version that a write stores.
    package mutating func fill(_ value: Int64) {
        for row in int64s.indices { int64s[row] = value }
    }

    /// Replaces the integer of one row.
    package mutating func set(_ value: Int64, row: Int) {
        int64s[row] = value
        nulls[row] = false
    }
}
