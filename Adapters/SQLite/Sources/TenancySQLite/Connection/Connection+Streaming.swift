internal import GRDBSQLite
import TenancyCore

extension Connection {
    /// Some rows of a stream.
    struct Page: Sendable {
        var rows: RowBuffer
        var isLast: Bool
    }

    /// How many bytes a batch of rows may hold before it is handed over with fewer rows than were asked for.
    private static let maximumBatchBytes = 4 << 20

    func openCursor(
        _ cursor: ObjectIdentifier, _ plan: TablePlan, _ statement: SelectStatement, _ tenant: TenantID
    ) throws(TenancyError) {
        let prepared = try compile(SQLCompiler.select(plan, statement.shape, statement.parameters), plan)
        prepared.bind(Arguments(tenant: tenant, parameters: statement.parameters, limit: statement.limit))
        cursors[cursor] = prepared
    }

    func step(_ cursor: ObjectIdentifier, _ plan: TablePlan, atMost count: Int) throws(TenancyError) -> Page {
        guard let prepared = cursors[cursor] else {
            throw TenancyError(.transactionClosed, "The stream has ended.")
        }
        let columns = sqlite3_column_count(prepared.pointer)
        var builder = RowBuffer.Builder(columnCount: Int(columns), rowCapacity: min(count, 256))
        while builder.count < count, builder.byteCount < Self.maximumBatchBytes {
            let code = prepared.step()
            if code == SQLITE_DONE {
                closeCursor(cursor)
                return Page(rows: builder.build(), isLast: true)
            }
            guard code == SQLITE_ROW else { throw failure(code, plan) }
            prepared.copyRow(columns, into: &builder)
        }
        return Page(rows: builder.build(), isLast: false)
    }

    func closeCursor(_ cursor: ObjectIdentifier) { cursors[cursor] = nil }

    /// Copies the rows of a select statement.
    ///
    /// - Returns: The copy's number.
    func copyRows(_ plan: TablePlan, _ statement: SelectStatement, _ tenant: TenantID) throws(TenancyError) -> Int {
        nextCopy += 1
        var sql = SQLCompiler.select(plan, statement.shape, statement.parameters)
        sql.text = "CREATE TEMPORARY TABLE \(name(ofCopy: nextCopy)) AS " + sql.text
        let prepared = try compile(sql, plan)
        prepared.bind(Arguments(tenant: tenant, parameters: statement.parameters, limit: statement.limit))
        let code = prepared.step()
        guard code == SQLITE_DONE else { throw failure(code, plan) }
        copies.insert(nextCopy)
        return nextCopy
    }

    func rows(
        ofCopy copy: Int, after row: Int64, columns: Int, atMost count: Int, _ plan: TablePlan
    ) throws(TenancyError) -> RowBuffer {
        let text = "SELECT * FROM temp.\(name(ofCopy: copy)) WHERE rowid > ?1 ORDER BY rowid LIMIT ?2"
        let prepared = try compile(CompiledSQL(text: text, sources: []), plan)
        prepared.bind(row, at: 1)
        prepared.bind(Int64(count), at: 2)
        var builder = RowBuffer.Builder(columnCount: columns, rowCapacity: min(count, 256))
        while builder.byteCount < Self.maximumBatchBytes {
            let code = prepared.step()
            if code == SQLITE_DONE { break }
            guard code == SQLITE_ROW else { throw failure(code, plan) }
            prepared.copyRow(Int32(columns), into: &builder)
        }
        return builder.build()
    }

    func dropCopy(_ copy: Int) throws(TenancyError) {
        guard copies.remove(copy) != nil else { return }
        let prepared = try compile(
            CompiledSQL(text: "DROP TABLE IF EXISTS temp.\(name(ofCopy: copy))", sources: []), nil)
        let code = prepared.step()
        guard code == SQLITE_DONE else { throw failure(code) }
    }

    /// Ends the streams of a transaction that is about to be committed.
    func endStreams() throws(TenancyError) {
        cursors = [:]
        for copy in copies { try dropCopy(copy) }
    }

    /// Ends the streams of a transaction that is about to be rolled back, which takes their copies with it.
    func forgetStreams() {
        cursors = [:]
        copies = []
    }

    private func name(ofCopy copy: Int) -> String { "_stream_\(copy)" }
}
