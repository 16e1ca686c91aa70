import Logging
import Synchronization
import TenancyCore
import TenancyIO

/// PostgreSQL as a ``DatabaseAdapter``.
///
/// Short reads of all callers share the lanes; everything else takes a connection of its own. That includes writes,
/// however small: a commit waits for the disk, and may wait for a lock, and a lane that carried it would hold up reads
/// and keep commits of several callers from sharing one flush.
final class PostgresAdapter: DatabaseAdapter {
    let configuration: PostgresConfiguration
    let calls = CallCount()
    private let logger: Logger
    private let reactors: ReactorGroup
    private let reference = AtomicLazyReference<Engine>()
    private let hasBegun = Atomic<Bool>(false)

    /// The most keys of one call that are read on a lane.
    private static let maximumKeys = 64
    /// The most rows of one call that are read on a lane.
    private static let maximumRows = 256

    let name: String

    /// - Parameter reactors: Where connections live; the process's, if `nil`.
    init(
        _ configuration: PostgresConfiguration, name: String, _ environment: AdapterEnvironment,
        reactors: ReactorGroup? = nil
    ) throws(TenancyError) {
        try configuration.validate()
        self.configuration = configuration
        self.name = name
        logger = environment.logger
        if let reactors { self.reactors = reactors } else { self.reactors = try ReactorGroup.process() }
    }

    var capabilities: DatabaseCapabilities { DatabaseCapabilities() }

    func start(_ entities: [EntityDescription]) async throws(TenancyError) {
        guard !hasBegun.exchange(true, ordering: .acquiringAndReleasing) else {
            throw TenancyError(.invalidConfiguration, "The database was started twice.")
        }
        try calls.enter()
        defer { calls.leave() }
        let library = StatementLibrary(
            entities, schema: configuration.schema, maximumStatements: configuration.maximumStatements)
        let source = PipelineSource(
            links: LinkFactory(configuration), reactors: reactors,
            maximumStatements: configuration.maximumStatements,
            keepsStatements: configuration.pooling == .session)
        try await Startup(configuration, library, source).run()
        let replicas =
            configuration.replicas.isEmpty ? nil : ReplicaSet(configuration, library, source, calls, logger)
        let engine = Engine(configuration, library, source, calls, logger, replicas: replicas)
        do throws(TenancyError) { try await engine.lanes.start() } catch {
            await engine.close(deadline: .now)
            throw error
        }
        _ = reference.storeIfNil(engine)
        replicas?.start()
        logger.debug("PostgreSQL is connected.", metadata: ["entities": "\(entities.count)"])
    }

    /// Where relaxed reads may go; `nil` without replicas, and before the start.
    var replicas: ReplicaSet? { reference.load()?.replicas }

    /// The connections that short reads share; `nil` until it was started.
    var lanes: LaneSet? { reference.load()?.lanes }

    private func engine() throws(TenancyError) -> Engine {
        guard let engine = reference.load() else {
            throw TenancyError(.unavailable, "The database was not started.", hint: "Call start(_:) first.")
        }
        return engine
    }

    /// Begins a call, which ends with `calls.leave()`.
    private func enter(_ context: TenantContext) throws(TenancyError) -> Engine {
        try calls.enter()
        do throws(TenancyError) {
            try context.checkAlive()
            return try engine()
        } catch {
            calls.leave()
            throw error
        }
    }

