import TenancyCore
import TenancyIO

extension SQLiteAdapter {
    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try await withFile(context) { file, schema throws(TenancyError) in
            let plan = try schema.plan(of: entity)
            if PointReadLane.takes(keys), let rows = try await file.lane.read(plan, keys, context) { return rows }
            return try await file.read(context) { connection throws(TenancyError) in
                try connection.read(plan, keys, context.tenant)
            }
        }
    }

    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await withFile(context) { file, schema throws(TenancyError) in
            let plan = try schema.plan(of: statement.shape.entity)
            return try await file.read(context) { connection throws(TenancyError) in
                try connection.select(plan, statement, context.tenant)
            }
        }
    }

    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch {
        try await withFile(context) { file, schema throws(TenancyError) in
            let plan = try schema.plan(of: statement.shape.entity)
            return try await file.read(context) { connection throws(TenancyError) in
                try connection.aggregate(plan, statement, context.tenant)
            }
        }
    }

    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch {
        try await withFile(context) { file, schema throws(TenancyError) in
            let plan = try schema.plan(of: statement.shape.entity)
            return try await file.read(context) { connection throws(TenancyError) in
                try connection.search(plan, statement, context.tenant)
            }
        }
    }

    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult {
        try await withFile(context) { file, schema throws(TenancyError) in
            let plan = try schema.plan(of: statement.entity)
            return try await file.write(context) { connection throws(TenancyError) in
                try connection.write(plan, statement, context.tenant)
            }
        }
    }

    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream {
        try lifecycle.enter()
        do throws(TenancyError) {
            try context.checkAlive()
            let started = try started()
            let plan = try started.schema.plan(of: statement.shape.entity)
            return try await withFile(context, started) { lease throws(TenancyError) in
                let reader = try await lease.file.checkOutForStream(context)
                let source = RowSource(
                    connection: reader, plan, statement, batchSize: batchSize, context, lifecycle,
                    busyTimeout: lease.file.busyTimeout
                ) { [lifecycle] in
                    await lease.file.giveBack(reader, to: lease.file.streamers)
                    started.store.release(lease)
                    lifecycle.leave()
                }
                return RowStream(source)
            }
        } catch {
            lifecycle.leave()
            throw error
        }
    }

    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result {
        try lifecycle.enter()
        defer { lifecycle.leave() }
        try context.checkAlive()
        let started = try started()
        // Nothing of the body has run if the file turns out to have been removed.
        let (lease, transaction) = try await withFile(context, started) { lease throws(TenancyError) in
            (lease, try await Transaction.begin(lease.file, started.schema, context, isReadOnly: options.isReadOnly))
        }
        defer { started.store.release(lease) }
        if options.isReadOnly { return try await transaction.run(body) }
        return try await OpenTransaction.mark(lease.file) { try await transaction.run(body) }
    }
}
