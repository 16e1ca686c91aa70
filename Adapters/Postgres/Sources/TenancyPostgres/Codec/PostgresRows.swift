internal import CLibpq
import Foundation
import TenancyCore

/// Rows in the buffer in which libpq received them, decoded when a cell is asked for.
///
/// Unchecked because a `PGresult` is a pointer. libpq promises that a result is read-only after its creation and can be
/// read by several threads at once; this object is its only owner, hands the pointer to nobody, calls functions only
/// that read it, and frees it when the last reference is gone.
final class PostgresRows: RowBatch, @unchecked Sendable {
    private let result: OpaquePointer
    let count: Int
    let columnCount: Int

    /// Takes a result over, whose columns are all in binary form.
    init(owning result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
        columnCount = Int(PQnfields(result))
    }

    deinit { PQclear(result) }

    /// The type of a column as the server tells it; 0 outside the columns.
    func typeNumber(_ column: Int) -> UInt32 { PQftype(result, Int32(truncatingIfNeeded: column)) }

    /// - Returns: The bytes of a cell, which live as long as the batch.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/corrupted`` if the cell is null or of another type, or of
    ///   another length than `width`, if that is not negative.
    @inline(__always)
    private func cell(
        _ row: Int, _ column: Int, _ type: PostgresType, width: Int = -1
    ) throws(TenancyError) -> UnsafeRawBufferPointer {
        let (row, column) = (Int32(truncatingIfNeeded: row), Int32(truncatingIfNeeded: column))
        guard PQftype(result, column) == type.rawValue, PQfformat(result, column) == 1,
            let start = PQgetvalue(result, row, column)
        else { throw Self.unexpected(column) }
        let length = Int(PQgetlength(result, row, column))
        guard width < 0 || length == width, length > 0 || PQgetisnull(result, row, column) == 0 else {
            throw Self.unexpected(column)
        }
        return UnsafeRawBufferPointer(start: start, count: length)
    }

    private static func unexpected(_ column: Int32) -> TenancyError {
        TenancyError(.corrupted, "Column \(column) of a row holds a value of another form than its field's.")
    }

    @inline(__always)
    private func integer(_ row: Int, _ column: Int, _ type: PostgresType) throws(TenancyError) -> Int64 {
        Int64(bigEndian: try cell(row, column, type, width: 8).loadUnaligned(as: Int64.self))
    }

    @inline(__always)
    private static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

    func isNull(_ row: Int, _ column: Int) -> Bool {
        PQgetisnull(result, Int32(truncatingIfNeeded: row), Int32(truncatingIfNeeded: column)) != 0
    }

    func bool(_ row: Int, _ column: Int) throws(TenancyError) -> Bool {
        try cell(row, column, .bool, width: 1)[0] != 0
    }

    func int64(_ row: Int, _ column: Int) throws(TenancyError) -> Int64 { try integer(row, column, .int8) }

    func double(_ row: Int, _ column: Int) throws(TenancyError) -> Double {
        Double(bitPattern: UInt64(bitPattern: try integer(row, column, .float8)))
    }

    func decimal(_ row: Int, _ column: Int) throws(TenancyError) -> Decimal {
        guard let value = try Numeric.decode(try cell(row, column, .numeric)) else {
            throw Self.unexpected(Int32(truncatingIfNeeded: column))
        }
        return value
    }

    func string(_ row: Int, _ column: Int) throws(TenancyError) -> String { Self.text(try cell(row, column, .text)) }

    func uuid(_ row: Int, _ column: Int) throws(TenancyError) -> UUID {
        UUID(uuid: try cell(row, column, .uuid, width: 16).loadUnaligned(as: uuid_t.self))
    }

    func timestamp(_ row: Int, _ column: Int) throws(TenancyError) -> Timestamp {
        let micros = try integer(row, column, .timestamptz)
        // The ends of the range are the server's infinities, which are no instants.
        let (since1970, overflows) = micros.addingReportingOverflow(PostgresType.epochMicroseconds)
        guard !overflows, micros != .min else { throw Self.unexpected(Int32(truncatingIfNeeded: column)) }
        return Timestamp(microsecondsSince1970: since1970)
    }

    func bytes(_ row: Int, _ column: Int) throws(TenancyError) -> [UInt8] { [UInt8](try cell(row, column, .bytea)) }

    func json(_ row: Int, _ column: Int) throws(TenancyError) -> JSON {
        let bytes = try cell(row, column, .jsonb)
        guard bytes.first == PostgresType.jsonbVersion else { throw Self.unexpected(Int32(truncatingIfNeeded: column)) }
        return JSON(trusted: Self.text(UnsafeRawBufferPointer(rebasing: bytes.dropFirst())))
    }
}