    func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)? { reactors.reactor(for: tenant).taskExecutor }

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        let engine = try enter(context)
        defer { calls.leave() }
        let plan = try engine.library.plan(for: entity)
        let bound = try engine.library.read(entity, keys: keys, context.tenant)
        return try await rows(bound, plan, isShort: keys.count <= Self.maximumKeys, engine, context)
    }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        let engine = try enter(context)
        defer { calls.leave() }
        let plan = try engine.library.plan(for: statement.shape.entity)
        let bound = try engine.library.select(statement, context.tenant)
        let isShort = bound.statement.isNarrow && statement.limit.map { $0 <= Self.maximumRows } ?? false
        return try await rows(bound, plan, isShort: isShort, engine, context)
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        let engine = try enter(context)
        defer { calls.leave() }
        let plan = try engine.library.plan(for: statement.shape.entity)
        let bound = try engine.library.aggregate(statement, context.tenant)
        return try await rows(bound, plan, isShort: false, engine, context)
    }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        let engine = try enter(context)
        defer { calls.leave() }
        let plan = try engine.library.plan(for: statement.shape.entity)
        let bound = try engine.library.search(statement, context.tenant)
        return try await rows(bound, plan, isShort: false, engine, context)
    }

    /// The rows of a read, from where it may be answered.
    private func rows(
        _ bound: BoundStatement, _ plan: TablePlan, isShort: Bool, _ engine: Engine, _ context: TenantContext
    ) async throws(TenancyError) -> PostgresRows {
        if let visit = engine.replicas?.visit(for: context),
            let rows = try await visit.read(bound, plan, isShort: isShort, context)
        {
            return rows
        }
        if isShort { return try await engine.readShort(bound, plan, context) }
        return try await engine.read(bound, plan, context)
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        let engine = try enter(context)
        defer { calls.leave() }
        let work = try engine.library.write(statement, context.tenant)
        do throws(TenancyError) {
            let result = try await engine.withSession(context) { session throws(TenancyError) in
                var run = WriteRun(work, in: SessionScope(session: session, context: context))
                return try await run.run()
            }
            engine.replicas?.noteWrite(context.tenant)
            return result
        } catch {
            // Of several units some may have been done.
            engine.replicas?.noteWrite(context.tenant, after: error)
            throw error.with { $0.tenant = context.tenant }
        }
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        let engine = try enter(context)
        defer { calls.leave() }
        let plan = try engine.library.plan(for: statement.shape.entity)
        let bound = try engine.library.select(statement, context.tenant)
        if let visit = engine.replicas?.visit(for: context),
            let source = try await visit.stream(bound, plan, batchSize: batchSize, context)
        {
            return RowStream(
                ReplicaStream(source) { error throws(TenancyError) in
                    try visit.set.noteFailure(visit.route.replica, error, in: context)
                    return try await engine.stream(bound, plan, batchSize: batchSize, context)
                })
        }
        return RowStream(try await engine.stream(bound, plan, batchSize: batchSize, context))
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        let engine = try enter(context)
        defer { calls.leave() }
        let session = try await engine.session(context)
        let core = TransactionCore(engine, session, options, context)
        return try await Transaction(core, isReadOnly: options.isReadOnly).run(body)
    }

    func removeAllData(in context: TenantContext) async throws(TenancyError) {
        let engine = try enter(context)
        defer { calls.leave() }
        do throws(TenancyError) {
            for plan in engine.library.plans {
                let command = Command(engine.library.removeSome(plan, context.tenant), plan: plan)
                var removed = TablePlan.removedRows
                // Each step is a transaction, so that one that fails undoes nothing of those before it.
                while removed == TablePlan.removedRows {
                    try context.checkAlive()
                    removed = try await engine.withSession(context) { session throws(TenancyError) in
                        let answer = try await SessionScope(session: session, context: context).unit([command])
                        return try answer.checked().replies.first?.count ?? 0
                    }
                }
            }
            engine.replicas?.noteWrite(context.tenant)
        } catch {
            engine.replicas?.noteWrite(context.tenant, after: error)
            throw error.with { $0.tenant = context.tenant }
        }
    }

    /// Lends a connection to the primary for one call that is not about records.
    func withSession(
        _ context: TenantContext, _ body: (Session) async throws(TenancyError) -> Void
    ) async throws(TenancyError) {
        let engine = try enter(context)
        defer { calls.leave() }
        do throws(TenancyError) { try await engine.withSession(context, body) } catch {
            throw error.with { $0.tenant = context.tenant }
        }
    }

    func health() async -> BackendHealth {
        let begun = ContinuousClock.now
        var context = TenantContext(tenant: .system)
        context.deadline = begun + .seconds(5)
        do throws(TenancyError) {
            let engine = try enter(context)
            defer { calls.leave() }
            try await engine.ask(context)
            return BackendHealth(isHealthy: true, latency: ContinuousClock.now - begun)
        } catch {
            return BackendHealth(isHealthy: false, latency: ContinuousClock.now - begun, error: error)
        }
    }

    func shutDown(deadline: ContinuousClock.Instant) async {
        guard calls.close() else { return }
        if await !calls.drain(on: reactors.next(), until: deadline) {
            logger.warning("Calls were still under way at the deadline of the shutdown and were ended.")
        }
        await reference.load()?.close(deadline: deadline)
    }
}
