internal import CLibpq
import TenancyCore
import TenancyIO

/// A link that runs statements one after another, in text, and hears notifications: for what is asked now and then, such
/// as how far a replica has come. Statements for tenants have other ways.
///
/// A statement whose caller gives up ends together with the link.
actor LinkSession {
    private struct Statement {
        let text: String
        let parameters: [String]
        let wait: ReactorWait<[[String?]]>
    }

    /// The connection, for what can be asked of it from anywhere.
    nonisolated let link: PostgresLink
    private nonisolated let executor: Reactor
    private let notified: @Sendable (_ channel: String, _ payload: String) -> Void
    private let ended: @Sendable (TenancyError) -> Void
    private var source: ReactorSource?
    private var queue: [Statement] = []
    private var isRunning = false
    private var rows: [[String?]] = []
    private var failure: TenancyError?
    private var end: TenancyError?

    /// - Parameters:
    ///   - notified: Called on the reactor with each notification.
    ///   - ended: Called once, when the link is closed, with the reason.
    init(
        _ link: PostgresLink,
        notified: @escaping @Sendable (_ channel: String, _ payload: String) -> Void = { _, _ in },
        ended: @escaping @Sendable (TenancyError) -> Void = { _ in }
    ) async throws(TenancyError) {
        self.link = link
        executor = link.reactor
        self.notified = notified
        self.ended = ended
        try begin()
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Runs a statement and returns its rows as text.
    ///
    /// - Throws: ``TenancyError``: the server's, or `unavailable`, `timeout` or `cancelled`, after which the link is
    ///   closed.
    nonisolated func run(
        _ text: String, _ parameters: [String] = [], until deadline: ContinuousClock.Instant? = nil
    ) async throws(TenancyError) -> [[String?]] {
        let statement = Statement(text: text, parameters: parameters, wait: ReactorWait())
        executor.execute { self.assumeIsolated { $0.add(statement) } }
        let late = TenancyError(.timeout, "The server did not answer in time.")
        return try await statement.wait.value(on: executor, until: deadline, late: late) { [self] in
            close(TenancyError(.unavailable, "The connection was closed in the middle of a statement."))
        }
    }

    /// Closes the link, and fails what was asked of it.
    nonisolated func close(
        _ reason: TenancyError = TenancyError(.unavailable, "The connection is closed.")
    ) {
        executor.execute { self.assumeIsolated { $0.finish(reason) } }
    }

    private func begin() throws(TenancyError) {
        source = try link.watch(.readable) { [self] events in
            assumeIsolated { $0.ready(events) }
        }
    }

    private func add(_ statement: Statement) {
        if let end {
            statement.wait.resume(.failure(end))
            return
        }
        queue.append(statement)
        if !isRunning { sendNext() }
    }

    private func sendNext() {
        guard let statement = queue.first else { return }
        isRunning = true
        rows = []
        failure = nil
        if !Self.send(statement, link.handle) { return finish(Self.lost) }
        flush()
    }

    private static func send(_ statement: Statement, _ handle: OpaquePointer) -> Bool {
        let values = statement.parameters.map { Array($0.utf8CString) }
        func send(_ rest: ArraySlice<[CChar]>, _ pointers: [UnsafePointer<CChar>?]) -> Bool {
            guard let value = rest.first else {
                return PQsendQueryParams(
                    handle, statement.text, Int32(pointers.count), nil, pointers, nil, nil, 0) == 1
            }
            return value.withUnsafeBufferPointer { send(rest.dropFirst(), pointers + [$0.baseAddress]) }
        }
        return send(values[...], [])
    }

    private func flush() {
        let state = PQflush(link.handle)
        guard state >= 0 else { return finish(Self.lost) }
        do throws(TenancyError) { try source?.watch(state == 1 ? [.readable, .writable] : .readable) } catch {
            finish(error)
        }
    }

    private func ready(_ events: ReactorEvents) {
        if events.contains(.stopped) { return finish(TenancyError(.shutDown, "The reactor has stopped.")) }
        if events.contains(.writable) { flush() }
        guard end == nil else { return }
        let isAlive = PQconsumeInput(link.handle) == 1
        while let notice = PQnotifies(link.handle) {
            notified(String(cString: notice.pointee.relname), String(cString: notice.pointee.extra))
            PQfreemem(notice)
        }
        // What the server said last tells why it closed.
        while isRunning, PQisBusy(link.handle) == 0 { takeResult() }
        if !isAlive || PQstatus(link.handle) == CONNECTION_BAD { finish(failure ?? Self.lost) }
    }

    private func takeResult() {
        guard let result = PQgetResult(link.handle) else {
            isRunning = false
            guard !queue.isEmpty else { return }
            let statement = queue.removeFirst()
            statement.wait.resume(failure.map { .failure($0) } ?? .success(rows))
            return sendNext()
        }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
        case PGRES_TUPLES_OK:
            for row in 0..<PQntuples(result) {
                rows.append(
                    (0..<PQnfields(result)).map { column in
                        PQgetisnull(result, row, column) == 1
                            ? nil : String(cString: PQgetvalue(result, row, column))
                    })
            }
        default: failure = TenancyError(postgres: result)
        }
    }

    private func finish(_ reason: TenancyError) {
        guard end == nil else { return }
        end = reason
        source = nil
        link.close()
        let waiting = queue
        queue = []
        isRunning = false
        for statement in waiting { statement.wait.resume(.failure(reason)) }
        ended(reason)
    }

    private static var lost: TenancyError {
        TenancyError(.unavailable, "The server closed the connection, or can't be reached.")
    }
}
