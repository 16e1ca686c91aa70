import Synchronization
import TenancyCore

/// A cursor of the server's, from which rows are fetched as they are asked for.
struct Cursor: Sendable {
    /// Opens it: what it shows is of this moment.
    let declare: Command
    /// Fetches the next rows.
    let fetch: Command
    /// Closes it.
    let close: Command
    let batchSize: Int

    init(_ name: String, _ bound: BoundStatement, _ plan: TablePlan, batchSize: Int) {
        let size = max(1, batchSize)
        self.batchSize = size
        // One that is not closed before its transaction ends goes with it.
        let statement = CompiledStatement(
            declaring: "DECLARE \(name) NO SCROLL CURSOR FOR \(bound.statement.text)", bound.statement)
        declare = Command(
            BoundStatement(statement: statement, parameters: bound.parameters), plan: plan, isKept: false,
            isNamed: false)
        var fetch = Command(text: "FETCH FORWARD \(size) FROM \(name)", isKept: true)
        fetch.plan = plan
        self.fetch = fetch
        close = Command(text: "CLOSE \(name)")
    }
}

/// A stream's rows. The server makes no more of them than are asked for, and one batch is held at a time.
final class CursorSource: RowStream.Source {
    private struct State {
        var isFetching = false
        var isEnded = false
        var isReleased = false
    }

    private let state = Mutex(State())
    private let exchange: @Sendable ([Command]) async throws(TenancyError) -> Answer
    private let release: @Sendable () -> Void
    private let cursor: Cursor

    /// - Parameters:
    ///   - exchange: Sends commands to where the cursor is open.
    ///   - release: Called once, when no more rows are wanted and none are on their way.
    init(
        _ exchange: @escaping @Sendable ([Command]) async throws(TenancyError) -> Answer,
        release: @escaping @Sendable () -> Void, cursor: () -> Cursor
    ) {
        self.exchange = exchange
        self.release = release
        self.cursor = cursor()
    }

    func next() async throws(TenancyError) -> (any RowBatch)? {
        let isEnded = state.withLock { state in
            if !state.isEnded { state.isFetching = true }
            return state.isEnded
        }
        if isEnded { return nil }
        do throws(TenancyError) {
            let rows = try await exchange([cursor.fetch]).rows()
            let isLast = rows.count < cursor.batchSize
            if isLast { _ = try? await exchange([cursor.close]) }
            fetched(isLast: isLast)
            return rows.count == 0 ? nil : rows
        } catch {
            fetched(isLast: true)
            throw error
        }
    }

    func cancel() { end { $0.isEnded = true } }

    private func fetched(isLast: Bool) {
        end { state in
            state.isFetching = false
            if isLast { state.isEnded = true }
        }
    }

    private func end(_ change: (inout State) -> Void) {
        let releases = state.withLock { state in
            change(&state)
            guard state.isEnded, !state.isFetching, !state.isReleased else { return false }
            state.isReleased = true
            return true
        }
        if releases { release() }
    }
}
