import Foundation
internal import GRDBSQLite
import TenancyCore

/// A list of values as a table: `SELECT value FROM tenancy_list(?)`, with the list bound as a pointer.
///
/// It takes any number of values of any type exactly, where a parameter for each would meet the bound on parameters
/// and a JSON array can hold neither bytes nor every double.
enum ListTable {
    /// The values, kept alive by the statement that they are bound to.
    final class Values {
        let values: [Value]
        init(_ values: [Value]) { self.values = values }
    }

    /// A cursor as SQLite knows it, with what it walks through behind it.
    private struct Cursor {
        var base = sqlite3_vtab_cursor()
        var values: Unmanaged<Values>?
        var position = 0
    }

    /// A name for the pointer's type, which SQLite compares by text; SQL can't make such a pointer.
    nonisolated(unsafe) private static let type: UnsafePointer<CChar> = constant("tenancy_list")
    /// The table's implementation, which must outlive every connection. Never written to.
    nonisolated(unsafe) private static let module: UnsafePointer<sqlite3_module> = {
        let module = UnsafeMutablePointer<sqlite3_module>.allocate(capacity: 1)
        module.initialize(to: makeModule())
        return UnsafePointer(module)
    }()

    static func register(on database: OpaquePointer) -> Int32 {
        sqlite3_create_module_v2(database, type, module, nil, nil)
    }

    /// Binds a list to a parameter.
    static func bind(_ values: [Value], to statement: OpaquePointer, at index: Int32) {
        let list = Unmanaged.passRetained(Values(values)).toOpaque()
        // SQLite calls the destructor also when the binding fails.
        sqlite3_bind_pointer(statement, index, list, type) { list in
            if let list { Unmanaged<Values>.fromOpaque(list).release() }
        }
    }

    private static func constant(_ text: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private static func makeModule() -> sqlite3_module {
        // No `xCreate`: the table is there without being created, and can't be created under another name.
        var module = sqlite3_module()
        module.xConnect = { database, _, _, _, table, _ in
            let code = sqlite3_declare_vtab(database, "CREATE TABLE x(value, list HIDDEN)")
            guard code == SQLITE_OK else { return code }
            let new = UnsafeMutablePointer<sqlite3_vtab>.allocate(capacity: 1)
            new.initialize(to: sqlite3_vtab())
            table?.pointee = new
            return SQLITE_OK
        }
        module.xDisconnect = { table in
            table?.deallocate()
            return SQLITE_OK
        }
        module.xBestIndex = { _, info in
            guard let info else { return SQLITE_ERROR }
            for index in 0..<Int(info.pointee.nConstraint) {
                let constraint = info.pointee.aConstraint[index]
                guard constraint.iColumn == 1, constraint.op == UInt8(SQLITE_INDEX_CONSTRAINT_EQ) else { continue }
                guard constraint.usable != 0 else { return SQLITE_CONSTRAINT }
                info.pointee.aConstraintUsage[index].argvIndex = 1
                info.pointee.aConstraintUsage[index].omit = 1
                info.pointee.estimatedCost = 100
                info.pointee.estimatedRows = 100
            }
            return SQLITE_OK
        }
        module.xOpen = { _, cursor in
            let new = UnsafeMutablePointer<Cursor>.allocate(capacity: 1)
            new.initialize(to: Cursor())
            cursor?.pointee = UnsafeMutableRawPointer(new).assumingMemoryBound(to: sqlite3_vtab_cursor.self)
            return SQLITE_OK
        }
        module.xClose = { cursor in
            UnsafeMutableRawPointer(cursor)?.assumingMemoryBound(to: Cursor.self).deallocate()
            return SQLITE_OK
        }
        module.xFilter = { cursor, _, _, count, arguments in
            guard let cursor = ListTable.own(cursor) else { return SQLITE_ERROR }
            cursor.pointee.position = 0
            cursor.pointee.values = nil
            if count > 0, let list = sqlite3_value_pointer(arguments?[0], ListTable.type) {
                cursor.pointee.values = Unmanaged<Values>.fromOpaque(list)
            }
            return SQLITE_OK
        }
        module.xNext = { cursor in
            ListTable.own(cursor)?.pointee.position += 1
            return SQLITE_OK
        }
        module.xEof = { cursor in
            guard let cursor = ListTable.own(cursor), let values = cursor.pointee.values else { return 1 }
            return values._withUnsafeGuaranteedRef { cursor.pointee.position >= $0.values.count } ? 1 : 0
        }
        module.xColumn = { cursor, context, column in
            guard column == 0, let cursor = ListTable.own(cursor), let values = cursor.pointee.values else {
                sqlite3_result_null(context)
                return SQLITE_OK
            }
            ListTable.result(values.takeUnretainedValue().values[cursor.pointee.position], context)
            return SQLITE_OK
        }
        module.xRowid = { cursor, row in
            row?.pointee = sqlite3_int64(ListTable.own(cursor)?.pointee.position ?? 0)
            return SQLITE_OK
        }
        return module
    }

    private static func own(_ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> UnsafeMutablePointer<Cursor>? {
        UnsafeMutableRawPointer(cursor)?.assumingMemoryBound(to: Cursor.self)
    }

    private static func result(_ value: Value, _ context: OpaquePointer?) {
        switch value {
        case .null: sqlite3_result_null(context)
        case .bool(let value): sqlite3_result_int64(context, value ? 1 : 0)
        case .int64(let value): sqlite3_result_int64(context, value)
        case .double(let value): sqlite3_result_double(context, value)
        case .decimal(let value): SQLFunctions.result(value.canonicalText, context)
        case .string(let value): SQLFunctions.result(value, context)
        case .uuid(let value): withUnsafeBytes(of: value.uuid) { blob($0, context) }
        case .timestamp(let value): sqlite3_result_int64(context, value.microsecondsSince1970)
        case .bytes(let value): value.withUnsafeBytes { blob($0, context) }
        case .json(let value): SQLFunctions.result(value.text, context)
        }
    }

    private static func blob(_ bytes: UnsafeRawBufferPointer, _ context: OpaquePointer?) {
        guard let start = bytes.baseAddress else { return sqlite3_result_zeroblob(context, 0) }
        sqlite3_result_blob64(context, start, UInt64(bytes.count), PreparedStatement.transient)
    }
}
