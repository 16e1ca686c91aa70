import Synchronization
import TenancyCore

/// The rows of a snapshot, handed out in batches.
final class InMemoryDatabaseStream: RowStream.Source {
    private struct State {
        var rows: [InMemoryDatabaseState.Row]
        var position = 0
        var hasEnded = false
    }

    private let state: Mutex<State>
    private let columns: [Int]
    private let batchSize: Int
    private let context: TenantContext
    private let check: @Sendable () throws(TenancyError) -> Void
    private let atEnd: @Sendable () -> Void

    /// - Parameters:
    ///   - check: Throws if what the stream reads from has gone.
    ///   - atEnd: Called once, when the stream needs nothing more.
    init(
        _ rows: [InMemoryDatabaseState.Row], columns: [Int], batchSize: Int, context: TenantContext,
        check: @escaping @Sendable () throws(TenancyError) -> Void, atEnd: @escaping @Sendable () -> Void
    ) {
        state = Mutex(State(rows: rows))
        self.columns = columns
        self.batchSize = max(1, batchSize)
        self.context = context
        self.check = check
        self.atEnd = atEnd
    }

    func next() async throws(TenancyError) -> (any RowBatch)? {
        try check()
        try context.checkAlive()
        let batch = state.withLock { state in
            let batch = Array(state.rows[state.position...].prefix(batchSize))
            state.position += batch.count
            return batch
        }
        guard !batch.isEmpty else {
            cancel()
            return nil
        }
        return batch.buffer(of: columns)
    }

    func cancel() {
        let isFirst = state.withLock { state in
            defer { state = State(rows: [], hasEnded: true) }
            return !state.hasEnded
        }
        if isFirst { atEnd() }
    }
}
