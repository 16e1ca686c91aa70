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
    private let dropsEnd: Bool
    private let reload: (@Sendable () -> [InMemoryDatabaseState.Row])?
    private let context: TenantContext
    private let check: @Sendable () throws(TenancyError) -> Void
    private let atEnd: @Sendable () -> Void

    /// - Parameters:
    ///   - dropsEnd: Whether a last batch that is not full is kept back, as a defect.
    ///   - reload: What the rows are asked of again before each batch, as a defect.
    ///   - check: Throws if what the stream reads from has gone.
    ///   - atEnd: Called once, when the stream needs nothing more.
    init(
        _ rows: [InMemoryDatabaseState.Row], columns: [Int], batchSize: Int, context: TenantContext,
        dropsEnd: Bool = false, reload: (@Sendable () -> [InMemoryDatabaseState.Row])? = nil,
        check: @escaping @Sendable () throws(TenancyError) -> Void, atEnd: @escaping @Sendable () -> Void
    ) {
        state = Mutex(State(rows: rows))
        self.columns = columns
        self.batchSize = max(1, batchSize)
        self.dropsEnd = dropsEnd
        self.reload = reload
        self.context = context
        self.check = check
        self.atEnd = atEnd
    }

    func next() async throws(TenancyError) -> (any RowBatch)? {
        try check()
        try context.checkAlive()
        let batch = state.withLock { state -> [InMemoryDatabaseState.Row] in
            if let reload { state.rows = reload() }
            let batch = Array(state.rows.dropFirst(state.position).prefix(batchSize))
            state.position += batch.count
            if dropsEnd, batch.count < batchSize { return [] }
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
