import Synchronization
import TenancyCore

/// A stream's rows out of a copy that was made of them, for a transaction that may change the originals while the
/// stream is being read. The copy is a temporary table, which SQLite keeps in memory as far as it is small.
final class CopiedRowSource: RowStream.Source {
    private struct State {
        var lastRow: Int64 = 0
        var isEnded = false
        var isReleased = false
    }

    private let connection: Connection
    private let file: DatabaseFile
    private let plan: TablePlan
    private let copy: Int
    private let columns: Int
    private let batchSize: Int
    private let context: TenantContext
    private let isOpen: @Sendable () -> Bool
    private let state = Mutex(State())

    init(
        connection: Connection, _ file: DatabaseFile, _ plan: TablePlan, _ copy: Int, columns: Int, batchSize: Int,
        _ context: TenantContext, isOpen: @escaping @Sendable () -> Bool
    ) {
        self.connection = connection
        self.file = file
        self.plan = plan
        self.copy = copy
        self.columns = columns
        self.batchSize = max(1, batchSize)
        self.context = context
        self.isOpen = isOpen
    }

    func next() async throws(TenancyError) -> (any RowBatch)? {
        let (lastRow, isEnded) = state.withLock { ($0.lastRow, $0.isEnded) }
        if isEnded { return nil }
        let rows = try await file.run(on: connection, context) { connection throws(TenancyError) in
            guard self.isOpen(), connection.isInTransaction else {
                throw TenancyError(.transactionClosed, "The transaction has ended.")
            }
            return try connection.rows(
                ofCopy: self.copy, after: lastRow, columns: self.columns, atMost: self.batchSize, self.plan)
        }
        state.withLock { $0.lastRow += Int64(rows.count) }
        if rows.count > 0 { return rows }
        cancel()
        return nil
    }

    func cancel() {
        let releases = state.withLock { state in
            state.isEnded = true
            defer { state.isReleased = true }
            return !state.isReleased
        }
        guard releases, isOpen() else { return }
        Task { [self] in
            try? await connection.runToTheEnd { connection throws(TenancyError) in
                // After its end the transaction has removed the copy itself, and the connection may be another's.
                if self.isOpen() { try connection.dropCopy(self.copy) }
            }
        }
    }
}
