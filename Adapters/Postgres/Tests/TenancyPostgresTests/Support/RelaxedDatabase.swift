import TenancyCore

@testable import TenancyPostgres

/// A database on PostgreSQL all of whose reads outside of transactions are relaxed, and wait until a replica may answer
/// them: so that a suite that asks for strong ones is run on a replica.
struct RelaxedDatabase: DatabaseAdapter {
    let base: PostgresAdapter
    let observe: @Sendable (_ answered: Int, _ failed: Int) -> Void

    /// - Parameter observe: Told at the end how many reads replicas have answered and failed.
    static func source(
        _ configuration: PostgresConfiguration, observe: @escaping @Sendable (_ answered: Int, _ failed: Int) -> Void
    ) -> DatabaseSource {
        DatabaseSource(name: "postgres") { environment throws(TenancyError) in
            RelaxedDatabase(base: try PostgresAdapter(configuration, name: "postgres", environment), observe: observe)
        }
    }

    private func relaxed(_ context: TenantContext) async -> TenantContext {
        var context = context
        context.consistency = .relaxed(maximumStaleness: .seconds(60))
        let end = ContinuousClock.now + .seconds(5)
        while !base.readsFromReplica(context.tenant), !Task.isCancelled, ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(2))
        }
        return context
    }

    var name: String { base.name }
    var capabilities: DatabaseCapabilities { base.capabilities }
    func start(_ entities: [EntityDescription]) async throws(TenancyError) { try await base.start(entities) }
    func removeAllData(in context: TenantContext) async throws(TenancyError) {
        try await base.removeAllData(in: context)
    }
    func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)? { base.preferredExecutor(for: tenant) }
    func health() async -> BackendHealth { await base.health() }
    func shutDown(deadline: ContinuousClock.Instant) async {
        observe(base.replicaCounts.answered, base.replicaCounts.failed)
        await base.shutDown(deadline: deadline)
    }

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch { try await base.read(entity, keys: keys, in: relaxed(context)) }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await base.select(statement, in: relaxed(context))
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch { try await base.aggregate(statement, in: relaxed(context)) }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await base.search(statement, in: relaxed(context))
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        try await base.write(statement, in: context)
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        try await base.stream(statement, batchSize: batchSize, in: relaxed(context))
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result { try await base.withTransaction(options, in: context, body) }
}
