import Synchronization
import TenancyCore
import TenancyIO

/// A transaction, or a savepoint in one: the runner that a body gets.
///
/// Its statements run one at a time on the one connection, in the order in which they arrive, also when the body makes
/// several calls at once. Nested transactions of one runner take turns; while one is open, statements of the outer
/// runner are part of it.
final class Transaction: StatementRunner {
    private let connection: Connection
    private let file: DatabaseFile
    private let schema: Schema
    private let context: TenantContext
    private let isReadOnly: Bool
    /// Whether nothing can be written as long as the outermost transaction lasts.
    private let isUnchanging: Bool
    /// How many transactions this one stands in.
    private let depth: Int
    private let isOpen = Mutex(true)
    /// The failure for which SQLite ended the whole transaction, such as a full disk.
    private let cause: Cause
    private let parent: Transaction?
    private let turns = ResourcePool<Void>("the transaction", maximum: 1) { () throws(TenancyError) in }

    init(
        _ connection: Connection, _ file: DatabaseFile, _ schema: Schema, _ context: TenantContext, isReadOnly: Bool,
        parent: Transaction? = nil
    ) {
        self.connection = connection
        self.file = file
        self.schema = schema
        self.context = context
        self.isReadOnly = isReadOnly
        self.parent = parent
        cause = parent?.cause ?? Cause()
        isUnchanging = parent?.isUnchanging ?? isReadOnly
        depth = parent.map { $0.depth + 1 } ?? 0
    }

    /// Takes a connection of the file and begins a transaction on it. ``run(_:)`` gives the connection back.
    static func begin(
        _ file: DatabaseFile, _ schema: Schema, _ context: TenantContext, isReadOnly: Bool
    ) async throws(TenancyError) -> Transaction {
        let connection =
            if isReadOnly { try await file.readers.checkOut(in: context) } else {
                try await file.checkOutWriter(context)
            }
        let transaction = Transaction(connection, file, schema, context, isReadOnly: isReadOnly)
        do throws(TenancyError) {
            try await transaction.begin()
            return transaction
        } catch {
            await transaction.rollBack()
            throw error
        }
    }

    /// Begins a transaction in another one.
    private static func begin(
        in parent: Transaction, _ context: TenantContext, isReadOnly: Bool
    ) async throws(TenancyError) -> Transaction {
        let transaction = Transaction(
            parent.connection, parent.file, parent.schema, context, isReadOnly: isReadOnly, parent: parent)
        try await transaction.begin()
        return transaction
    }

    private func begin() async throws(TenancyError) {
        let statements = statements.begin
        let isOutermost = depth == 0
        try await perform(context) { connection throws(TenancyError) in
            // What is left of an attempt that met a lock.
            if isOutermost, connection.isInTransaction { connection.rollBack() }
            for statement in statements { try connection.control(statement) }
        }
    }

