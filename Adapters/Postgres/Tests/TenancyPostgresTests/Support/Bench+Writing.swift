import Foundation

@testable import TenancyCore
@testable import TenancyPostgres

extension Bench {
    /// Carries a write out by the rules that `WriteWork` states.
    @discardableResult
    func write(_ statement: WriteStatement, _ tenant: TenantID) throws -> WriteResult {
        let work = try library.write(statement, tenant)
        var total = WriteResult(affected: 0)
        if work.returnsVersions { total.versions = Array(repeating: 0, count: work.rowCount) }
        if statement.isAtomic {
            do { return try attempt(work, work.steps(), total, tenant) } catch let error as TenancyError {
                guard error.isOfOneRow, error.details.row == nil, work.rowCount > 1 else {
                    throw work.rowCount == 1 && error.isOfOneRow ? error.with { $0.row = 0 } : error
                }
                var rows: [WriteWork.Step] = []
                for row in 0..<work.rowCount { rows.append(try work.step(row: row)) }
                return try attempt(work, rows, total, tenant)
            }
        }
        for step in try work.steps() {
            do { add(try one(work, step, tenant), step, &total) } catch let error as TenancyError {
                guard error.isOfOneRow else { throw error }
                for row in step.rows {
                    let step = try work.step(row: row)
                    do { add(try one(work, step, tenant), step, &total) } catch let error as TenancyError {
                        guard error.isOfOneRow else { throw error }
                        total.failures.append(RowFailure(row: row, error: error))
                    }
                }
            }
        }
        return total
    }

    private func one(_ work: WriteWork, _ step: WriteWork.Step, _ tenant: TenantID) throws -> WriteWork.StepResult {
        let answer = try run(step.bound, for: tenant, plan: work.plan)
        return try work.result(of: step, rows: answer.rows, count: answer.count)
    }

    private func add(_ result: WriteWork.StepResult, _ step: WriteWork.Step, _ total: inout WriteResult) {
        total.affected += result.affected
        total.failures += result.failures
        for (row, version) in zip(step.rows, result.versions) { total.versions[row] = version }
    }

    private func attempt(
        _ work: WriteWork, _ steps: [WriteWork.Step], _ total: WriteResult, _ tenant: TenantID
    ) throws -> WriteResult {
        try app.transaction {
            var total = total
            try app.run(isolation.binding(tenant))
            for step in steps {
                let result: WriteWork.StepResult
                do {
                    let answer = try app.run(step.bound, plan: work.plan)
                    result = try work.result(of: step, rows: answer.rows, count: answer.count)
                } catch let error as TenancyError where step.rows.count == 1 && error.isOfOneRow {
                    throw error.with { $0.row = step.rows.lowerBound }
                }
                if let failure = result.failures.first { throw failure.error }
                add(result, step, &total)
            }
            return total
        }
    }

    /// Inserts rows of values.
    @discardableResult
    func insert(
        _ entity: EntityDescription, _ rows: [[Value]], _ tenant: TenantID, isAtomic: Bool = true
    ) throws -> WriteResult {
        try write(statement(entity, .insert(batch(entity, rows)), isAtomic), tenant)
    }

    func batch(_ entity: EntityDescription, _ rows: [[Value]]) throws -> ColumnBatch {
        var batch = ColumnBatch(entity, capacity: rows.count)
        for row in rows { try batch.append(row) }
        return batch
    }

    func statement(
        _ entity: EntityDescription, _ operation: WriteStatement.Operation, _ isAtomic: Bool = true
    ) -> WriteStatement {
        StatementBuilder(entity, maximumValueBytes: 1 << 20).write(operation, isAtomic: isAtomic)
    }
}
