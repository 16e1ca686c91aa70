import TenancyCore

/// One batch of a bulk write, checked and ready.
struct PreparedBatch {
    let operation: WriteStatement.Operation
    let keys: [Value]
    /// For each row of the operation its position in the chunk; `nil` if they are the same.
    let positions: [Int]?
}

/// Cuts an input into batches and writes them, one transaction or many, as the options say.
struct BulkWriter<Element: Sendable>: Sendable {
    private let access: EntityAccess<Element>
    private let options: BulkOptions
    private let total: Int?

    init(_ access: EntityAccess<Element>, _ options: BulkOptions, total: Int?) throws(TenancyError) {
        let maximum = access.session.manager.limits.maximumBatchSize
        guard (1...maximum).contains(options.batchSize) else {
            throw TenancyError(
                .valueTooLarge, "A bulk write's batch size lies outside 1…\(maximum).",
                details: .init(entity: access.entity.name))
        }
        let capabilities = access.session.manager.adapter.capabilities
        if options.atomicity == .whole, access.session.transaction == nil, !capabilities.hasTransactions {
            throw TenancyError(
                .unsupported, "The database can't undo a bulk write of several batches as a whole.",
                hint: "Choose BulkOptions.atomicity .batch or .row.", details: .init(entity: access.entity.name))
        }
        self.access = access
        self.options = options
        self.total = total
    }

    typealias Prepare<Item> = (
        EntityAccess<Element>, [Item], inout [RowFailure]
    ) throws(TenancyError) -> PreparedBatch

    /// Writes the whole input.
    func run<Item>(_ items: some Sequence<Item>, _ prepare: Prepare<Item>) async throws(TenancyError) -> BulkResult {
        // Inside a transaction the whole call is a transaction inside it, so that its caller may catch the error.
        let isInside = access.session.transaction != nil
        guard options.atomicity == .whole, !isInside || access.session.manager.adapter.capabilities.hasSavepoints else {
            do throws(TenancyError) {
                return try await writeBatches(items, through: access, prepare)
            } catch {
                // Without savepoints what was written before can't be undone alone, so all of it must be.
                if options.atomicity == .whole { access.session.transaction?.doom() }
                throw error
            }
        }
        do {
            let handle = TenantHandle(session: access.session)
            return try await handle.transaction(retry: .never) { transaction in
                // Not repeated, because the input may be one that can be gone through only once.
                try await writeBatches(
                    items, through: EntityAccess(session: transaction.session, schema: access.schema), prepare)
            }
        } catch {
            throw TenancyError.wrap(error)
        }
    }

    private func writeBatches<Item>(
        _ items: some Sequence<Item>, through access: EntityAccess<Element>, _ prepare: Prepare<Item>
    ) async throws(TenancyError) -> BulkResult {
        var result = BulkResult()
        var chunk: [Item] = []
        chunk.reserveCapacity(options.batchSize)
        var start = 0
        for item in items {
            chunk.append(item)
            guard chunk.count == options.batchSize else { continue }
            try await write(chunk, from: start, through: access, prepare, &result)
            start += chunk.count
            chunk.removeAll(keepingCapacity: true)
        }
        if !chunk.isEmpty { try await write(chunk, from: start, through: access, prepare, &result) }
        return result
    }

    private func write<Item>(
        _ chunk: [Item], from start: Int, through access: EntityAccess<Element>, _ prepare: Prepare<Item>,
        _ result: inout BulkResult
    ) async throws(TenancyError) {
        var failures: [RowFailure] = []
        do throws(TenancyError) {
            let batch = try prepare(access, chunk, &failures)
            if !batch.keys.isEmpty {
                let outcome = try await access.write(
                    batch.operation, isAtomic: options.atomicity != .row, keys: batch.keys)
                result.affected += outcome.affected
                failures += outcome.failures.map { failure in
                    RowFailure(row: batch.positions?[failure.row] ?? failure.row, error: failure.error)
                }
            }
        } catch {
            let placed = error.details.row.map { row in error.with { $0.row = start + row } } ?? error
            // Only what one batch can be blamed for is reported beside the rest; a database that is gone ends the call.
            guard options.atomicity == .batch, error.details.row != nil else { throw placed }
            result.failures.append(RowFailure(row: start + (error.details.row ?? 0), error: placed))
            result.unwritten.append(start..<start + chunk.count)
        }
        result.failures += failures.sorted { $0.row < $1.row }
            .map { RowFailure(row: start + $0.row, error: $0.error) }
        let unwritten = result.unwritten.reduce(0) { $0 + $1.count }
        options.progress?(
            BulkProgress(
                processed: start + chunk.count,
                failed: options.atomicity == .batch ? unwritten : result.failures.count, total: total))
    }
}