    /// Runs the body, and commits or rolls back.
    func run<Result: Sendable>(_ body: (any StatementRunner) async throws -> Result) async throws -> Result {
        let commit = statements.commit
        let isOutermost = depth == 0
        do {
            let result = try await body(self)
            // From here on a runner that was let out of its body finds the transaction closed.
            close()
            try context.checkAlive()
            try await file.run(on: connection, context) { connection throws(TenancyError) in
                guard connection.isInTransaction else { throw self.lost }
                if isOutermost { try connection.endStreams() }
                for statement in commit { try connection.control(statement) }
            }
            if isOutermost { await giveBack() }
            return result
        } catch {
            close()
            await rollBack()
            throw error
        }
    }

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        let plan = try schema.plan(of: entity)
        return try await statement(context) { connection throws(TenancyError) in
            try connection.read(plan, keys, context.tenant)
        }
    }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        let plan = try schema.plan(of: statement.shape.entity)
        return try await self.statement(context) { connection throws(TenancyError) in
            try connection.select(plan, statement, context.tenant)
        }
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        let plan = try schema.plan(of: statement.shape.entity)
        return try await self.statement(context) { connection throws(TenancyError) in
            try connection.aggregate(plan, statement, context.tenant)
        }
    }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        let plan = try schema.plan(of: statement.shape.entity)
        return try await self.statement(context) { connection throws(TenancyError) in
            try connection.search(plan, statement, context.tenant)
        }
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        let plan = try schema.plan(of: statement.entity)
        try refuseIfReadOnly()
        return try await self.statement(context) { connection throws(TenancyError) in
            try connection.inSavepoint { () throws(TenancyError) in
                try connection.write(plan, statement, context.tenant)
            }
        }
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        let plan = try schema.plan(of: statement.shape.entity)
        try check(context)
        // Between two steps of a statement rows may be changed by another, and the stream would show some of it; so where
        // something can change, the rows are copied first.
        if isUnchanging {
            return RowStream(
                RowSource(
                    connection: connection, plan, statement, batchSize: batchSize, context, file.lifecycle,
                    busyTimeout: file.busyTimeout, isOpen: { self.allOpen }
                ) {})
        }
        let copy = try await self.statement(context) { connection throws(TenancyError) in
            try connection.copyRows(plan, statement, context.tenant)
        }
        return RowStream(
            CopiedRowSource(
                connection: connection, file, plan, copy, columns: statement.shape.columns.count, batchSize: batchSize,
                context, isOpen: { self.allOpen }))
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        try check(context)
        if isReadOnly, !options.isReadOnly { try refuseIfReadOnly() }
        try await turns.checkOut(in: context)
        defer { turns.checkIn(()) }
        let nested = try await Self.begin(in: self, context, isReadOnly: isReadOnly || options.isReadOnly)
        return try await nested.run(body)
    }

    private var statements: (begin: [String], commit: [String]) {
        if depth > 0 { return (["SAVEPOINT transaction_\(depth)"], ["RELEASE transaction_\(depth)"]) }
        // The read fixes the moment that the transaction sees; `BEGIN` alone would leave it to the first statement. It also
        // fails on a file that was removed.
        let read = "SELECT count(*) FROM \(SchemaUpdate.metaTable)"
        if isReadOnly { return (["BEGIN", read], ["COMMIT"]) }
        return (file.place.owner == nil ? ["BEGIN IMMEDIATE"] : ["BEGIN IMMEDIATE", read], ["COMMIT"])
    }

    private func rollBack() async {
        let depth = depth
        // Without a look at cancellation or deadline: what comes after must find the connection without a transaction.
        await connection.runToTheEnd { connection in
            if depth > 0 { return connection.undo("transaction_\(depth)") }
            connection.forgetStreams()
            connection.rollBack()
        }
        if depth == 0 { await giveBack() }
    }

    private func giveBack() async {
        await file.giveBack(connection, to: isReadOnly ? file.readers : file.writers)
    }

    private func close() { isOpen.withLock { $0 = false } }

    private var allOpen: Bool { isOpen.withLock(\.self) && parent?.allOpen ?? true }

    private func check(_ context: TenantContext) throws(TenancyError) {
        guard context.tenant == self.context.tenant else {
            throw TenancyError(
                .tenantMismatch, "The transaction is another tenant's.", details: .init(tenant: context.tenant))
        }
        guard allOpen else { throw Self.closed }
    }

    private func refuseIfReadOnly() throws(TenancyError) {
        if isReadOnly {
            throw TenancyError(
                .readOnly, "The transaction was begun for reading only.",
                hint: "Begin it without isReadOnly.", details: .init(tenant: context.tenant))
        }
    }

    /// Runs a statement, if the transaction is open when its turn has come.
    private func statement<Output: Sendable>(
        _ context: TenantContext, _ body: @Sendable (isolated Connection) throws(TenancyError) -> Output
    ) async throws(TenancyError) -> Output {
        try check(context)
        return try await perform(context) { connection throws(TenancyError) in
            guard self.allOpen else { throw Self.closed }
            guard connection.isInTransaction else { throw self.lost }
            do throws(TenancyError) { return try body(connection) } catch {
                if !connection.isInTransaction { self.cause.note(error) }
                throw error
            }
        }
    }

    private func perform<Output: Sendable>(
        _ context: TenantContext, _ body: @Sendable (isolated Connection) throws(TenancyError) -> Output
    ) async throws(TenancyError) -> Output {
        var context = context
        // A statement may have less time than its transaction, not more.
        if let whole = self.context.deadline { context.deadline = min(context.deadline ?? whole, whole) }
        return try await file.run(on: connection, context, body)
    }

    private static var closed: TenancyError { TenancyError(.transactionClosed, "The transaction has ended.") }

    private var lost: TenancyError {
        cause.error
            ?? TenancyError(
                .transactionClosed, "The database ended the transaction.", hint: "Repeat the transaction.")
    }

    private final class Cause: Sendable {
        private let first = Mutex<TenancyError?>(nil)

        var error: TenancyError? { first.withLock(\.self) }

        func note(_ error: TenancyError) { first.withLock { $0 = $0 ?? error } }
    }
}
