public import Foundation

/// Rows as an adapter returns them: in whatever buffer its library uses, decoded only when a cell is asked for, on
/// whoever's thread asks.
///
/// Rows and columns are counted from 0. A column's type is known to the caller from the statement; asking for another
/// throws. No method may be called with a position outside ``count`` and ``columnCount``.
public protocol RowBatch: Sendable {
    /// How many rows there are.
    var count: Int { get }
    /// How many columns each row has.
    var columnCount: Int { get }
    /// Whether a cell has no value.
    func isNull(_ row: Int, _ column: Int) -> Bool
    /// A boolean cell.
    func bool(_ row: Int, _ column: Int) throws(TenancyError) -> Bool
    /// An integer cell.
    func int64(_ row: Int, _ column: Int) throws(TenancyError) -> Int64
    /// A double cell.
    func double(_ row: Int, _ column: Int) throws(TenancyError) -> Double
    /// A decimal cell.
    func decimal(_ row: Int, _ column: Int) throws(TenancyError) -> Decimal
    /// A text cell.
    func string(_ row: Int, _ column: Int) throws(TenancyError) -> String
    /// A UUID cell.
    func uuid(_ row: Int, _ column: Int) throws(TenancyError) -> UUID
    /// A timestamp cell.
    func timestamp(_ row: Int, _ column: Int) throws(TenancyError) -> Timestamp
    /// A cell of bytes.
    func bytes(_ row: Int, _ column: Int) throws(TenancyError) -> [UInt8]
    /// A JSON cell.
    func json(_ row: Int, _ column: Int) throws(TenancyError) -> JSON
}

/// One row of a batch.
public struct RowView: Sendable {
    /// The batch that holds the row.
    public let batch: any RowBatch
    /// The row's position in the batch.
    public let row: Int

    /// A row of a batch.
    public init(_ batch: any RowBatch, row: Int) {
        self.batch = batch
        self.row = row
    }

    /// A cell as a value of the untyped API.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/corrupted`` if the cell is not of that type.
    public func value(_ column: Int, as type: FieldType) throws(TenancyError) -> Value {
        if batch.isNull(row, column) { return .null }
        return switch type {
        case .bool: .bool(try batch.bool(row, column))
        case .int64: .int64(try batch.int64(row, column))
        case .double: .double(try batch.double(row, column))
        case .decimal: .decimal(try batch.decimal(row, column))
        case .string: .string(try batch.string(row, column))
        case .uuid: .uuid(try batch.uuid(row, column))
        case .timestamp: .timestamp(try batch.timestamp(row, column))
        case .bytes: .bytes(try batch.bytes(row, column))
        case .json: .json(try batch.json(row, column))
        }
    }
}
