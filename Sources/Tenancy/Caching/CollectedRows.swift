import Foundation
import TenancyCore

/// Rows of several batches as one.
struct CollectedRows: RowBatch {
    private let rows: [RowView]
    let columnCount: Int

    init(_ rows: [RowView], columnCount: Int) {
        self.rows = rows
        self.columnCount = columnCount
    }

    var count: Int { rows.count }

    func isNull(_ row: Int, _ column: Int) -> Bool { rows[row].batch.isNull(rows[row].row, column) }
    func bool(_ row: Int, _ column: Int) throws(TenancyError) -> Bool {
        try rows[row].batch.bool(rows[row].row, column)
    }
    func int64(_ row: Int, _ column: Int) throws(TenancyError) -> Int64 {
        try rows[row].batch.int64(rows[row].row, column)
    }
    func double(_ row: Int, _ column: Int) throws(TenancyError) -> Double {
        try rows[row].batch.double(rows[row].row, column)
    }
    func decimal(_ row: Int, _ column: Int) throws(TenancyError) -> Decimal {
        try rows[row].batch.decimal(rows[row].row, column)
    }
    func string(_ row: Int, _ column: Int) throws(TenancyError) -> String {
        try rows[row].batch.string(rows[row].row, column)
    }
    func uuid(_ row: Int, _ column: Int) throws(TenancyError) -> UUID {
        try rows[row].batch.uuid(rows[row].row, column)
    }
    func timestamp(_ row: Int, _ column: Int) throws(TenancyError) -> Timestamp {
        try rows[row].batch.timestamp(rows[row].row, column)
    }
    func bytes(_ row: Int, _ column: Int) throws(TenancyError) -> [UInt8] {
        try rows[row].batch.bytes(rows[row].row, column)
    }
    func json(_ row: Int, _ column: Int) throws(TenancyError) -> JSON {
        try rows[row].batch.json(rows[row].row, column)
    }
}
