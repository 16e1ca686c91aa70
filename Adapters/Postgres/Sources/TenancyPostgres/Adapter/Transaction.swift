import Synchronization
import TenancyCore
import TenancyIO

/// A transaction, or a savepoint in one: the runner that a body gets.
///
/// Its statements run one at a time on the one connection, in the order in which they arrive, also when the body makes
/// several calls at once. Nested transactions of one runner take turns; while one is open, statements of the outer
/// runner are part of it. `BEGIN` travels with the first statement.
final class Transaction: StatementRunner {
    let core: TransactionCore
    private let isReadOnly: Bool
    private let depth: Int
    private let parent: Transaction?
    private let isOpen = Atomic<Bool>(true)
    private let turns = ResourcePool<Void>("the transaction", maximum: 1) { () throws(TenancyError) in }

    init(_ core: TransactionCore, isReadOnly: Bool, parent: Transaction? = nil) {
        self.core = core
        self.isReadOnly = isReadOnly
        self.parent = parent
        depth = parent.map { $0.depth + 1 } ?? 0
    }

    private var library: StatementLibrary { core.engine.library }

    /// Runs the body of an outermost transaction, and commits or rolls back.
    func run<Result: Sendable>(_ body: (any StatementRunner) async throws -> Result) async throws -> Result {
        let result: Result
        do {
            result = try await body(self)
            // From here on a runner that was let out of its body finds the transaction closed.
            close()
            try core.context.checkAlive()
        } catch {
            close()
            try? await core.end(commits: false)
            throw error
        }
        try await core.end(commits: true)
        return result
    }

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try check(context)
        return try await rows(library.read(entity, keys: keys, context.tenant), entity, context)
    }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try check(context)
        return try await rows(library.select(statement, context.tenant), statement.shape.entity, context)
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try check(context)
        return try await rows(library.aggregate(statement, context.tenant), statement.shape.entity, context)
    }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try check(context)
        return try await rows(library.search(statement, context.tenant), statement.shape.entity, context)
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        try check(context)
        let work = try library.write(statement, context.tenant)
        try refuseIfReadOnly()
        core.willWrite()
        do throws(TenancyError) {
            var run = WriteRun(work, in: TransactionScope(transaction: self, context: context))
            return try await run.run()
        } catch {
            throw error.with { $0.tenant = context.tenant }
        }
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        try check(context)
        let plan = try library.plan(for: statement.shape.entity)
        let bound = try library.select(statement, context.tenant)
        let cursor = Cursor(core.cursorName(), bound, plan, batchSize: batchSize)
        // The rows are of the moment at which the stream is made.
        _ = try await perform([cursor.declare], context).checked()
        return RowStream(
            CursorSource { [self] commands throws(TenancyError) in
                try await perform(commands, context)
            } release: {
            } cursor: {
                cursor
            })
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        try check(context)
        if !options.isReadOnly { try refuseIfReadOnly() }
        try await turns.checkOut(in: context)
        defer { turns.checkIn(()) }
        let nested = Transaction(core, isReadOnly: isReadOnly || options.isReadOnly, parent: self)
        return try await nested.runNested(context, body)
    }

    private func runNested<Result: Sendable>(
        _ context: TenantContext, _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        let name = "tenancy_\(depth)"
        _ = try await perform([Command(text: "SAVEPOINT \(name)")], context, isProtected: false).checked()
        let result: Result
        do {
            result = try await body(self)
            close()
            try context.checkAlive()
            try await release(name, context)
        } catch {
            close()
            await core.rollBack(to: name)
            throw error
        }
        return result
    }

    /// Makes the savepoint part of what is around it. A method of its own: Swift 6.3's optimizer crashes on its closure in
    /// the generic one above.
    private func release(_ savepoint: String, _ context: TenantContext) async throws(TenancyError) {
        let command = Command(text: "RELEASE SAVEPOINT \(savepoint)")
        _ = try await core.perform([command], isProtected: false, in: context) { self.parent?.allOpen ?? false }
            .checked()
    }

    /// Sends commands as part of this transaction.
    func perform(
        _ commands: [Command], _ context: TenantContext, isProtected: Bool = true
    ) async throws(TenancyError) -> Answer {
        try await core.perform(commands, isProtected: isProtected, in: context) { self.allOpen }
    }

    /// Undoes everything since a savepoint.
    func rollBack(to savepoint: String) async { await core.rollBack(to: savepoint) }

    private func rows(
        _ bound: BoundStatement, _ entity: EntityDescription, _ context: TenantContext
    ) async throws(TenancyError) -> PostgresRows {
        let plan = try library.plan(for: entity)
        return try await perform([Command(bound, plan: plan)], context).rows()
    }

    private func close() { isOpen.store(false, ordering: .releasing) }

    private var allOpen: Bool { isOpen.load(ordering: .acquiring) && parent?.allOpen ?? true }

    /// Throws unless statements of the context's tenant may run here now.
    func check(_ context: TenantContext) throws(TenancyError) {
        guard context.tenant == core.context.tenant else {
            throw TenancyError(
                .tenantMismatch, "The transaction is another tenant's.", details: .init(tenant: context.tenant))
        }
        guard allOpen else { throw Self.closed }
    }

    private func refuseIfReadOnly() throws(TenancyError) {
        if isReadOnly {
            throw TenancyError(
                .readOnly, "The transaction was begun for reading only.",
                hint: "Begin it without isReadOnly.", details: .init(tenant: core.context.tenant))
        }
    }

    static var closed: TenancyError { TenancyError(.transactionClosed, "The transaction has ended.") }

    static var lost: TenancyError {
        TenancyError(.transactionClosed, "The database ended the transaction.", hint: "Repeat the transaction.")
    }
}

/// A write inside a transaction, each of whose units stands under a savepoint.
private struct TransactionScope: WriteScope {
    let transaction: Transaction
    let context: TenantContext

    private static let savepoint = "tenancy_write"

    func unit(_ commands: [Command]) async throws(TenancyError) -> Answer {
        try await transaction.perform(commands, context)
    }

    func undoable(
        _ batch: (Int) throws(TenancyError) -> [Command]?, _ judge: (Int, Answer) throws(TenancyError) -> Void
    ) async throws(TenancyError) {
        _ = try await transaction.perform(
            [Command(text: "SAVEPOINT \(Self.savepoint)")], context, isProtected: false
        ).checked()
        var index = 0
        do throws(TenancyError) {
            while let commands = try batch(index) {
                try judge(index, try await transaction.perform(commands, context))
                index += 1
            }
            _ = try await transaction.perform(
                [Command(text: "RELEASE SAVEPOINT \(Self.savepoint)")], context, isProtected: false
            ).checked()
        } catch {
            await transaction.rollBack(to: Self.savepoint)
            throw error
        }
    }
}
