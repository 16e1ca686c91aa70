import TenancyCore

/// Passes every call on. What adopts it says only what it does differently.
protocol ForwardingRunner: StatementRunner {
    /// What the next call is passed on to; asked once for each.
    func next() -> any StatementRunner
}

extension ForwardingRunner {
    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch { try await next().read(entity, keys: keys, in: context) }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await next().select(statement, in: context)
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch { try await next().aggregate(statement, in: context) }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await next().search(statement, in: context)
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        try await next().write(statement, in: context)
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        try await next().stream(statement, batchSize: batchSize, in: context)
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        try await next().withTransaction(options, in: context, body)
    }
}

/// A database in front of another, to which it passes on what it does not do differently.
protocol ForwardingDatabase: ForwardingRunner, DatabaseAdapter {
    var base: any DatabaseAdapter { get }
}

extension ForwardingDatabase {
    var name: String { base.name }
    var capabilities: DatabaseCapabilities { base.capabilities }
    func next() -> any StatementRunner { base }
    func start(_ entities: [EntityDescription]) async throws(TenancyError) { try await base.start(entities) }
    func health() async -> BackendHealth { await base.health() }
    func shutDown(deadline: ContinuousClock.Instant) async { await base.shutDown(deadline: deadline) }

    func removeAllData(in context: TenantContext) async throws(TenancyError) {
        try await base.removeAllData(in: context)
    }
}
