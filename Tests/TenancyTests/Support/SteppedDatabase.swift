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
final class SteppedDatabase: ForwardingDatabase {
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

    func next() -> any StatementRunner {
        calls.add(1, ordering: .relaxed)
        return SteppedRunner(base: base, steps: steps)
    }

    func removeAllData(in context: TenantContext) async throws(TenancyError) {
        try steps.pass()
        try await base.removeAllData(in: context)
        try steps.pass()
    }
}

/// The calls of a ``SteppedDatabase`` or of a transaction in it.
private struct SteppedRunner: ForwardingRunner {
    let base: any StatementRunner
    let steps: Steps

    func next() -> any StatementRunner { base }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        try steps.pass()
        let result = try await base.write(statement, in: context)
        try steps.pass()
        return result
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

    func scan(
        _ tenant: TenantID, prefix: String, after cursor: CacheCursor?
    ) async throws(TenancyError) -> CachePage {
        try await base.scan(tenant, prefix: prefix, after: cursor)
    }

    func usage(of tenant: TenantID) async throws(TenancyError) -> CacheUsage { try await base.usage(of: tenant) }

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
