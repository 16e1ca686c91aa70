public import Foundation

/// Records as columns of values: what a write takes.
public struct ColumnBatch: Sendable {
    /// The columns in the order of the entity's fields.
    public package(set) var columns: [ColumnBuffer]
    /// How many rows there are.
    public package(set) var count = 0

    /// An empty batch for an entity.
    public init(_ entity: EntityDescription, capacity: Int = 0) {
        columns = entity.fields.map { field in
            var column = ColumnBuffer(type: field.type)
            if capacity > 1 { column.reserveCapacity(capacity) }
            return column
        }
    }

    /// Adds a row of values in the order of the entity's fields.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/typeMismatch``; the batch must not be used after that.
    public mutating func append(_ values: [Value]) throws(TenancyError) {
        guard values.count == columns.count else {
            throw TenancyError(.typeMismatch, "A row has another number of values than its entity has fields.")
        }
        for (position, value) in values.enumerated() { try columns[position].append(value) }
        count += 1
    }
}

extension ColumnBatch: RowBatch {
    /// How many columns there are.
    public var columnCount: Int { columns.count }
    /// Whether a cell has no value.
    public func isNull(_ row: Int, _ column: Int) -> Bool { columns[column].nulls[row] }
    /// A boolean cell.
    public func bool(_ row: Int, _ column: Int) throws(TenancyError) -> Bool { columns[column].int64s[row] != 0 }
    /// An integer cell.
    public func int64(_ row: Int, _ column: Int) throws(TenancyError) -> Int64 { columns[column].int64s[row] }
    /// A double cell.
    public func double(_ row: Int, _ column: Int) throws(TenancyError) -> Double { columns[column].doubles[row] }
    /// A decimal cell.
    public func decimal(_ row: Int, _ column: Int) throws(TenancyError) -> Decimal { columns[column].decimals[row] }
    /// A text cell.
    public func string(_ row: Int, _ column: Int) throws(TenancyError) -> String { columns[column].strings[row] }
    /// A UUID cell.
    public func uuid(_ row: Int, _ column: Int) throws(TenancyError) -> UUID { columns[column].uuids[row] }
    /// A timestamp cell.
    public func timestamp(_ row: Int, _ column: Int) throws(TenancyError) -> Timestamp {
        Timestamp(microsecondsSince1970: columns[column].int64s[row])
    }
    /// A cell of bytes.
    public func bytes(_ row: Int, _ column: Int) throws(TenancyError) -> [UInt8] { columns[column].blobs[row] }
    /// A JSON cell.
    public func json(_ row: Int, _ column: Int) throws(TenancyError) -> JSON {
        JSON(trusted: columns[column].strings[row])
    }
}
