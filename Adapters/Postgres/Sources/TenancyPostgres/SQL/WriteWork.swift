import TenancyCore

/// A write as the statements that carry it out, and what their results mean.
///
/// - An atomic write is the ``steps()`` inside one transaction; a single step is one by itself. If a step fails with an
///   error of one row (``TenancyCore/TenancyError/isOfOneRow``) and had several rows, the transaction is undone and the
///   ``step(row:)`` of each of its rows are run in a transaction, one after the other, to find the row: the first that
///   fails, or whose outcome is a failure, names it, and all is undone again. If none fails, because what was in the
///   way is gone, the write has been done. Verdicts that fail rows have changed nothing and name them at once.
/// - A write that is not atomic is the same steps, each in a transaction or under a savepoint of its own. One that
///   fails with an error of one row is repeated row by row in the same way, and the rows that fail are noted.
struct WriteWork: Sendable {
    /// One statement of a write.
    struct Step: Sendable {
        /// What the statement's result is.
        enum Outcome: Sendable {
            /// No rows; the command's own count says how many records were changed.
            case count
            /// A version for each row, and if there are several its key.
            case versions
            /// Rows of two integers; ``WriteWork/Reader`` says what they mean.
            case verdict(absenceFails: Bool)
        }

        let bound: BoundStatement
        /// The rows of the write that the step carries out.
        let rows: Range<Int>
        let outcome: Outcome
    }

    let statement: WriteStatement
    let plan: TablePlan
    let tenant: TenantID
    private let library: StatementLibrary

    init(_ statement: WriteStatement, plan: TablePlan, tenant: TenantID, library: StatementLibrary) {
        self.statement = statement
        self.plan = plan
        self.tenant = tenant
        self.library = library
    }

    /// How many rows the write has; 0 for one by filter.
    var rowCount: Int {
        switch statement.operation {
        case .insert(let batch), .upsert(let batch), .update(let batch): batch.count
        case .delete(let keys, _): keys.count
        case .updateMatching, .deleteMatching: 0
        }
    }

    /// Whether the result of the write has a version for each row.
    var returnsVersions: Bool {
        if case .upsert = statement.operation { plan.entity.versionColumn != nil } else { false }
    }

    /// The statements, each for as many rows as can be written at once; none if there are no rows.
    func steps() throws(TenancyError) -> [Step] {
        var steps: [Step] = []
        switch statement.operation {
        case .insert(let batch):
            if batch.count > 0 { steps.append(try step(batch, 0..<batch.count)) }
        case .upsert(let batch), .update(let batch):
            let key = batch.columns[plan.entity.keyColumn]
            for rows in DistinctRuns.runs(of: key) { steps.append(try step(batch, rows)) }
        case .delete(let keys, let versions):
            guard !keys.isEmpty else { break }
            let isVersioned = versions != nil && plan.entity.versionColumn != nil
            for rows in isVersioned ? DistinctRuns.runs(of: keys) : [0..<keys.count] {
                steps.append(try delete(keys, versions, rows))
            }
        case .updateMatching(let filter, let parameters, let changes):
            let bound = try library.change(plan.entity, filter, parameters, changes, tenant)
            steps.append(Step(bound: bound, rows: 0..<0, outcome: .count))
        case .deleteMatching(let filter, let parameters):
            let bound = try library.remove(plan.entity, filter, parameters, tenant)
            steps.append(Step(bound: bound, rows: 0..<0, outcome: .count))
        }
        return steps
    }

    /// The statement for one row.
    func step(row: Int) throws(TenancyError) -> Step {
        switch statement.operation {
        case .insert(let batch), .upsert(let batch), .update(let batch): return try step(batch, row..<row + 1)
        case .delete(let keys, let versions): return try delete(keys, versions, row..<row + 1)
        case .updateMatching, .deleteMatching:
            throw TenancyError(
                .invalidQuery, "A write by filter has no rows.", details: .init(entity: plan.entity.name))
        }
    }

