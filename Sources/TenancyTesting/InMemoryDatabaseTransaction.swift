import Synchronization
import TenancyCore

/// A transaction on an ``InMemoryDatabase``, or one inside it.
final class InMemoryDatabaseTransaction: StatementRunner {
    /// What a transaction and those inside it share.
    final class Core: Sendable {
        let database: InMemoryDatabase
        let context: TenantContext
        let state: Mutex<InMemoryDatabaseState>

        init(database: InMemoryDatabase, context: TenantContext, state: InMemoryDatabaseState) {
            self.database = database
            self.context = context
            self.state = Mutex(state)
        }
    }

    private let core: Core
    private let isReadOnly: Bool
    private let isClosed = Atomic(false)
    /// One transaction at a time inside this one: what one rolls back must not hold another's changes.
    private let inner = InMemoryDatabaseQueue()

    private var defects: InMemoryDatabase.Defect { core.database.defects }

    init(_ core: Core, isReadOnly: Bool) {
        self.core = core
        self.isReadOnly = isReadOnly
    }

    /// Refuses every later statement. Waits, for as long as it takes to compute, for one that is under way.
    func close() { core.state.withLock { _ in isClosed.store(true, ordering: .relaxed) } }

    private func check(_ context: TenantContext) throws(TenancyError) {
        guard !isClosed.load(ordering: .relaxed) || defects.contains(.staysOpenAfterTransaction) else {
            throw TenancyError(
                .transactionClosed, "The transaction has ended.", details: .init(tenant: core.context.tenant))
        }
        guard context.tenant == core.context.tenant || defects.contains(.servesAnyTenantInTransaction) else {
            throw TenancyError(
                .tenantMismatch, "A transaction of one tenant was used for another.",
                details: .init(tenant: core.context.tenant))
        }
        try core.database.lifecycle.checkOpen()
        try core.context.checkAlive()
        try context.checkAlive()
    }

    private func reading<Result: Sendable>(
        _ entity: EntityDescription, in context: TenantContext, _ defect: InMemoryDatabase.Defect,
        _ body: (InMemoryDatabaseState, [TenantID]) throws(TenancyError) -> Result
    ) throws(TenancyError) -> Result {
        let state = try core.state.withLock { state throws(TenancyError) in
            try check(context)
            return state
        }
        try state.requireRegistered(entity)
        let everyone = defects.contains(defect) || defects.contains(.ignoresTenantInTransaction)
        do throws(TenancyError) {
            return try body(state, state.scope(context.tenant, everyone: everyone))
        } catch { throw error.with { $0.tenant = context.tenant } }
    }

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try reading(entity, in: context, .ignoresTenantOnRead) { state, scope throws(TenancyError) in
            state.read(entity, keys: keys, scope)
        }
    }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try reading(statement.shape.entity, in: context, .ignoresTenantOnSelect) { state, scope throws(TenancyError) in
            state.select(statement, scope, defects).buffer(of: statement.shape.columns)
        }
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try reading(statement.shape.entity, in: context, .ignoresTenantOnAggregate) {
            state, scope throws(TenancyError) in
            try state.aggregate(statement, scope, defects)
        }
    }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try check(context)
        guard core.database.capabilities.searches else { throw InMemoryDatabase.unsupported("Full-text search") }
        return try reading(statement.shape.entity, in: context, .ignoresTenantOnSearch) {
            state, scope throws(TenancyError) in
            state.search(statement, scope, defects)
        }
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        try core.state.withLock { state throws(TenancyError) in
            try check(context)
            guard !isReadOnly else {
                throw TenancyError(
                    .readOnly, "The transaction is read-only.", hint: "Begin it without isReadOnly.",
                    details: .init(tenant: context.tenant, entity: statement.entity.name))
            }
            return try state.write(statement, for: context.tenant, defects)
        }
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        let rows = try reading(statement.shape.entity, in: context, .ignoresTenantOnStream) {
            state, scope throws(TenancyError) in
            state.select(statement, scope, defects)
        }
        let source = InMemoryDatabaseStream(
            rows, columns: statement.shape.columns, batchSize: batchSize, context: context,
            check: { [self] () throws(TenancyError) in try check(context) }, atEnd: {})
        return RowStream(source)
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        try check(context)
        guard core.database.capabilities.hasSavepoints else {
            throw InMemoryDatabase.unsupported("A transaction in a transaction")
        }
        try await inner.acquire(in: context, atMost: core.database.maximumWait)
        defer { inner.release() }
        let before = try core.state.withLock { state throws(TenancyError) in
            try check(context)
            return state
        }
        let nested = InMemoryDatabaseTransaction(core, isReadOnly: isReadOnly || options.isReadOnly)
        do {
            let result = try await body(nested)
            nested.close()
            try check(context)
            return result
        } catch {
            nested.close()
            if !defects.contains(.keepsRolledBackWrites) { core.state.withLock { $0 = before } }
            throw error
        }
    }
}
