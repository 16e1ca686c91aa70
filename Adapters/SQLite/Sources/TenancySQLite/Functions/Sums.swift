import Foundation
internal import GRDBSQLite
import TenancyCore

/// Sums that are exact or fail. SQLite's own gives up when a part of the sum leaves 64 bits, though the whole would
/// not, and so depends on the order of rows.
enum Sums {
    /// In memory that SQLite hands out zeroed; trivial, so that nothing has to be freed.
    private struct Numbers {
        var whole: Int128
        var real: Double
        var isReal: Bool
        var count: Int
    }

    private final class Decimals {
        var sum: Decimal? = 0
    }

    typealias Step = @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void
    typealias End = @convention(c) (OpaquePointer?) -> Void

    static let stepNumber: Step = { context, _, arguments in
        guard let value = arguments?[0] else { return }
        let type = sqlite3_value_type(value)
        if type == SQLITE_NULL { return }
        guard let memory = sqlite3_aggregate_context(context, Int32(MemoryLayout<Numbers>.size)) else {
            return sqlite3_result_error_nomem(context)
        }
        // SQLite aligns to 8 bytes, Int128 wants 16.
        var numbers = memory.loadUnaligned(as: Numbers.self)
        numbers.count += 1
        if type == SQLITE_INTEGER {
            numbers.whole += Int128(sqlite3_value_int64(value))
        } else {
            numbers.isReal = true
            numbers.real += sqlite3_value_double(value)
        }
        withUnsafeBytes(of: numbers) {
            memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count)
        }
    }

    static let endNumber: End = { context in
        guard let memory = sqlite3_aggregate_context(context, 0) else { return sqlite3_result_null(context) }
        let numbers = memory.loadUnaligned(as: Numbers.self)
        if numbers.count == 0 { return sqlite3_result_null(context) }
        if numbers.isReal {
            let sum = numbers.real + Double(numbers.whole)
            return sum.isFinite
                ? sqlite3_result_double(context, sum)
                : sqlite3_result_error_code(context, SQLFunctions.outOfRange)
        }
        guard let sum = Int64(exactly: numbers.whole) else {
            return sqlite3_result_error_code(context, SQLFunctions.outOfRange)
        }
        sqlite3_result_int64(context, sum)
    }

    static let stepDecimal: Step = { context, _, arguments in
        guard let value = arguments?[0], sqlite3_value_type(value) != SQLITE_NULL else { return }
        guard let memory = sqlite3_aggregate_context(context, Int32(MemoryLayout<UnsafeRawPointer?>.size)) else {
            return sqlite3_result_error_nomem(context)
        }
        let place = memory.assumingMemoryBound(to: UnsafeRawPointer?.self)
        let decimals: Decimals
        if let known = place.pointee {
            decimals = Unmanaged<Decimals>.fromOpaque(known).takeUnretainedValue()
        } else {
            decimals = Decimals()
            // Released by `endDecimal`, which SQLite calls for every aggregate that was begun, also after an error.
            place.pointee = UnsafeRawPointer(Unmanaged.passRetained(decimals).toOpaque())
        }
        guard let sum = decimals.sum else { return }
        guard let value = SQLFunctions.decimal(value) else {
            return sqlite3_result_error_code(context, SQLITE_CORRUPT)
        }
        decimals.sum = SQLFunctions.exactSum(sum, value)
    }

    static let endDecimal: End = { context in
        guard let memory = sqlite3_aggregate_context(context, 0),
            let known = memory.assumingMemoryBound(to: UnsafeRawPointer?.self).pointee
        else { return sqlite3_result_null(context) }
        let decimals = Unmanaged<Decimals>.fromOpaque(known).takeRetainedValue()
        guard let sum = decimals.sum else {
            return sqlite3_result_error_code(context, SQLFunctions.outOfRange)
        }
        SQLFunctions.result(sum.canonicalText, context)
    }
}