    private func step(_ batch: ColumnBatch, _ rows: Range<Int>) throws(TenancyError) -> Step {
        let writes = plan.writes
        let isOne = rows.count == 1
        let compiled: CompiledStatement
        var outcome = Step.Outcome.count
        switch statement.operation {
        case .insert: compiled = isOne ? writes.insertOne : writes.insertMany
        case .upsert:
            compiled = isOne ? writes.upsertOne : writes.upsertMany
            if plan.entity.versionColumn != nil { outcome = .versions }
        default:
            compiled =
                isOne ? writes.updateOne : (statement.isAtomic ? writes.updateMany : writes.updateManySeparately)
            outcome = .verdict(absenceFails: true)
        }
        var parameters = ParameterBuffer(capacity: compiled.types.count)
        parameters.append(text: tenant.rawValue)
        for column in batch.columns {
            if isOne {
                parameters.append(column, row: rows.lowerBound)
            } else {
                parameters.append(array: column, rows: rows)
            }
        }
        for position in plan.names.searchColumns {
            let column = batch.columns[position]
            if isOne {
                parameters.append(wordsOf: column, row: rows.lowerBound)
            } else {
                parameters.append(arrayOfWordsOf: column, rows: rows)
            }
        }
        try parameters.checkLengths()
        return Step(bound: BoundStatement(statement: compiled, parameters: parameters), rows: rows, outcome: outcome)
    }

    private func delete(_ keys: [Value], _ versions: [Int64]?, _ rows: Range<Int>) throws(TenancyError) -> Step {
        let entity = plan.entity
        guard keys.allSatisfy({ $0.type == entity.key.type }), versions.map({ $0.count == keys.count }) ?? true else {
            throw TenancyError(
                .typeMismatch, "The keys to remove are not of the key field's type, or not as many as the versions.",
                details: .init(entity: entity.name, field: entity.key.name))
        }
        let writes = plan.writes
        var parameters = ParameterBuffer(capacity: 3)
        parameters.append(text: tenant.rawValue)
        guard let versions, let one = writes.deleteVersionOne, let many = writes.deleteVersionMany,
            let separately = writes.deleteVersionManySeparately
        else {
            parameters.append(array: Array(keys[rows]), of: entity.key.type)
            let bound = BoundStatement(statement: writes.deleteMany, parameters: parameters)
            return Step(bound: bound, rows: rows, outcome: .count)
        }
        if rows.count == 1 {
            parameters.append(keys[rows.lowerBound])
            parameters.append(integer: versions[rows.lowerBound])
        } else {
            parameters.append(array: Array(keys[rows]), of: entity.key.type)
            parameters.append(array: versions[rows].map(Value.int64), of: .int64)
        }
        try parameters.checkLengths()
        let compiled = rows.count == 1 ? one : (statement.isAtomic ? many : separately)
        return Step(
            bound: BoundStatement(statement: compiled, parameters: parameters), rows: rows,
            outcome: .verdict(absenceFails: false))
    }
}

/// Cuts rows where a key comes again, because a statement can change a record only once, and the later row has to find
/// what the earlier one left.
enum DistinctRuns {
    static func runs(of column: ColumnBuffer) -> [Range<Int>] {
        switch column.type {
        case .int64: runs(column.int64s)
        case .uuid: runs(column.uuids)
        // Texts that Swift takes for equal and the server doesn't are kept apart too, which costs only a statement.
        default: runs(column.strings)
        }
    }

    static func runs(of keys: [Value]) -> [Range<Int>] { runs(keys) }

    private static func runs<Key: Hashable>(_ keys: [Key]) -> [Range<Int>] {
        if keys.isEmpty { return [] }
        if keys.count == 1 { return [0..<1] }
        var runs: [Range<Int>] = []
        var start = 0
        var seen: Set<Key> = []
        seen.reserveCapacity(keys.count)
        for (index, key) in keys.enumerated() where !seen.insert(key).inserted {
            runs.append(start..<index)
            start = index
            seen = [key]
        }
        runs.append(start..<keys.count)
        return runs
    }
}
