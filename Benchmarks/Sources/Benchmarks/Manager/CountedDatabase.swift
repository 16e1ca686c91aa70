import Synchronization
import Tenancy

/// A database in front of another that counts what it is asked for.
final class CountedDatabase: DatabaseAdapter {
    private let base: any DatabaseAdapter
    private let count = Atomic(0)

    init(_ base: any DatabaseAdapter) { self.base = base }

    /// Statements so far: reads, writes and transactions' beginnings.
    var statements: Int { count.load(ordering: .relaxed) }

    var name: String { base.name }
    var capabilities: DatabaseCapabilities { base.capabilities }
    func start(_ entities: [EntityDescription]) async throws(TenancyError) { try await base.start(entities) }
    func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)? { base.preferredExecutor(for: tenant) }
    func health() async -> BackendHealth { await base.health() }
    func shutDown(deadline: ContinuousClock.Instant) async { await base.shutDown(deadline: deadline) }
    func removeAllData(in context: TenantContext) async throws(TenancyError) {
        try await base.removeAllData(in: context)
    }

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        counted()
        return try await base.read(entity, keys: keys, in: context)
    }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        counted()
        return try await base.select(statement, in: context)
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        counted()
        return try await base.aggregate(statement, in: context)
    }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        counted()
        return try await base.search(statement, in: context)
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        counted()
        return try await base.write(statement, in: context)
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        counted()
        return try await base.stream(statement, batchSize: batchSize, in: context)
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        counted()
        return try await base.withTransaction(options, in: context, body)
    }

    private func counted() { count.wrappingAdd(1, ordering: .relaxed) }
}
