import Foundation
internal import GRDBSQLite
import TenancyCore

/// A compiled statement of one connection. Used on the connection's thread only, which the actor that owns it sees to.
final class PreparedStatement {
    let pointer: OpaquePointer
    let text: CompiledSQL
    /// When it was last used, counted in uses of the cache.
    var lastUse: UInt64 = 0
    /// The first error of a binding since the statement was reset. It must not run then, because SQLite would keep what
    /// was bound before, which may be another tenant's.
    private(set) var bindFailure = SQLITE_OK

    init(_ pointer: OpaquePointer, _ text: CompiledSQL) {
        self.pointer = pointer
        self.text = text
    }

    deinit { sqlite3_finalize(pointer) }

    /// `SQLITE_ROW`, `SQLITE_DONE` or an error, also of a binding.
    @inline(__always)
    func step() -> Int32 { bindFailure == SQLITE_OK ? sqlite3_step(pointer) : refuse() }

    /// Lets go of what is bound instead of running with it. The error stays until the statement is reset.
    private func refuse() -> Int32 {
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
        return bindFailure
    }

    /// Remembers a binding's error.
    @inline(__always)
    func note(_ code: Int32) {
        if code != SQLITE_OK { noteFailure(code) }
    }

    @inline(never)
    private func noteFailure(_ code: Int32) {
        if bindFailure == SQLITE_OK { bindFailure = code }
    }

    /// Ends the statement's run and lets go of its values.
    func reset() {
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
        bindFailure = SQLITE_OK
    }

    /// Ends the statement's run and keeps its values, for a statement whose every value is bound again before it runs.
    @inline(__always)
    func rewind() {
        if bindFailure == SQLITE_OK { sqlite3_reset(pointer) } else { reset() }
    }

    @inline(__always)
    func bind(_ value: Int64, at index: Int32) { note(sqlite3_bind_int64(pointer, index, value)) }

    @inline(__always)
    func bind(_ value: Double, at index: Int32) { note(sqlite3_bind_double(pointer, index, value)) }

    func bindNull(at index: Int32) { note(sqlite3_bind_null(pointer, index)) }

    /// Binds a copy of a text.
    @inline(__always)
    func bind(_ value: String, at index: Int32) {
        var value = value
        value.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { characters in
                note(
                    sqlite3_bind_text64(
                        pointer, index, characters.baseAddress ?? Self.empty, UInt64(utf8.count), Self.transient,
                        UInt8(SQLITE_UTF8)))
            }
        }
    }

    /// Binds a copy of some bytes.
    func bind(_ value: UnsafeRawBufferPointer, at index: Int32) {
        note(
            sqlite3_bind_blob64(
                pointer, index, value.baseAddress ?? UnsafeRawPointer(Self.empty), UInt64(value.count),
                Self.transient))
    }

    /// Binds a value of the untyped API in the form in which it is stored.
    func bind(_ value: Value, at index: Int32) {
        switch value {
        case .null: bindNull(at: index)
        case .bool(let value): bind(value ? 1 as Int64 : 0, at: index)
        case .int64(let value): bind(value, at: index)
        case .double(let value): bind(value, at: index)
        case .decimal(let value): bind(value.canonicalText, at: index)
        case .string(let value): bind(value, at: index)
        case .uuid(let value): withUnsafeBytes(of: value.uuid) { bind($0, at: index) }
        case .timestamp(let value): bind(value.microsecondsSince1970, at: index)
        case .bytes(let value): value.withUnsafeBytes { bind($0, at: index) }
        case .json(let value): bind(value.text, at: index)
        }
    }

    /// Adds the present row to a builder.
    @inline(__always)
    func copyRow(_ columns: Int32, into builder: inout RowBuffer.Builder) {
        for column in 0..<columns {
            switch sqlite3_column_type(pointer, column) {
            case SQLITE_INTEGER: builder.append(sqlite3_column_int64(pointer, column))
            case SQLITE_FLOAT: builder.append(sqlite3_column_double(pointer, column))
            case SQLITE_TEXT:
                let bytes = UnsafeRawPointer(sqlite3_column_text(pointer, column))
                builder.append(
                    UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(pointer, column))))
            case SQLITE_BLOB:
                let bytes = sqlite3_column_blob(pointer, column)
                builder.append(
                    UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(pointer, column))))
            default: builder.appendNull()
            }
        }
    }

    /// Tells SQLite to copy what is bound, as the C macro does, which Swift does not see.
    static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    /// An address for values of no length, for which SQLite would take none as null.
    nonisolated(unsafe) static let empty: UnsafePointer<CChar> = {
        // Never written to and never freed, so that any thread may read it.
        let byte = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        byte.pointee = 0
        return UnsafePointer(byte)
    }()
}
