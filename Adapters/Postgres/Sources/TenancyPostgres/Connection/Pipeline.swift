internal import CLibpq
import TenancyCore
import TenancyIO

/// A connection in pipeline mode: exchanges go out and come back in order, any number of them at once.
///
/// Whatever is handed over during one turn of the reactor is sent at its end; answers wake their callers as they come.
/// The connection's own actor runs on its reactor, and nobody changes threads to reach it from there.
actor Pipeline {
    nonisolated let link: PostgresLink
    /// Whether statements are prepared; not behind a pooler that gives each transaction another connection.
    private let keepsStatements: Bool
    private var prepared: PreparedStatements
    /// Those of the commands of the exchange that is sent.
    private var names: [String?] = []

    private var source: ReactorSource?
    private var waiting: [Exchange] = []
    private var spare: [Exchange] = []
    private(set) var flights = Fifo<Flight>()
    /// How many synchronization points have been sent, and how many have come back.
    private var points = (sent: 0, passed: 0)
    /// What has been sent since the last point: how many exchanges, and the table that they share.
    private var open: (count: Int, table: TablePlan?) = (0, nil)
    private var isFlushScheduled = false
    /// Whether a timer runs that looks after those behind a slow statement.
    var isWatched = false
    private(set) var loss: TenancyError?
    private var onLoss: (@Sendable (TenancyError) -> Void)?

    /// How many results of the first flight have come.
    private var position = 0
    private var answer = Answer()
    private var failureState = ""
    /// Whether the server has skipped a command of the first flight.
    private var isSkipped = false
    /// Statements of the first flight that are to be prepared again.
    private var stale: [Int] = []

    /// What the thread that chooses a lane looks at.
    nonisolated let load = PipelineLoad()

    nonisolated var reactor: Reactor { link.reactor }
    nonisolated var unownedExecutor: UnownedSerialExecutor { link.reactor.asUnownedSerialExecutor() }

    private init(_ link: PostgresLink, maximumStatements: Int, keepsStatements: Bool) {
        self.link = link
        self.keepsStatements = keepsStatements
        prepared = PreparedStatements(maximumCount: maximumStatements)
    }

    /// Puts a link into pipeline mode.
    static func open(
        _ link: PostgresLink, maximumStatements: Int, keepsStatements: Bool
    ) async throws(TenancyError) -> Pipeline {
        let pipeline = Pipeline(link, maximumStatements: maximumStatements, keepsStatements: keepsStatements)
        do throws(TenancyError) { try await pipeline.begin() } catch {
            link.close()
            throw error
        }
        return pipeline
    }

    private func begin() throws(TenancyError) {
        guard !link.isClosed, PQenterPipelineMode(link.handle) == 1 else {
            throw TenancyError(.unavailable, "The connection was lost.")
        }
        source = try link.watch(.readable) { [weak self] events in
            self?.assumeIsolated { $0.ready(events) }
        }
    }

    /// Sends an exchange. From any thread; those of one thread keep their order.
    nonisolated func submit(_ exchange: Exchange) {
        load.add()
        if reactor.isCurrent { return assumeIsolated { $0.add(exchange) } }
        reactor.execute { [self] in assumeIsolated { $0.add(exchange) } }
    }

    /// Has `body` called when the connection is lost, at once if it is. Not when it is closed by ``close()``.
    func onLoss(_ body: @escaping @Sendable (TenancyError) -> Void) {
        if let loss { return body(loss) }
        onLoss = body
    }

    /// Ends the connection; exchanges under way fail.
    nonisolated func close() {
        if reactor.isCurrent { return assumeIsolated { $0.closeHere() } }
        reactor.execute { [self] in assumeIsolated { $0.closeHere() } }
    }

    private func closeHere() {
        onLoss = nil
        fail(TenancyError(.unavailable, "The connection was closed."))
    }

    // MARK: Sending

    private func add(_ exchange: Exchange) {
        if let loss { return finish(exchange, .failure(loss)) }
        waiting.append(exchange)
        if exchange.isMovable, !isWatched { watch(for: Self.patience) }
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        reactor.atEndOfTurn { [self] in assumeIsolated { $0.flush() } }
    }

    private func flush() {
        isFlushScheduled = false
        guard loss == nil else { return }
        if flights.isEmpty { load.noteProgress() }
        swap(&waiting, &spare)
        // libpq of version 15 sends at each synchronization point; the system is told to wait for the last one.
        let isCorked = spare.count > 1 && tenancy_socket_cork(link.socket, 1) == 0
        for exchange in spare { send(exchange) }
        synchronize()
        spare.removeAll(keepingCapacity: true)
        dropStatements()
        write()
        if isCorked, loss == nil { _ = tenancy_socket_cork(link.socket, 0) }
    }

    /// Sends what libpq holds, and watches for room if there is none.
    private func write() {
        guard loss == nil else { return }
        let rest = PQflush(link.handle)
        guard rest >= 0 else { return lose() }
        do throws(TenancyError) { try source?.watch(rest == 0 ? .readable : [.readable, .writable]) } catch { lose() }
    }

    private func send(_ exchange: Exchange) {
        // Nobody waits for it, and it has had no effect yet.
        if exchange.answer.hasEnded {
            return finish(exchange, .failure(TenancyError(.cancelled, "The caller gave up before anything was sent.")))
        }
        let table = exchange.shareableTable
        if table == nil || table !== open.table || open.count == Self.maximumShares { synchronize() }
        if let loss { return finish(exchange, .failure(loss)) }
        let commands = exchange.commands
        var preparations: [Int] = []
        var isSent = true
        var lead = 0
        names.removeAll(keepingCapacity: true)
        if keepsStatements {
            // The beginning of a transaction with properties of its own: the server takes it only before anything else
            // is looked at, and preparing is looking.
            if let first = commands.first, !first.isNamed {
                isSent = send(first, as: nil)
                lead = 1
            }
            for command in commands.dropFirst(lead) { isSent = isSent && name(command, &preparations) }
        }
        for index in commands.indices.dropFirst(lead) {
            isSent = isSent && send(commands[index], as: keepsStatements ? names[index - lead] : nil)
        }
        flights.append(
            Flight(
                exchange: exchange, lead: lead, preparations: preparations, serial: prepared.serial,
                isShared: table != nil, point: points.sent))
        open = (open.count + 1, table)
        if !isSent { lose() } else if table == nil { synchronize() }
    }

    /// How many short reads share a transaction at most. Each point costs both sides a system call and the server a
    /// transaction; what comes before it may wait in the server's buffer for what is behind.
    private static let maximumShares = 16

    /// Ends the transaction of what was sent since the last point.
    private func synchronize() {
        guard open.count > 0, loss == nil else { return }
        open = (0, nil)
        points.sent += 1
        if tenancy_pipeline_sync(link.handle) != 1 { lose() }
    }

    /// Adds a command's name, under which it is prepared first if it has to be; none if its text is to be sent.
    private func name(_ command: Command, _ preparations: inout [Int]) -> Bool {
        let statement = command.bound.statement
        let use =
            command.isNamed ? prepared.use(statement, in: points.sent, after: points.passed) : .text
        switch use {
        case .text: names.append(nil)
        case .name(let name): names.append(name)
        case .newName(let name):
            names.append(name)
            preparations.append(statement.id)
            return PQsendPrepare(
                link.handle, name, statement.text, Int32(statement.types.count), statement.types) == 1
        }
        return true
    }

    private func send(_ command: Command, as name: String?) -> Bool {
        let statement = command.bound.statement
        return command.bound.parameters.withPointers { count, values, lengths, formats in
            if let name {
                return PQsendQueryPrepared(link.handle, name, count, values, lengths, formats, 1) == 1
            }
            return PQsendQueryParams(link.handle, statement.text, count, statement.types, values, lengths, formats, 1)
                == 1
        }
    }

    /// Each in an exchange of its own, because one that the server doesn't know would fail the others.
    private func dropStatements() {
        guard loss == nil else { return }
        for name in prepared.takeDropped() {
            load.add()
            send(Exchange([Command(text: "DEALLOCATE \(Identifier.quote(name))")], loss: .harmless))
        }
    }

    // MARK: Receiving

    private func ready(_ events: ReactorEvents) {
        guard loss == nil else { return }
        if events.contains(.stopped) { return fail(TenancyError(.shutDown, "The database is shut down.")) }
        if events.contains(.readable) || events.contains(.closed) {
            let isOpen = PQconsumeInput(link.handle) == 1
            receive()
            guard loss == nil else { return }
            if !isOpen || PQstatus(link.handle) == CONNECTION_BAD { return lose() }
        }
        if events.contains(.writable) { write() }
    }

    private func receive() {
        while loss == nil, points.passed < points.sent, PQisBusy(link.handle) == 0 {
            guard let result = PQgetResult(link.handle) else {
                if PQstatus(link.handle) == CONNECTION_BAD { return lose() }
                continue
            }
            if PQresultStatus(result) == PGRES_PIPELINE_SYNC {
                PQclear(result)
                pass()
            } else if let flight = flights.first, flight.point == points.passed {
                take(result, flight)
                if loss == nil, flight.isShared, position == flight.resultCount { complete(flight) }
            } else {
                // Nobody's, such as the failure of a shared transaction at its end. Results are told apart by their
                // number alone, so that nothing may be made of those behind it.
                PQclear(result)
                return lose()
            }
        }
        load.noteProgress()
    }

    /// A synchronization point has come back: a transaction has ended, or one of several round trips goes on.
    private func pass() {
        let point = points.passed
        points.passed += 1
        let status = PQtransactionStatus(link.handle)
        load.noteTransaction(isOpen: status != PQTRANS_IDLE, isHealthy: status == PQTRANS_INTRANS)
        guard let flight = flights.first else { return }
        if flight.point == point, !flight.isShared {
            // Whoever has the connection for himself wants to know how it is afterwards; and whether a constraint that is
            // checked at the end has failed, which is one result more.
            complete(flight)
        } else if flight.point == point || position != 0 {
            lose()
        }
    }

    private func take(_ result: OpaquePointer, _ flight: Flight) {
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            let owner = flight.owner(of: position)
            position += 1
            guard case .command(let number) = owner, flight.exchange.commands[number].isKept,
                !flight.exchange.isForgotten
            else { break }
            let count = PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
            answer.replies.append(Reply(rows: PostgresRows(owning: result), count: count))
            return
        case PGRES_PIPELINE_ABORTED:
            if case .preparation(let id) = flight.owner(of: position) {
                prepared.forget(id, upTo: flight.serial, isThere: false)
            }
            isSkipped = true
            position += 1
        default:
            let report = ServerReport(result)
            // Without a state it is libpq that speaks, of a connection that is lost.
            let isFatal = report.state.isEmpty || ["57P01", "57P02", "57P03", "25P03", "25P04"].contains(report.state)
            if isFatal || PQstatus(link.handle) == CONNECTION_BAD {
                PQclear(result)
                return lose(report.state.isEmpty ? nil : TenancyError(report))
            }
            note(report, flight)
            position += 1
        }
        PQclear(result)
    }

    private func note(_ report: ServerReport, _ flight: Flight) {
        let commands = flight.exchange.commands
        var number = 0
        switch flight.owner(of: position) {
        case .preparation(let id):
            prepared.forget(id, upTo: flight.serial, isThere: false)
            number = commands.firstIndex { $0.bound.statement.id == id } ?? 0
        case .command(let position):
            number = position
            if report.isOfStaleStatement { stale.append(commands[number].bound.statement.id) }
        }
        guard answer.failure == nil else { return }
        answer.failure = TenancyError(report, plan: commands[number].plan)
        answer.failedCommand = number
        failureState = report.state
    }

    /// All results of the first flight have come.
    private func complete(_ flight: Flight) {
        _ = flights.popFirst()
        let (answer, stale, isSkipped) = (answer, stale, isSkipped)
        position = 0
        self.answer = Answer()
        self.stale = []
        self.isSkipped = false
        for id in stale { prepared.forget(id, upTo: flight.serial, isThere: failureState != "26000") }
        let exchange = flight.exchange
        if isSkipped, answer.failure == nil {
            // Not its own failure, so it is none of the caller's business.
            exchange.standAlone()
            if !exchange.answer.hasEnded { return add(exchange) }
        } else if !stale.isEmpty, exchange.repeats() {
            return add(exchange)
        }
        finish(exchange, .success(answer))
    }

    private func finish(_ exchange: Exchange, _ result: Result<Answer, TenancyError>) {
        load.remove()
        exchange.finish(result)
    }

    // MARK: The end

    private static var lost: TenancyError {
        TenancyError(
            .unavailable, "The server can't be reached, or closed the connection.",
            hint: "Repeat; a new connection is being made.")
    }

    private func lose(_ error: TenancyError? = nil) { fail(error ?? Self.lost) }

    private func fail(_ error: TenancyError) {
        guard loss == nil else { return }
        loss = error
        load.noteLoss()
        source = nil
        link.close()
        while let flight = flights.popFirst() {
            finish(flight.exchange, .failure(flight.exchange.loss == .uncertain ? .outcomeUnknown(error) : error))
        }
        for exchange in waiting { finish(exchange, .failure(error)) }
        waiting = []
        onLoss.take()?(error)
    }
}
