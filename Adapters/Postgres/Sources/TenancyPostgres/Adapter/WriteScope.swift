import TenancyCore

/// Where the steps of a write are carried out: on a connection, each in a transaction; or inside a transaction, each
/// under a savepoint.
protocol WriteScope: Sendable {
    /// Carries commands out that change all or nothing. The answer may tell of a failure, which has been undone.
    func unit(_ commands: [Command]) async throws(TenancyError) -> Answer

    /// Carries several lists of commands out that change all or nothing.
    ///
    /// - Parameters:
    ///   - batch: The commands of a number from 0; `nil` after the last.
    ///   - judge: Looks at the answer to a number. If it throws, everything is undone.
    func undoable(
        _ batch: (Int) throws(TenancyError) -> [Command]?, _ judge: (Int, Answer) throws(TenancyError) -> Void
    ) async throws(TenancyError)
}

/// Carries a write out by the rules that ``WriteWork`` states.
struct WriteRun {
    private let work: WriteWork
    private let scope: any WriteScope
    private var total = WriteResult(affected: 0)
    /// How many rows are sent together when they are written one by one.
    private static let rowsPerExchange = 256

    init(_ work: WriteWork, in scope: any WriteScope) {
        self.work = work
        self.scope = scope
        if work.returnsVersions { total.versions = Array(repeating: 0, count: work.rowCount) }
    }

    mutating func run() async throws(TenancyError) -> WriteResult {
        let steps = try work.steps()
        if steps.isEmpty { return total }
        if work.statement.isAtomic { try await runAtomic(steps) } else { try await runSeparately(steps) }
        return total
    }

    /// A statement that has waited for another transaction tells of a record that this one has removed meanwhile as of
    /// one with another version, because it looks as of its own beginning. So it is asked again.
    private mutating func runAtomic(_ steps: [WriteWork.Step]) async throws(TenancyError) {
        do throws(TenancyError) { try await attempt(steps) } catch {
            guard error.code == .staleVersion else { throw error }
            try await attempt(steps)
        }
    }

    private mutating func attempt(_ steps: [WriteWork.Step]) async throws(TenancyError) {
        do throws(TenancyError) {
            if steps.count == 1 {
                let answer = try await scope.unit([command(steps[0])])
                try take(answer, steps, &total)
            } else {
                var total = total
                try await scope.undoable { index throws(TenancyError) in
                    index == 0 ? steps.map(command) : nil
                } _: { _, answer throws(TenancyError) in
                    try take(answer, steps, &total)
                }
                self.total = total
            }
        } catch {
            guard error.isOfOneRow, error.details.row == nil else { throw error }
            guard work.rowCount > 1 else { throw work.rowCount == 1 ? error.with { $0.row = 0 } : error }
            try await findRow()
        }
    }

    /// Repeats the rows one by one, to learn which of them fails.
    private mutating func findRow() async throws(TenancyError) {
        var total = total
        let (work, size) = (work, Self.rowsPerExchange)
        var steps: [WriteWork.Step] = []
        try await scope.undoable { index throws(TenancyError) in
            guard index * size < work.rowCount else { return nil }
            steps = []
            for row in index * size..<min((index + 1) * size, work.rowCount) { steps.append(try work.step(row: row)) }
            return steps.map(command)
        } _: { _, answer throws(TenancyError) in
            try take(answer, steps, &total)
        }
        self.total = total
    }

    private mutating func runSeparately(_ steps: [WriteWork.Step]) async throws(TenancyError) {
        for step in steps {
            let answer = try await scope.unit([command(step)])
            guard let failure = answer.failure else {
                let result = try result(answer, 0, step)
                add(result, step, &total)
                // As for an atomic write: those that only seem to have another version are asked again.
                let stale = result.failures.filter { $0.error.code == .staleVersion }
                total.failures.removeAll { failure in stale.contains { $0.row == failure.row } }
                for failure in stale { try await runAlone(failure.row) }
                continue
            }
            guard failure.isOfOneRow else { throw failure }
            if step.rows.count <= 1 {
                total.failures.append(RowFailure(row: step.rows.lowerBound, error: failure))
                continue
            }
            for row in step.rows { try await runAlone(row) }
        }
        total.failures.sort { $0.row < $1.row }
    }

    private mutating func runAlone(_ row: Int) async throws(TenancyError) {
        let step = try work.step(row: row)
        let answer = try await scope.unit([command(step)])
        if let failure = answer.failure {
            guard failure.isOfOneRow else { throw failure }
            total.failures.append(RowFailure(row: row, error: failure))
        } else {
            add(try result(answer, 0, step), step, &total)
        }
    }

    private func command(_ step: WriteWork.Step) -> Command { Command(step.bound, plan: work.plan) }

    /// Adds the answer to some steps of an atomic write, or throws the first failure.
    private func take(
        _ answer: Answer, _ steps: [WriteWork.Step], _ total: inout WriteResult
    ) throws(TenancyError) {
        if let failure = answer.failure, answer.failedCommand < 0 { throw failure }
        for (position, step) in steps.enumerated() {
            if let failure = answer.failure, position == answer.failedCommand {
                guard step.rows.count == 1, failure.isOfOneRow else { throw failure }
                throw failure.with { $0.row = step.rows.lowerBound }
            }
            let result = try result(answer, position, step)
            if let failure = result.failures.first { throw failure.error }
            add(result, step, &total)
        }
        if let failure = answer.failure { throw failure }
    }

    private func result(
        _ answer: Answer, _ position: Int, _ step: WriteWork.Step
    ) throws(TenancyError) -> WriteWork.StepResult {
        guard position < answer.replies.count else {
            throw TenancyError(.corrupted, "The server returned no result for a statement.")
        }
        return try work.result(of: step, rows: answer.replies[position].rows, count: answer.replies[position].count)
    }

    private func add(_ result: WriteWork.StepResult, _ step: WriteWork.Step, _ total: inout WriteResult) {
        total.affected += result.affected
        total.failures += result.failures
        for (row, version) in zip(step.rows, result.versions) { total.versions[row] = version }
    }
}

/// A write on a connection, each of whose units is a transaction.
struct SessionScope: WriteScope {
    let session: Session
    let context: TenantContext

    private var binding: Command { session.binder.command(context.tenant, until: context.deadline) }

    func unit(_ commands: [Command]) async throws(TenancyError) -> Answer {
        var answer = try await session.exchange(
            [binding] + commands, loss: .uncertain, isRepeatable: true, in: context)
        answer.failedCommand -= 1
        return answer
    }

    func undoable(
        _ batch: (Int) throws(TenancyError) -> [Command]?, _ judge: (Int, Answer) throws(TenancyError) -> Void
    ) async throws(TenancyError) {
        var index = 0
        do throws(TenancyError) {
            while let commands = try batch(index) {
                let prefix = index == 0 ? [.begin, session.binder.command(inBegun: context)] : []
                // Nothing lasts before the commit.
                var answer = try await session.exchange(prefix + commands, loss: .harmless, in: context)
                answer.failedCommand -= prefix.count
                try judge(index, answer)
                index += 1
            }
        } catch {
            if !session.isUnsettled { await session.settle([.rollBack]) }
            throw error
        }
        try await session.commit(in: context)
    }
}
