import Logging
import TenancyCore
import TenancyIO

/// What there is of an adapter once it was started.
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

    init(
        _ configuration: PostgresConfiguration, _ library: StatementLibrary, _ source: PipelineSource,
        _ calls: CallCount
    ) {
        self.configuration = configuration
        self.library = library
        self.calls = calls
        reactors = source.reactors
        binder = Binder(configuration)
        lanes = LaneSet(source.reactors, perReactor: configuration.lanes, source)
        pool = Pool(
            name: "postgres", configuration: PoolConfiguration(configuration), factory: source,
            clock: ContinuousClock())
    }

    static func late(_ context: TenantContext) -> TenancyError {
        TenancyError(
            .timeout, "The deadline passed before the server had answered.", details: .init(tenant: context.tenant))
    }

    /// Takes a connection for one caller.
    func session(_ context: TenantContext) async throws(TenancyError) -> Session {
        do throws(TenancyError) {
            return Session(self, try await pool.acquire(until: context.deadline))
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

    /// The rows of a short read, over a lane.
    func readShort(
        _ bound: BoundStatement, _ plan: TablePlan, _ context: TenantContext
    ) async throws(TenancyError) -> PostgresRows {
        guard let pipeline = try lanes.pipeline(for: context.tenant) else {
            return try await read(bound, plan, context)
        }
        let exchange = Exchange(
            [binder.command(context.tenant), Command(bound, plan: plan)], loss: .harmless, isRepeatable: true)
        pipeline.submit(exchange)
        do throws(TenancyError) {
            let answer = try await exchange.answer.value(
                on: pipeline.reactor, until: context.deadline, late: Self.late(context))
            return try answer.rows()
        } catch {
            throw error.with { $0.tenant = context.tenant }
        }
    }

    /// The rows of a read that may take long, over a connection of its own.
    func read(
        _ bound: BoundStatement, _ plan: TablePlan, _ context: TenantContext
    ) async throws(TenancyError) -> PostgresRows {
        try await withSession(context) { session throws(TenancyError) in
            let commands = [binder.command(context.tenant, until: context.deadline), Command(bound, plan: plan)]
            let answer = try await session.exchange(commands, loss: .harmless, isRepeatable: true, in: context)
            do throws(TenancyError) { return try answer.rows() } catch {
                throw error.with { $0.tenant = context.tenant }
            }
        }
    }
}

extension Answer {
    /// The rows of the only command that was kept.
    func rows() throws(TenancyError) -> PostgresRows {
        if let failure { throw failure }
        guard let reply = replies.first else {
            throw TenancyError(.corrupted, "The server returned no result for a statement.")
        }
        return reply.rows
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
