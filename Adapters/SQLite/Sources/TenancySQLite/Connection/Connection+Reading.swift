internal import GRDBSQLite
import TenancyCore

extension Connection {
    /// The records of some keys. Several keys are read in one moment.
    func read(_ plan: TablePlan, _ keys: [Value], _ tenant: TenantID) throws(TenancyError) -> RowBuffer {
        try read(plan, keys, tenant, atMost: .max) ?? RowBuffer.Builder(columnCount: 0, rowCapacity: 0).build()
    }

    /// The records of some keys; `nil` if there are several and they have more bytes than `limit`.
    func read(
        _ plan: TablePlan, _ keys: [Value], _ tenant: TenantID, atMost limit: Int
    ) throws(TenancyError) -> RowBuffer? {
        let begins = keys.count > 1 && !isInTransaction
        if begins { try control("BEGIN") }
        defer { if begins { endReading() } }
        var builder = RowBuffer.Builder(columnCount: plan.entity.fields.count, rowCapacity: min(keys.count, 1_024))
        for key in keys {
            if builder.byteCount > limit { return nil }
            try read(plan, key, tenant, into: &builder)
        }
        return builder.build()
    }

    func read(
        _ plan: TablePlan, _ key: Value, _ tenant: TenantID, into builder: inout RowBuffer.Builder
    ) throws(TenancyError) {
        let statement = try reader(plan)
        statement.bind(tenant.rawValue, at: 1)
        statement.bind(key, at: 2)
        let code = statement.step()
        if code == SQLITE_ROW {
            statement.copyRow(Int32(plan.entity.fields.count), into: &builder)
        } else if code != SQLITE_DONE {
            let failed = failure(code, plan)
            statement.rewind()
            throw failed
        }
        statement.rewind()
    }

    private func reader(_ plan: TablePlan) throws(TenancyError) -> PreparedStatement {
        if plan.index < readers.count, let statement = readers[plan.index] { return statement }
        let statement = try compile(plan.read, plan)
        while readers.count <= plan.index { readers.append(nil) }
        readers[plan.index] = statement
        return statement
    }

    /// Ends a transaction that read only, in one way or the other, or later reads would go on seeing its moment.
    func endReading() {
        try? control("COMMIT")
        rollBack()
    }

    func select(_ plan: TablePlan, _ statement: SelectStatement, _ tenant: TenantID) throws(TenancyError) -> RowBuffer {
        let prepared = try prepare(.select(statement.shape, lists: SQLCompiler.lists(statement.parameters)), plan) {
            SQLCompiler.select(plan, statement.shape, statement.parameters)
        }
        let arguments = Arguments(tenant: tenant, parameters: statement.parameters, limit: statement.limit)
        return try rows(prepared, arguments, columns: statement.shape.columns.count, plan)
    }

    func aggregate(
        _ plan: TablePlan, _ statement: AggregateStatement, _ tenant: TenantID
    ) throws(TenancyError) -> RowBuffer {
        let prepared = try prepare(.aggregate(statement.shape, lists: SQLCompiler.lists(statement.parameters)), plan) {
            SQLCompiler.aggregate(plan, statement.shape, statement.parameters)
        }
        let columns = statement.shape.groupBy.count + statement.shape.figures.count
        return try rows(prepared, Arguments(tenant: tenant, parameters: statement.parameters), columns: columns, plan)
    }

    func search(_ plan: TablePlan, _ statement: SearchStatement, _ tenant: TenantID) throws(TenancyError) -> RowBuffer {
        let prepared = try prepare(.search(statement.shape, lists: SQLCompiler.lists(statement.parameters)), plan) {
            SQLCompiler.search(plan, statement.shape, statement.parameters)
        }
        let arguments = Arguments(
            tenant: tenant, parameters: statement.parameters, limit: statement.limit,
            match: SearchExpression.text(statement, tenant), words: statement.terms.words.joined(separator: " "))
        return try rows(prepared, arguments, columns: plan.entity.fields.count + 1, plan)
    }

    private func rows(
        _ statement: PreparedStatement, _ arguments: Arguments, columns: Int, _ plan: TablePlan
    ) throws(TenancyError) -> RowBuffer {
        statement.bind(arguments)
        defer { statement.reset() }
        var builder = RowBuffer.Builder(columnCount: columns, rowCapacity: min(arguments.limit ?? 16, 256))
        while true {
            let code = statement.step()
            if code == SQLITE_DONE { return builder.build() }
            guard code == SQLITE_ROW else { throw failure(code, plan) }
            statement.copyRow(Int32(columns), into: &builder)
        }
    }
}
