import Foundation
internal import GRDBSQLite
import TenancyCore

/// What SQLite lacks and statements need: comparison of decimals, exact sums, additions that notice an overflow, lower
/// case beyond ASCII, and scores of searches that depend on one record only.
///
/// They are registered by C callbacks and not by GRDB's closures, because those make an array of boxed values of each
/// row's arguments. None looks at anything but its arguments.
enum SQLFunctions {
    static let decimalCollation = "tenancy_decimal"
    /// What a function answers whose result no field can hold. SQLite itself returns the code only for a parameter's
    /// number, which is never computed here.
    static let outOfRange = SQLITE_RANGE

    /// Registers everything on a connection.
    ///
    /// - Returns: An SQLite result code.
    static func register(on database: OpaquePointer) -> Int32 {
        let codes = [
            registerCollation(on: database),
            // Innocuous, because a trigger calls it, and triggers may call nothing else.
            sqlite3_create_function_v2(
                database, "tenancy_words", 1, pure | SQLITE_INNOCUOUS, nil, words, nil, nil, nil),
            sqlite3_create_function_v2(database, "tenancy_score", 3, pure, nil, score, nil, nil, nil),
            sqlite3_create_function_v2(database, "tenancy_lower", 1, pure, nil, lower, nil, nil, nil),
            sqlite3_create_function_v2(database, "tenancy_add", 2, pure, nil, add, nil, nil, nil),
            sqlite3_create_function_v2(database, "tenancy_add_decimal", 4, pure, nil, addDecimal, nil, nil, nil),
            sqlite3_create_function_v2(
                database, "tenancy_sum", 1, pure, nil, nil, Sums.stepNumber, Sums.endNumber, nil),
            sqlite3_create_function_v2(
                database, "tenancy_sum_decimal", 1, pure, nil, nil, Sums.stepDecimal, Sums.endDecimal, nil),
            ListTable.register(on: database),
        ]
        return codes.first { $0 != SQLITE_OK } ?? SQLITE_OK
    }

    private static let pure = SQLITE_UTF8 | SQLITE_DETERMINISTIC

    private static func registerCollation(on database: OpaquePointer) -> Int32 {
        sqlite3_create_collation_v2(
            database, decimalCollation, SQLITE_UTF8, nil,
            { _, leftLength, left, rightLength, right in
                DecimalOrder.compare(
                    UnsafeBufferPointer(start: left?.assumingMemoryBound(to: UInt8.self), count: Int(leftLength)),
                    UnsafeBufferPointer(start: right?.assumingMemoryBound(to: UInt8.self), count: Int(rightLength)))
            }, nil)
    }

    private typealias Function =
        @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void

    private static let lower: Function = { context, _, arguments in
        guard let value = arguments?[0], let text = text(value) else { return sqlite3_result_null(context) }
        result(text.lowercased(), context)
    }

    private static let words: Function = { context, _, arguments in
        guard let value = arguments?[0], let text = text(value) else { return sqlite3_result_null(context) }
        // Of what is only ASCII the tokenizer makes the same words; as most texts are, that is worth the look. Words
        // beyond the length at which Tenancy cuts them are left to Tenancy.
        if text.utf8.allSatisfy({ $0 < 0x80 }), !text.utf8.split(separator: 0x20).contains(where: { $0.count > 64 }) {
            return sqlite3_result_value(context, value)
        }
        result(SearchTerms.allWords(of: text).joined(separator: " "), context)
    }

    /// The words of a search, cut once for all rows of a statement.
    private final class Words {
        let words: [String]
        init(_ words: [String]) { self.words = words }
    }

    /// A field's score before its weight: the words, whether the last may be a beginning, the field's text.
    private static let score: Function = { context, _, arguments in
        guard let arguments, let looked = arguments[0], let stored = arguments[2], let text = text(stored) else {
            return sqlite3_result_double(context, 0)
        }
        let words: [String]
        if let known = sqlite3_get_auxdata(context, 0) {
            words = Unmanaged<Words>.fromOpaque(known).takeUnretainedValue().words
        } else {
            words = (Self.text(looked) ?? "").split(separator: " ").map(String.init)
            // SQLite may release it at once, so it is not looked at after this.
            sqlite3_set_auxdata(context, 0, Unmanaged.passRetained(Words(words)).toOpaque()) { words in
                if let words { Unmanaged<Words>.fromOpaque(words).release() }
            }
        }
        let counts = SearchScore.counts(of: words, lastIsPrefix: sqlite3_value_int(arguments[1]) != 0, in: text)
        sqlite3_result_double(context, SearchScore.ofField(counts))
    }

    private static let add: Function = { context, _, arguments in
        guard let left = arguments?[0], let right = arguments?[1], sqlite3_value_type(left) != SQLITE_NULL else {
            return sqlite3_result_null(context)
        }
        if sqlite3_value_type(left) == SQLITE_INTEGER, sqlite3_value_type(right) == SQLITE_INTEGER {
            let (sum, overflows) = sqlite3_value_int64(left).addingReportingOverflow(sqlite3_value_int64(right))
            if overflows { return sqlite3_result_error_code(context, outOfRange) }
            return sqlite3_result_int64(context, sum)
        }
        let sum = sqlite3_value_double(left) + sqlite3_value_double(right)
        if !sum.isFinite { return sqlite3_result_error_code(context, outOfRange) }
        sqlite3_result_double(context, sum)
    }

    private static let addDecimal: Function = { context, _, arguments in
        guard let arguments, let left = arguments[0], let right = arguments[1],
            sqlite3_value_type(left) != SQLITE_NULL
        else { return sqlite3_result_null(context) }
        guard let left = decimal(left), let right = decimal(right) else {
            return sqlite3_result_error_code(context, SQLITE_CORRUPT)
        }
        let (precision, scale) = (sqlite3_value_int(arguments[2]), sqlite3_value_int(arguments[3]))
        guard let sum = exactSum(left, right), sum.fits(precision: Int(precision), scale: Int(scale)) else {
            return sqlite3_result_error_code(context, outOfRange)
        }
        result(sum.canonicalText, context)
    }

    /// The sum, or `nil` if 38 digits can't hold it.
    static func exactSum(_ left: Decimal, _ right: Decimal) -> Decimal? {
        var (left, right, sum) = (left, right, Decimal())
        return NSDecimalAdd(&sum, &left, &right, .plain) == .noError && !sum.isNaN ? sum : nil
    }

    static func decimal(_ value: OpaquePointer) -> Decimal? { text(value).flatMap { Decimal(canonicalText: $0) } }

    static func result(_ text: String, _ context: OpaquePointer?) {
        var text = text
        text.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) {
                sqlite3_result_text64(
                    context, $0.baseAddress ?? PreparedStatement.empty, UInt64($0.count), PreparedStatement.transient,
                    UInt8(SQLITE_UTF8))
            }
        }
    }

    private static func text(_ value: OpaquePointer) -> String? {
        guard let start = sqlite3_value_text(value) else { return nil }
        return String(
            decoding: UnsafeBufferPointer(start: start, count: Int(sqlite3_value_bytes(value))), as: UTF8.self)
    }
}
