import Logging
import TenancyCore
import TenancyIO

/// What an adapter has of one server once it was started: the primary, or a replica.
final class Engine: Sendable {
    typealias Pool = ConnectionPool<PipelineSource, ContinuousClock>

    let configuration: PostgresConfiguration
    let library: StatementLibrary
    let reactors: ReactorGroup
    let lanes: LaneSet
    let pool: Pool
    let binder: Binder
    let calls: CallCount
    let cancellation = Cancellation()
    /// The servers that relaxed reads may go to instead; `nil` if there are none, or this is one of them.
    let replicas: ReplicaSet?
    private let source: PipelineSource

    /// How long a call waits for a connection to a replica.
    private static let patience = Duration.seconds(1)

    init(
        _ configuration: PostgresConfiguration, _ library: StatementLibrary, _ source: PipelineSource,
        _ calls: CallCount, _ logger: Logger, replicas: ReplicaSet? = nil
    ) {
        self.configuration = configuration
        self.source = source
        self.replicas = replicas
        self.library = library
        self.calls = calls
        reactors = source.reactors
        binder = Binder(configuration)
        lanes = LaneSet(source.reactors, perReactor: configuration.lanes, source)
        pool = Pool(
            name: source.replica.map { "postgres replica \($0.server.host)" } ?? "postgres",
            configuration: PoolConfiguration(configuration), factory: source,
            clock: ContinuousClock(), observer: PoolLog(logger: logger))
    }

    /// Which server this is, of a replica.
    var identity: ServerIdentity? { source.replica?.identity }

    static func late(_ context: TenantContext) -> TenancyError {
        TenancyError(
            .timeout, "The deadline passed before the server had answered.", details: .init(tenant: context.tenant))
    }

    /// Takes a connection for one caller.
    func session(_ context: TenantContext) async throws(TenancyError) -> Session {
        do throws(TenancyError) {
            var end = context.deadline
            // The primary is there to ask instead.
            if source.replica != nil { end = min(end ?? .now + Self.patience, .now + Self.patience) }
            return Session(self, try await pool.acquire(until: end))
        } catch {
            throw error.with { $0.tenant = context.tenant }
        }
    }

    /// Lends a connection for one call.
    func withSession<Result: Sendable>(
        _ context: TenantContext, _ body: (Session) async throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        let session = try await session(context)
        defer { session.release() }
        return try await body(session)
    }

    /// The rows of a short read, over a lane; over another one, or a connection of its own, if something slow goes
    /// before it there, or the lanes have lost theirs.
    func readShort(
        _ bound: BoundStatement, _ plan: TablePlan, _ context: TenantContext, from position: UInt64? = nil
    ) async throws(TenancyError) -> PostgresRows {
        // What a replica has replayed is asked for beside the snapshot that is read from, not beside an earlier one; and
        // one tenant's role does not bind another's.
        let sharesTransaction = position == nil && binder.isolation.role == nil
        for _ in 0..<2 {
            guard let pipeline = lanes.pipeline(for: context.tenant) else {
                // Whoever asks a replica has the primary to ask, which is no slower.
                if source.replica != nil, let error = lanes.error { throw error.with { $0.tenant = context.tenant } }
                break
            }
            let exchange = Exchange(
                [binder.command(context.tenant, from: position), Command(bound, plan: plan)], loss: .harmless,
                isRepeatable: true, isMovable: true, sharing: sharesTransaction ? plan : nil)
            pipeline.submit(exchange)
            do throws(TenancyError) {
                let answer = try await exchange.answer.value(
                    on: pipeline.reactor, until: context.deadline, late: Self.late(context))
                return try answer.rows(from: position)
            } catch {
                guard exchange.isHeldUp else { throw error.with { $0.tenant = context.tenant } }
            }
        }
        return try await read(bound, plan, context, from: position)
    }

    /// The rows of a read that may take long, over a connection of its own.
    func read(
        _ bound: BoundStatement, _ plan: TablePlan, _ context: TenantContext, from position: UInt64? = nil
    ) async throws(TenancyError) -> PostgresRows {
        try await withSession(context) { session throws(TenancyError) in
            let binding = binder.command(context.tenant, until: context.deadline, from: position)
            let commands = [binding, Command(bound, plan: plan)]
            let answer = try await session.exchange(commands, loss: .harmless, isRepeatable: true, in: context)
            do throws(TenancyError) { return try answer.rows(from: position) } catch {
                throw error.with { $0.tenant = context.tenant }
            }
        }
    }
}

extension Engine {
    /// The rows of a cursor, over a connection of its own.
    func stream(
        _ bound: BoundStatement, _ plan: TablePlan, batchSize: Int, _ context: TenantContext,
        from position: UInt64? = nil
    ) async throws(TenancyError) -> CursorSource {
        let session = try await session(context)
        let cursor = Cursor("tenancy_stream", bound, plan, batchSize: batchSize)
        let binding = binder.command(inBegun: context, from: position)
        do throws(TenancyError) {
            try await session.exchange([.begin, binding, cursor.declare], loss: .harmless, in: context)
                .checked().check(position)
        } catch {
            session.release()
            throw error.with { $0.tenant = context.tenant }
        }
        calls.enterBehind()
        return CursorSource { commands throws(TenancyError) in
            try context.checkAlive()
            return try await session.exchange(commands, loss: .harmless, in: context)
        } release: { [calls] in
            session.release()
            calls.leave()
        } cursor: {
            cursor
        }
    }
}

extension Answer {
    /// The rows of the last command, the only one that was kept but for a binding that asked for a position.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/unavailable`` if the replica has not come to the position.
    func rows(from position: UInt64? = nil) throws(TenancyError) -> PostgresRows {
        if let failure { throw failure }
        try check(position)
        guard let reply = replies.last else {
            throw TenancyError(.corrupted, "The server returned no result for a statement.")
        }
        return reply.rows
    }

    /// Looks at what a binding that asked for a position has returned.
    func check(_ position: UInt64?) throws(TenancyError) {
        guard position != nil else { return }
        guard let rows = replies.first?.rows, rows.count == 1, try rows.bool(0, rows.columnCount - 1) else {
            throw TenancyError(.unavailable, "A replica is further behind than it was.")
        }
    }
}

extension PoolConfiguration {
    /// The pool that a configuration asks for.
    init(_ configuration: PostgresConfiguration) {
        self.init()
        minimumSize = configuration.pool.minimum
        maximumSize = configuration.pool.maximum
        idleTimeout = configuration.pool.idleTimeout
        maximumLifetime = configuration.pool.lifetime
        acquireTimeout = configuration.pool.acquireTimeout
        openTimeout = configuration.connectTimeout
    }
}
