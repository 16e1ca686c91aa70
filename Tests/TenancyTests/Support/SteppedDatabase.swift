import Synchronization
import TenancyCore

/// Counts the steps of a process that uses a database and a cache, and lets the process die at one of them.
final class Steps: Sendable {
    private struct State {
        var count = 0
        var end: Int?
        var isDead = false
    }

    private let state = Mutex(State())
    var count: Int { state.withLock(\.count) }

    /// Counts from 0 again, to a death before step `end`; `nil` for none.
    func begin(dyingAt end: Int?) { state.withLock { $0 = State(end: end) } }

    func pass() throws(TenancyError) {
        let isDead = state.withLock { state in
            state.count += 1
            if state.count == state.end { state.isDead = true }
            return state.isDead
        }
        if isDead { throw TenancyError(.unavailable, "The process died.") }
    }
}

/// A database each of whose calls is two steps, one before it and one after it, and whose capabilities can be less.
final class SteppedDatabase: DatabaseAdapter {
    let base: any DatabaseAdapter
    let capabilities: DatabaseCapabilities
    let steps: Steps
    /// How many calls arrived, whatever became of them.
    let calls = Atomic(0)

    init(_ base: any DatabaseAdapter, _ steps: Steps = Steps(), capabilities: DatabaseCapabilities? = nil) {
        self.base = base
        self.steps = steps
        self.capabilities = capabilities ?? base.capabilities
    }

    var name: String { base.name }
    private var runner: SteppedRunner { SteppedRunner(base: base, steps: steps) }
    func start(_ entities: [EntityDescription]) async throws(TenancyError) { try await base.start(entities) }
    func health() async -> BackendHealth { await base.health() }
    func shutDown(deadline: ContinuousClock.Instant) async { await base.shutDown(deadline: deadline) }

    func removeAllData(in context: TenantContext) async throws(TenancyError) {
        try steps.pass()
        try await base.removeAllData(in: context)
        try steps.pass()
    }

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        calls.add(1, ordering: .relaxed)
        return try await runner.read(entity, keys: keys, in: context)
    }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        calls.add(1, ordering: .relaxed)
        return try await runner.select(statement, in: context)
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        calls.add(1, ordering: .relaxed)
        return try await runner.aggregate(statement, in: context)
    }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        calls.add(1, ordering: .relaxed)
        return try await runner.search(statement, in: context)
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        calls.add(1, ordering: .relaxed)
        return try await runner.write(statement, in: context)
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        calls.add(1, ordering: .relaxed)
        return try await runner.stream(statement, batchSize: batchSize, in: context)
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        calls.add(1, ordering: .relaxed)
        return try await runner.withTransaction(options, in: context, body)
    }
}

/// The calls of a ``SteppedDatabase`` or of a transaction in it.
private struct SteppedRunner: StatementRunner {
    let base: any StatementRunner
    let steps: Steps

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch { try await base.read(entity, keys: keys, in: context) }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await base.select(statement, in: context)
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch { try await base.aggregate(statement, in: context) }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await base.search(statement, in: context)
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        try steps.pass()
        let result = try await base.write(statement, in: context)
        try steps.pass()
        return result
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        try await base.stream(statement, batchSize: batchSize, in: context)
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        let result = try await base.withTransaction(options, in: context) { runner in
            let result = try await body(SteppedRunner(base: runner, steps: steps))
            try steps.pass()
            return result
        }
        try steps.pass()
        return result
    }
}

/// A cache each of whose calls is two steps.
final class SteppedCache: CacheAdapter {
    let base: any CacheAdapter
    let steps: Steps

    init(_ base: any CacheAdapter, _ steps: Steps) {
        self.base = base
        self.steps = steps
    }

    var name: String { base.name }
    func start() async throws(TenancyError) { try await base.start() }
    func statistics() -> CacheStatistics { base.statistics() }
    func health() async -> BackendHealth { await base.health() }
    func shutDown() async { await base.shutDown() }

    func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        try steps.pass()
        let replies = try await base.run(commands, for: tenant)
        try steps.pass()
        return replies
    }

    func flush(_ tenant: TenantID) async throws(TenancyError) -> Int {
        try steps.pass()
        let count = try await base.flush(tenant)
        try steps.pass()
        return count
    }
}
