import Foundation
import TenancyCore

extension PreparedStatement {
    /// Binds the tenant as the first parameter and a row's columns as those after it.
    func bind(_ batch: ColumnBatch, _ row: Int, _ plan: TablePlan, _ tenant: TenantID) {
        bind(tenant.rawValue, at: 1)
        for column in batch.columns.indices { bind(batch.columns[column], row, at: Int32(column + 2)) }
    }

    /// Binds one cell of a column.
    @inline(__always)
    func bind(_ column: ColumnBuffer, _ row: Int, at index: Int32) {
        if column.nulls[row] { return bindNull(at: index) }
        switch column.type {
        case .bool, .int64, .timestamp: bind(column.int64s[row], at: index)
        case .double: bind(column.doubles[row], at: index)
        case .decimal: bind(column.decimals[row].canonicalText, at: index)
        case .string, .json: bind(column.strings[row], at: index)
        case .uuid: withUnsafeBytes(of: column.uuids[row].uuid) { bind($0, at: index) }
        case .bytes: column.blobs[row].withUnsafeBytes { bind($0, at: index) }
        }
    }
}
