internal import GRDB
internal import GRDBSQLite
import Synchronization
import TenancyCore
import TenancyIO

/// One connection to one file, and the executor on which alone it is used.
///
/// GRDB opens it and brings the tables up; statements run on the connection below it, because a point read takes less
/// time than GRDB needs to schedule one.
actor Connection {
    /// What a connection is for.
    enum Role: Sendable {
        case writer, reader, pointReader
    }

    nonisolated let executor: any ConnectionExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    nonisolated let role: Role
    /// Whether the last piece of work left a transaction under way; readable without going to the thread.
    private nonisolated let leftTransaction = Atomic<Bool>(false)
    let callbacks: CallbackState
    /// `nil` once closed.
    private(set) var queue: DatabaseQueue?
    /// The connection below GRDB's, valid as long as `queue` is there.
    private(set) var handle: OpaquePointer?
    var cache: StatementCache
    /// Statements that read by key, by their plans' positions.
    var readers: [PreparedStatement?] = []
    /// Statements that streams step through.
    var cursors: [ObjectIdentifier: PreparedStatement] = [:]
    /// Tables with copies of the rows that streams in the transaction under way return.
    var copies: Set<Int> = []
    var nextCopy = 0

    private let threads: ConnectionThreads

    init(_ role: Role, on threads: ConnectionThreads, _ configuration: SQLiteConfiguration) {
        self.role = role
        self.threads = threads
        executor = threads.executor(for: role)
        callbacks = CallbackState(busyTimeout: configuration.busyTimeout)
        cache = StatementCache(maximum: configuration.maximumStatements)
    }

    /// Runs a call's work, which stops when the call is cancelled or its deadline passes.
    func run<Result: Sendable>(
        _ operation: Operation, _ body: @Sendable (isolated Connection) throws(TenancyError) -> Result
    ) -> Swift.Result<Result, TenancyError> {
        if let reason = operation.reasonToStop { return .failure(reason) }
        callbacks.begin(operation)
        defer {
            callbacks.end()
            noteTransaction()
        }
        do throws(TenancyError) { return .success(try body(self)) } catch {
            // SQLite knows that it was stopped; the operation knows why.
            guard error.code == .cancelled || error.code == .locked else { return .failure(error) }
            return .failure(operation.reasonToStop ?? error)
        }
    }

    /// Runs a call's work as ``run(_:_:)`` does, and again as long as it meets a lock and has time to wait for it. The
    /// thread is not held meanwhile. What met a lock has changed nothing.
    nonisolated func runPatiently<Result: Sendable>(
        _ operation: Operation, for patience: Duration,
        _ body: @Sendable (isolated Connection) throws(TenancyError) -> Result
    ) async -> Swift.Result<Result, TenancyError> {
        let begun = ContinuousClock.now
        while true {
            let result = await run(operation, body)
            guard case .failure(let error) = result, error.code == .locked,
                ContinuousClock.now - begun < patience
            else { return result }
            // A cancelled sleep ends at once, and the next turn finds the operation cancelled.
            try? await Task.sleep(for: Self.pauseBetweenTries)
        }
    }

    private static let pauseBetweenTries = Duration.milliseconds(2)

    /// Runs work that must not be stopped, such as a rollback.
    func runToTheEnd<Result: Sendable, Failure: Error>(
        _ body: @Sendable (isolated Connection) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { noteTransaction() }
        return try body(self)
    }

    private func noteTransaction() { leftTransaction.store(isInTransaction, ordering: .relaxed) }

    /// Whether nothing of the last call is left, so that another may use the connection.
    nonisolated var isClean: Bool { !leftTransaction.load(ordering: .relaxed) }

    func adopt(_ queue: DatabaseQueue, _ handle: OpaquePointer) {
        self.queue = queue
        self.handle = handle
    }

    /// Closes the connection and ends its thread, if it had one of its own.
    func close() {
        cursors = [:]
        readers = []
        cache.removeAll()
        handle = nil
        if let queue {
            // Every statement is finalized above, so this can only fail for reasons that a retry would not change.
            try? queue.close()
        }
        queue = nil
        threads.release(executor)
    }

    /// The open connection.
    func open() throws(TenancyError) -> OpaquePointer {
        guard let handle else { throw Lifecycle.closed }
        return handle
    }

    /// The error that SQLite reported last on this connection.
    func failure(_ code: Int32, _ plan: TablePlan? = nil) -> TenancyError {
        guard let handle else { return Lifecycle.closed }
        let message = sqlite3_errmsg(handle).map { String(cString: $0) }
        let extended = sqlite3_extended_errcode(handle)
        return TenancyError(
            sqlite: extended & 0xFF == code & 0xFF ? extended : code, message: message, plan: plan,
            systemError: sqlite3_system_errno(handle))
    }

    /// A compiled statement, from the cache if it is there.
    func prepare(
        _ key: StatementCache.Key, _ plan: TablePlan?, _ text: () -> CompiledSQL
    ) throws(TenancyError) -> PreparedStatement {
        if let statement = cache.find(key) { return statement }
        let statement = try compile(text(), plan)
        cache.insert(statement, key)
        return statement
    }

    /// A compiled statement of the caller's own.
    func compile(_ text: CompiledSQL, _ plan: TablePlan?) throws(TenancyError) -> PreparedStatement {
        let handle = try open()
        var pointer: OpaquePointer?
        let code = sqlite3_prepare_v3(
            handle, text.text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, nil)
        guard code == SQLITE_OK, let pointer else { throw failure(code, plan) }
        return PreparedStatement(pointer, text)
    }

    /// Runs a statement of no values that answers nothing, such as `COMMIT`.
    func control(_ sql: String) throws(TenancyError) {
        let statement = try prepare(.control(sql), nil) { CompiledSQL(text: sql, sources: []) }
        var code = statement.step()
        while code == SQLITE_ROW { code = statement.step() }
        let failed: TenancyError? = code == SQLITE_DONE ? nil : failure(code)
        statement.rewind()
        if let failed { throw failed }
    }

    /// Whether a transaction is under way; SQLite ends one by itself after some errors.
    var isInTransaction: Bool { handle.map { sqlite3_get_autocommit($0) == 0 } ?? false }
}
