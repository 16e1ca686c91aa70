internal import GRDBSQLite
import TenancyCore

extension Connection {
    /// Carries out a write inside the transaction that is under way.
    ///
    /// - Throws: ``TenancyError``; if the statement is atomic and failed at a row, what its earlier rows changed is
    ///   still there, and undone by whoever began the transaction.
    func write(_ plan: TablePlan, _ statement: WriteStatement, _ tenant: TenantID) throws(TenancyError) -> WriteResult {
        switch statement.operation {
        case .insert(let batch):
            let prepared = try prepare(.fixed(.insert, plan.entity), plan) { plan.insert }
            return try eachRow(batch.count, statement) { row throws(TenancyError) in
                prepared.bind(batch, row, plan, tenant)
                try finish(prepared, plan)
                return 1
            }
        case .upsert(let batch): return try upsert(plan, batch, statement, tenant)
        case .update(let batch):
            let prepared = try prepare(.fixed(.update, plan.entity), plan) { plan.update }
            return try eachRow(batch.count, statement) { row throws(TenancyError) in
                prepared.bind(batch, row, plan, tenant)
                try finish(prepared, plan)
                guard changes == 0 else { return 1 }
                throw try absence(plan, tenant, isVersioned: plan.entity.versionColumn != nil) {
                    $0.bind(batch.columns[plan.entity.keyColumn], row, at: 2)
                } ?? TenancyError(.notFound, "No record has the key.", details: .init(entity: plan.entity.name))
            }
        case .delete(let keys, let versions): return try delete(plan, keys, versions, statement, tenant)
        case .updateMatching(let filter, let parameters, let changes):
            let shapes = changes.map { change in
                switch change.operation {
                case .set: ChangeShape(column: change.column, kind: .set)
                case .add: ChangeShape(column: change.column, kind: .add)
                }
            }
            let lists = SQLCompiler.lists(parameters)
            let prepared = try prepare(.change(plan.entity, filter, shapes, lists: lists), plan) {
                SQLCompiler.change(plan, filter, shapes, parameters)
            }
            let values = changes.map { change in
                switch change.operation {
                case .set(let value), .add(let value): value
                }
            }
            prepared.bind(Arguments(tenant: tenant, parameters: parameters, assignments: values))
            defer { prepared.reset() }
            try finish(prepared, plan)
            return WriteResult(affected: self.changes)
        case .deleteMatching(let filter, let parameters):
            let lists = SQLCompiler.lists(parameters)
            let prepared = try prepare(.remove(plan.entity, filter, lists: lists), plan) {
                SQLCompiler.remove(plan, filter, parameters)
            }
            prepared.bind(Arguments(tenant: tenant, parameters: parameters))
            defer { prepared.reset() }
            try finish(prepared, plan)
            return WriteResult(affected: changes)
        }
    }

    private var changes: Int { handle.map { Int(sqlite3_changes64($0)) } ?? 0 }

    private func upsert(
        _ plan: TablePlan, _ batch: ColumnBatch, _ statement: WriteStatement, _ tenant: TenantID
    ) throws(TenancyError) -> WriteResult {
        let prepared = try prepare(.fixed(.upsert, plan.entity), plan) { plan.upsert }
        guard let version = plan.entity.versionColumn else {
            return try eachRow(batch.count, statement) { row throws(TenancyError) in
                prepared.bind(batch, row, plan, tenant)
                try finish(prepared, plan)
                return 1
            }
        }
        var versions = Array(repeating: Int64(0), count: batch.count)
        var result = try eachRow(batch.count, statement) { row throws(TenancyError) in
            prepared.bind(batch, row, plan, tenant)
            prepared.bind(1 as Int64, at: Int32(version + 2))
            let code = prepared.step()
            guard code == SQLITE_ROW else {
                let failed = failure(code, plan)
                prepared.rewind()
                throw failed
            }
            versions[row] = sqlite3_column_int64(prepared.pointer, 0)
            try finish(prepared, plan)
            return 1
        }
        result.versions = versions
        return result
    }

    private func delete(
        _ plan: TablePlan, _ keys: [Value], _ versions: [Int64]?, _ statement: WriteStatement, _ tenant: TenantID
    ) throws(TenancyError) -> WriteResult {
        let isVersioned = versions != nil && plan.entity.versionColumn != nil
        let prepared = try prepare(.fixed(isVersioned ? .deleteVersion : .delete, plan.entity), plan) {
            plan.delete(version: isVersioned)
        }
        return try eachRow(keys.count, statement) { row throws(TenancyError) in
            prepared.bind(tenant.rawValue, at: 1)
            prepared.bind(keys[row], at: 2)
            if isVersioned, let versions { prepared.bind(versions[row], at: 3) }
            try finish(prepared, plan)
            if changes == 0,
                let stale = try absence(plan, tenant, isVersioned: isVersioned, { $0.bind(keys[row], at: 2) })
            {
                throw stale
            }
            return changes
        }
    }

    /// Why a versioned change by key met no record: an error if the record is there, `nil` if it isn't.
    private func absence(
        _ plan: TablePlan, _ tenant: TenantID, isVersioned: Bool, _ bindKey: (PreparedStatement) -> Void
    ) throws(TenancyError) -> TenancyError? {
        guard isVersioned else { return nil }
        let prepared = try prepare(.fixed(.version, plan.entity), plan) { plan.exists }
        prepared.bind(tenant.rawValue, at: 1)
        bindKey(prepared)
        let code = prepared.step()
        let failed = failure(code, plan)
        prepared.rewind()
        switch code {
        case SQLITE_ROW:
            return TenancyError(
                .staleVersion, "The record was changed since it was read.", details: .init(entity: plan.entity.name))
        case SQLITE_DONE: return nil
        default: throw failed
        }
    }

    /// Runs a statement whose values are bound, to its end.
    private func finish(_ statement: PreparedStatement, _ plan: TablePlan) throws(TenancyError) {
        let code = statement.step()
        if code == SQLITE_DONE { return statement.rewind() }
        let failed = code == SQLITE_ROW ? nil : failure(code, plan)
        statement.rewind()
        if let failed { throw failed }
    }

    /// Runs `body` for each row and adds up what it changed.
    ///
    /// A row that fails by itself has changed nothing: SQLite undoes the statement that failed. A failure that is
    /// not the row's own, such as a full disk, ends the whole write in either case.
    private func eachRow(
        _ count: Int, _ statement: WriteStatement, _ body: (Int) throws(TenancyError) -> Int
    ) throws(TenancyError) -> WriteResult {
        var result = WriteResult(affected: 0)
        for row in 0..<count {
            do throws(TenancyError) { result.affected += try body(row) } catch {
                guard !statement.isAtomic, error.isOfOneRow, isInTransaction else {
                    throw error.isOfOneRow ? error.with { $0.row = row } : error
                }
                result.failures.append(RowFailure(row: row, error: error))
            }
        }
        return result
    }
}
