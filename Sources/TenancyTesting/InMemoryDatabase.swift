import Logging
import Synchronization
public import TenancyCore

/// A database in plain Swift: what the contract of ``DatabaseAdapter`` says, without an engine that could disagree.
///
/// Other adapters are compared with it. It is as strict as the contract allows: one writing transaction at a time, each
/// on a copy of everything, so that every isolation level is serializable and a rollback is the copy's end. Rows
/// without an order come in an arbitrary one.
///
/// A transaction that waits for itself, by writing through the database inside its own body, ends with
/// ``TenancyError/Code/locked`` after ``maximumWait``.
public final class InMemoryDatabase: DatabaseAdapter {
    /// `memory`.
    public let name = "memory"
    /// What the database admits to being able to do; what it doesn't it refuses.
    public let capabilities: DatabaseCapabilities
    /// What is wrong with the database on purpose.
    public let defects: Defect
    /// How long a write waits for another's transaction.
    public let maximumWait: Duration

    let committed = Mutex(InMemoryDatabaseState())
    let lifecycle = InMemoryDatabaseLifecycle()
    private let writers = InMemoryDatabaseQueue()

    /// An empty database.
    ///
    /// - Parameters:
    ///   - capabilities: What it shall be able to do.
    ///   - defects: What shall be wrong with it, for tests that must find that out.
    ///   - maximumWait: How long a write waits for another's transaction.
    public init(
        capabilities: DatabaseCapabilities = DatabaseCapabilities(), defects: Defect = [],
        maximumWait: Duration = .seconds(30)
    ) {
        self.capabilities = capabilities
        self.defects = defects
        self.maximumWait = maximumWait
    }

    /// Makes room for the entities' records.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/schemaInvalid`` if an entity's declaration contradicts
    ///   itself, and ``TenancyError/Code/unsupported`` if it asks for what the database shall not be able to do.
    public func start(_ entities: [EntityDescription]) async throws(TenancyError) {
        for entity in entities {
            if let problem = entity.problems.first {
                throw TenancyError(.schemaInvalid, problem, details: .init(entity: entity.name))
            }
            let isFine = { (field: FieldDescription) in
                field.type == .timestamp && field.options.timestampPrecision == .microseconds
            }
            if !capabilities.storesMicroseconds, let field = entity.fields.first(where: isFine) {
                throw TenancyError(
                    .unsupported, "Timestamps can't be stored to the microsecond.",
                    details: .init(entity: entity.name, field: field.name))
            }
        }
        let names = entities.map(\.name)
        committed.withLock { $0.entities.formUnion(names) }
    }

    /// Removes everything that the tenant has.
    public func removeAllData(in context: TenantContext) async throws(TenancyError) {
        try lifecycle.enter()
        defer { lifecycle.leave() }
        try await writing(in: context) { () throws(TenancyError) in
            committed.withLock { state in
                for tenant in state.scope(context.tenant, everyone: defects.contains(.ignoresTenantOnRemoveAllData)) {
                    state.tables[tenant] = nil
                }
            }
        }
    }

    /// Healthy until it is shut down.
    public func health() async -> BackendHealth {
        do throws(TenancyError) {
            try lifecycle.checkOpen()
            return BackendHealth(isHealthy: true, latency: .zero)
        } catch {
            return BackendHealth(isHealthy: false, latency: .zero, error: error)
        }
    }

    /// Takes no new calls, lets those under way end until `deadline`, then ends them.
    public func shutDown(deadline: ContinuousClock.Instant) async { await lifecycle.shutDown(deadline: deadline) }

    /// Runs a change while nobody else can make one.
    private func writing<Result: Sendable>(
        in context: TenantContext, _ body: () throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        try await writers.acquire(in: context, atMost: maximumWait)
        defer { writers.release() }
        try context.checkAlive()
        try lifecycle.checkOpen()
        return try body()
    }

    /// Answers from what is committed now.
    private func reading(
        _ entity: EntityDescription, in context: TenantContext, _ defect: Defect,
        _ body: (InMemoryDatabaseState, [TenantID]) throws(TenancyError) -> RowBuffer
    ) throws(TenancyError) -> RowBuffer {
        try lifecycle.enter()
        defer { lifecycle.leave() }
        try context.checkAlive()
        let state = committed.withLock { $0 }
        try state.requireRegistered(entity)
        do throws(TenancyError) {
            return try body(state, state.scope(context.tenant, everyone: defects.contains(defect)))
        } catch { throw error.with { $0.tenant = context.tenant } }
    }
}

