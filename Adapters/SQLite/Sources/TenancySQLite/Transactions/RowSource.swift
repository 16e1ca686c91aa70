import Synchronization
import TenancyCore

/// A stream's rows, stepped through on demand on a connection whose transaction doesn't change.
///
/// The statement is kept by the connection between two batches and holds one moment's view of the file.
final class RowSource: RowStream.Source {
    private let connection: Connection
    private let plan: TablePlan
    private let statement: SelectStatement
    private let batchSize: Int
    private let context: TenantContext
    private let operation: Operation
    private let busyTimeout: Duration
    private let isOpen: @Sendable () -> Bool
    private let release: @Sendable () async -> Void

    private struct State {
        var hasBegun = false
        var isEnded = false
        var isReleased = false
    }

    private let state = Mutex(State())

    init(
        connection: Connection, _ plan: TablePlan, _ statement: SelectStatement, batchSize: Int,
        _ context: TenantContext, _ lifecycle: Lifecycle, busyTimeout: Duration,
        isOpen: @escaping @Sendable () -> Bool = { true },
        release: @escaping @Sendable () async -> Void
    ) {
        self.connection = connection
        self.plan = plan
        self.statement = statement
        self.batchSize = max(1, batchSize)
        self.context = context
        self.busyTimeout = busyTimeout
        self.isOpen = isOpen
        self.release = release
        operation = Operation(deadline: context.deadline, lifecycle)
    }

    func next() async throws(TenancyError) -> (any RowBatch)? {
        let (begins, isEnded) = state.withLock { state in
            defer { state.hasBegun = true }
            return (!state.hasBegun, state.isEnded)
        }
        if isEnded { return nil }
        let result = await withTaskCancellationHandler {
            await connection.runPatiently(operation, for: busyTimeout) { connection throws(TenancyError) in
                guard self.isOpen() else { throw TenancyError(.transactionClosed, "The transaction has ended.") }
                let cursor = ObjectIdentifier(self)
                if begins { try connection.openCursor(cursor, self.plan, self.statement, self.context.tenant) }
                return try connection.step(cursor, self.plan, atMost: self.batchSize)
            }
        } onCancel: {
            operation.cancel()
        }
        do throws(TenancyError) {
            let page = try result.get()
            if page.isLast { cancel() }
            return page.rows.count == 0 ? nil : page.rows
        } catch {
            state.withLock { $0.isEnded = true }
            throw error.with { $0.tenant = context.tenant }
        }
    }

    func cancel() {
        let releases = state.withLock { state in
            state.isEnded = true
            defer { state.isReleased = true }
            return !state.isReleased
        }
        guard releases else { return }
        operation.cancel()
        Task { [self] in
            // After whatever batch is under way, because the connection does one thing at a time.
            await connection.runToTheEnd { connection in
                connection.closeCursor(ObjectIdentifier(self))
            }
            await release()
        }
    }
}
