import Synchronization
import TenancyCore

/// A database that a test can stop at chosen points, and whose writes can lose their answers.
final class GatedDatabase: ForwardingDatabase {
    let base: any DatabaseAdapter
    let beforeRead = Gate()
    let afterRead = Gate()
    let beforeWrite = Gate()
    let afterWrite = Gate()
    let beforeCommit = Gate()
    let afterCommit = Gate()
    /// What the next write throws after it was made.
    private let lostAnswer = Mutex<TenancyError?>(nil)
    /// What the next reads by key throw, one after another.
    let readFailures = Mutex<[TenancyError]>([])
    /// How many reads by key arrived.
    let reads = Atomic(0)
    /// How many selections, searches and aggregations arrived.
    let queries = Atomic(0)
    let beforeQuery = Gate()
    let afterQuery = Gate()
    let writes = Atomic(0)
    /// Whether calls give way to others at random, so that more orders of events occur.
    let isJumpy: Bool
    /// Deadlines of writes, as they arrive.
    let lastDeadline = Mutex<ContinuousClock.Instant?>(nil)

    /// What reads were told about how old they may be, as they arrived.
    let consistencies = Mutex<[ReadConsistency]>([])

    init(_ base: any DatabaseAdapter, isJumpy: Bool = false) {
        self.base = base
        self.isJumpy = isJumpy
    }

    func loseAnswer(_ code: TenancyError.Code) {
        lostAnswer.withLock { $0 = TenancyError(code, "The answer was lost.") }
    }

    /// Lets so many reads by key fail.
    func failReads(_ count: Int, _ code: TenancyError.Code) {
        readFailures.withLock { $0 = Array(repeating: TenancyError(code, "The database failed."), count: count) }
    }

    private func takeLostAnswer() -> TenancyError? {
        lostAnswer.withLock { error in
            defer { error = nil }
            return error
        }
    }

    private func giveWay() async {
        guard isJumpy else { return }
        for _ in 0..<Int.random(in: 0...3) { await Task.yield() }
    }

    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        if !entity.name.hasPrefix("tenancy_") {
            reads.add(1, ordering: .relaxed)
            consistencies.withLock { $0.append(context.consistency) }
            await beforeRead.pass()
            if let failure = readFailures.withLock({ $0.popLast() }) { throw failure }
        }
        let rows = try await base.read(entity, keys: keys, in: context)
        if !entity.name.hasPrefix("tenancy_") { await afterRead.pass() }
        await giveWay()
        return rows
    }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await query(statement.shape.entity, context) { () async throws(TenancyError) in
            try await base.select(statement, in: context)
        }
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try await query(statement.shape.entity, context) { () async throws(TenancyError) in
            try await base.aggregate(statement, in: context)
        }
    }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await query(statement.shape.entity, context) { () async throws(TenancyError) in
            try await base.search(statement, in: context)
        }
    }

    private func query(
        _ entity: EntityDescription, _ context: TenantContext, _ body: () async throws(TenancyError) -> any RowBatch
    ) async throws(TenancyError) -> any RowBatch {
        if entity.name.hasPrefix("tenancy_") { return try await body() }
        queries.add(1, ordering: .relaxed)
        consistencies.withLock { $0.append(context.consistency) }
        await beforeQuery.pass()
        let rows = try await body()
        await afterQuery.pass()
        await giveWay()
        return rows
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        if statement.entity.name.hasPrefix("tenancy_") { return try await base.write(statement, in: context) }
        writes.add(1, ordering: .relaxed)
        lastDeadline.withLock { $0 = context.deadline }
        await beforeWrite.pass()
        let result = try await base.write(statement, in: context)
        await afterWrite.pass()
        await giveWay()
        if let error = takeLostAnswer() { throw error }
        return result
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        let result = try await base.withTransaction(options, in: context) { runner in
            let result = try await body(runner)
            await beforeCommit.pass()
            return result
        }
        await afterCommit.pass()
        await giveWay()
        if let error = takeLostAnswer() { throw error }
        return result
    }
}