extension InMemoryDatabase {
    /// The records with those keys.
    public func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try reading(entity, in: context, .ignoresTenantOnRead) { state, scope throws(TenancyError) in
            state.read(entity, keys: keys, scope)
        }
    }

    /// The rows of a select statement.
    public func select(
        _ statement: SelectStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try reading(statement.shape.entity, in: context, .ignoresTenantOnSelect) { state, scope throws(TenancyError) in
            state.select(statement, scope, defects).buffer(of: statement.shape.columns)
        }
    }

    /// The rows of an aggregate statement.
    public func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try reading(statement.shape.entity, in: context, .ignoresTenantOnAggregate) {
            state, scope throws(TenancyError) in
            try state.aggregate(statement, scope, defects)
        }
    }

    /// The rows of a full-text search.
    public func search(
        _ statement: SearchStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        guard capabilities.searches else { throw Self.unsupported("Full-text search") }
        return try reading(statement.shape.entity, in: context, .ignoresTenantOnSearch) {
            state, scope throws(TenancyError) in
            state.search(statement, scope, defects)
        }
    }

    /// Changes records, once no transaction is under way.
    public func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult
    {
        try lifecycle.enter()
        defer { lifecycle.leave() }
        return try await writing(in: context) { () throws(TenancyError) in
            try committed.withLock { state throws(TenancyError) in
                try state.write(statement, for: context.tenant, defects)
            }
        }
    }

    /// The rows of a select statement as they are now, in batches.
    public func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        try lifecycle.enter()
        let source: InMemoryDatabaseStream
        do throws(TenancyError) {
            try context.checkAlive()
            let state = committed.withLock { $0 }
            try state.requireRegistered(statement.shape.entity)
            let scope = state.scope(context.tenant, everyone: defects.contains(.ignoresTenantOnStream))
            var reload: (@Sendable () -> [InMemoryDatabaseState.Row])?
            if defects.contains(.streamsLaterWrites) {
                reload = { [self] in committed.withLock { $0.select(statement, scope, defects) } }
            }
            source = InMemoryDatabaseStream(
                state.select(statement, scope, defects), columns: statement.shape.columns, batchSize: batchSize,
                context: context, dropsEnd: defects.contains(.dropsEndOfStream), reload: reload,
                check: { [lifecycle] () throws(TenancyError) in try lifecycle.checkOpen() },
                atEnd: { [lifecycle] in lifecycle.leave() })
        } catch {
            lifecycle.leave()
            throw error
        }
        return RowStream(source)
    }

    /// Runs `body` on a copy of everything that takes the original's place when `body` returns. Unless it is
    /// read-only, nothing else is written meanwhile.
    public func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        guard capabilities.hasTransactions else { throw Self.unsupported("A transaction") }
        try lifecycle.enter()
        defer { lifecycle.leave() }
        try context.checkAlive()
        if !options.isReadOnly { try await writers.acquire(in: context, atMost: maximumWait) }
        defer { if !options.isReadOnly { writers.release() } }
        let core = InMemoryDatabaseTransaction.Core(
            database: self, context: context, state: committed.withLock { $0 })
        let transaction = InMemoryDatabaseTransaction(core, isReadOnly: options.isReadOnly)
        do {
            let result = try await body(transaction)
            transaction.close()
            try lifecycle.checkOpen()
            try context.checkAlive()
            if !options.isReadOnly { commit(core) }
            return result
        } catch {
            transaction.close()
            if defects.contains(.keepsRolledBackWrites) { commit(core) }
            throw error
        }
    }

    private func commit(_ core: InMemoryDatabaseTransaction.Core) {
        let state = core.state.withLock { $0 }
        committed.withLock { committed in
            let entities = committed.entities
            committed = state
            committed.entities = entities
        }
    }

    static func unsupported(_ what: String) -> TenancyError {
        TenancyError(.unsupported, "\(what) is not among the adapter's capabilities.")
    }
}

extension DatabaseSource {
    /// A database in memory, a new one for each adapter that is made; see ``InMemoryDatabase``.
    public static func inMemory() -> DatabaseSource {
        DatabaseSource(name: "memory") { _ throws(TenancyError) in InMemoryDatabase() }
    }

    /// A database in memory that the caller has made and keeps hold of.
    public static func inMemory(_ database: InMemoryDatabase) -> DatabaseSource {
        DatabaseSource(name: database.name) { _ throws(TenancyError) in database }
    }
}
