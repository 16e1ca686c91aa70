import Foundation
internal import GRDBSQLite
import TenancyCore

extension Connection {
    /// Whether the file that is open is still the one at its path and has Tenancy's tables. It isn't after it was removed,
    /// here or by another process.
    var isInPlace: Bool {
        guard let handle else { return true }
        var hasMoved: Int32 = 0
        let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        if code == SQLITE_OK, hasMoved != 0 { return false }
        do throws(TenancyError) {
            return try !texts("SELECT 1 FROM sqlite_schema WHERE name = '\(SchemaUpdate.metaTable)'").isEmpty
        } catch {
            return true
        }
    }

    /// Removes the file, and those beside it. The caller has the exclusive lock of ``FileLocks``.
    ///
    /// The tables go first, in a transaction: whoever has the file open then finds nothing in it that could be read or
    /// written, and sees that it has to open another. Their values are overwritten, because it is not certain yet that the
    /// file can be removed.
    func removeFile(_ path: String) throws(TenancyError) {
        guard access((path as NSString).deletingLastPathComponent, W_OK) == 0 else { throw Self.irremovable }
        try inTransaction { () throws(TenancyError) in
            guard isInPlace else { throw Self.removed }
            // Dropping a virtual table drops the tables that it is made of, so the virtual ones go first.
            let tables =
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            for name in try texts(tables + " AND sql LIKE 'CREATE VIRTUAL%'") { try drop(name) }
            for name in try texts(tables) { try drop(name) }
        }
        for suffix in ["", "-wal", "-shm"] where unlink(path + suffix) != 0 && errno != ENOENT {
            // The log holds what was there before.
            checkpoint()
            throw Self.irremovable
        }
    }

    private static var irremovable: TenancyError {
        TenancyError(
            .readOnly, "The tenant's file can't be removed.",
            hint: "Allow the process to write to the file's directory, then repeat.")
    }

    /// The tables of a shared file that hold tenants' rows, also those of entities that are no longer declared.
    func tenantTables() throws(TenancyError) -> [String] {
        try texts(
            """
            SELECT name FROM sqlite_schema AS stored WHERE type = 'table' AND name IN \
            (SELECT iif(entity LIKE 'sqlite\\_%' ESCAPE '\\', '_' || entity, entity) FROM \(SchemaUpdate.fieldTable)) \
            AND EXISTS (SELECT 1 FROM pragma_table_info(stored.name) WHERE name = 'tenant_id')
            """)
    }

    /// Removes some of a tenant's rows from a table: so many that others need not wait for long.
    ///
    /// - Returns: Whether there may be more.
    func removeSomeRows(of tenant: TenantID, from table: String) throws(TenancyError) -> Bool {
        guard let handle else { throw Lifecycle.closed }
        // Tenancy made those tables and their triggers, whether or not an entity is still searched.
        let trusted = try texts("PRAGMA trusted_schema").first ?? "0"
        try once("PRAGMA trusted_schema = ON")
        defer { try? once("PRAGMA trusted_schema = \(trusted)") }
        let name = TablePlan.quote(table)
        try once(
            """
            DELETE FROM \(name) WHERE rowid_ IN \
            (SELECT rowid_ FROM \(name) WHERE tenant_id = ?1 LIMIT \(Self.removedRows))
            """, tenant.rawValue)
        return sqlite3_changes64(handle) >= Self.removedRows
    }

    /// How many rows a step of a removal takes: some ten milliseconds' work.
    private static let removedRows: Int64 = 2_000

    /// The full-text indexes in the file.
    func searchIndexes() throws(TenancyError) -> [String] {
        try texts(
            "SELECT name FROM sqlite_schema WHERE name LIKE '\\_search\\_%' ESCAPE '\\' AND sql LIKE 'CREATE VIRTUAL%'")
    }

    /// Does a part of writing a full-text index anew, because a word that was removed only gets a mark in it that says so.
    ///
    /// - Returns: Whether there is nothing left to do.
    func merge(_ index: String, begins: Bool) throws(TenancyError) -> Bool {
        guard let handle else { throw Lifecycle.closed }
        let before = sqlite3_total_changes64(handle)
        let name = TablePlan.quote(index)
        try once(
            "INSERT INTO \(name) (\(name), rank) VALUES ('merge', \(begins ? -Self.mergedPages : Self.mergedPages))")
        return sqlite3_total_changes64(handle) - before < 2
    }

    /// How many pages a step of merging writes: some milliseconds' work.
    private static let mergedPages = 256

    private func drop(_ name: String) throws(TenancyError) {
        try once("DROP TABLE IF EXISTS \"\(name.replacing("\"", with: "\"\""))\"")
    }

    /// Runs a statement that is not worth keeping.
    func once(_ sql: String, _ text: String? = nil) throws(TenancyError) {
        _ = try texts(sql, text)
    }

    /// The first column of what a statement answers that is not worth keeping.
    func texts(_ sql: String, _ text: String? = nil) throws(TenancyError) -> [String] {
        let statement = try compile(CompiledSQL(text: sql, sources: []), nil)
        if let text { statement.bind(text, at: 1) }
        var texts: [String] = []
        while true {
            let code = statement.step()
            if code == SQLITE_DONE { return texts }
            guard code == SQLITE_ROW else { throw failure(code) }
            texts.append(sqlite3_column_text(statement.pointer, 0).map { String(cString: $0) } ?? "")
        }
    }

    /// The file was removed under the call, which has done nothing.
    static var removed: TenancyError {
        TenancyError(
            .unavailable, "The tenant's file was removed while the call used it.",
            hint: "Repeat; a new file is made for the tenant.")
    }
}
