public import TenancyCore

extension EntityAccess {
    /// Adds records in batches.
    ///
    /// - Throws: ``TenancyError`` of the first record that fails, with its position in
    ///   ``TenancyError/Details/row``, if the options let one failure undo everything.
    @discardableResult
    public func bulkCreate(
        _ elements: some Sequence<Element>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult {
        try await bulk(elements, options) { batch throws(TenancyError) in
            if let column = entity.versionColumn { batch.columns[column].fill(1) }
            return .insert(batch)
        }
    }

    /// Replaces all fields of records found by their keys, in batches. See ``update(_:)`` for versions.
    ///
    /// - Throws: As ``bulkCreate(_:options:)``.
    @discardableResult
    public func bulkUpdate(
        _ elements: some Sequence<Element>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult {
        try await bulk(elements, options) { batch throws(TenancyError) in
            if let column = entity.versionColumn {
                for row in 0..<batch.count {
                    batch.columns[column].set(batch.columns[column].int64s[row] &+ 1, row: row)
                }
            }
            return .update(batch)
        }
    }

    /// Adds records, or replaces those with their keys, in batches.
    ///
    /// - Throws: As ``bulkCreate(_:options:)``.
    @discardableResult
    public func bulkUpsert(
        _ elements: some Sequence<Element>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult {
        try await bulk(elements, options) { batch throws(TenancyError) in
            if let column = entity.versionColumn { batch.columns[column].fill(1) }
            return .upsert(batch)
        }
    }

    func bulkDelete(
        keys: some Sequence<Value>, total: Int?, options: BulkOptions
    ) async throws(TenancyError) -> BulkResult {
        let writer = try BulkWriter(self, options, total: total)
        return try await writer.run(keys) { access, chunk, failures throws(TenancyError) in
            var kept: [Int] = []
            for (row, key) in chunk.enumerated() {
                do throws(TenancyError) {
                    try access.builder.checkKeys([key])
                    kept.append(row)
                } catch {
                    let failure = RowFailure(row: row, error: error)
                    guard options.atomicity == .row else { throw failure.error }
                    failures.append(failure)
                }
            }
            if kept.count < chunk.count {
                let keys = kept.map { chunk[$0] }
                return PreparedBatch(operation: .delete(keys: keys, versions: nil), keys: keys, positions: kept)
            }
            return PreparedBatch(operation: .delete(keys: chunk, versions: nil), keys: chunk, positions: nil)
        }
    }

    /// How many elements there are, if that can be told without going through them.
    fileprivate static func knownCount(of elements: some Sequence) -> Int? {
        (elements as? any RandomAccessCollection)?.count
    }

    private func bulk(
        _ elements: some Sequence<Element>, _ options: BulkOptions,
        _ operation: @escaping @Sendable (inout ColumnBatch) throws(TenancyError) -> WriteStatement.Operation
    ) async throws(TenancyError) -> BulkResult {
        let writer = try BulkWriter(self, options, total: Self.knownCount(of: elements))
        return try await writer.run(elements) { access, chunk, failures throws(TenancyError) in
            try access.prepare(chunk, isolatingFailures: options.atomicity == .row, &failures, operation)
        }
    }

    /// A chunk as a validated write. With `isolatingFailures`, records that don't pass are left out and reported.
    private func prepare(
        _ chunk: [Element], isolatingFailures: Bool, _ failures: inout [RowFailure],
        _ operation: (inout ColumnBatch) throws(TenancyError) -> WriteStatement.Operation
    ) throws(TenancyError) -> PreparedBatch {
        let limit = session.manager.limits.maximumValueBytes
        var batch = ColumnBatch(entity, capacity: chunk.count)
        var positions: [Int]?
        do throws(TenancyError) {
            for (row, element) in chunk.enumerated() {
                do throws(TenancyError) { try schema.check(element) } catch { throw error.with { $0.row = row } }
            }
            schema.encode(chunk, into: &batch)
            try batch.validate(for: entity, maximumValueBytes: limit)
        } catch {
            guard isolatingFailures else { throw placed(error) }
            batch = ColumnBatch(entity, capacity: chunk.count)
            var kept: [Int] = []
            for (row, element) in chunk.enumerated() {
                do throws(TenancyError) {
                    try schema.check(element)
                    var single = ColumnBatch(entity)
                    schema.encode(element, into: &single)
                    try single.validate(for: entity, maximumValueBytes: limit)
                    schema.encode(element, into: &batch)
                    kept.append(row)
                } catch {
                    failures.append(RowFailure(row: row, error: placed(error)))
                }
            }
            try batch.validate(for: entity, maximumValueBytes: limit)
            positions = kept
        }
        let keys = try keys(of: batch)
        return PreparedBatch(operation: try operation(&batch), keys: keys, positions: positions)
    }
}

extension EntityAccess where Element: Entity {
    /// Removes records by their keys, in batches. A key that the tenant has no record of is no failure.
    ///
    /// - Throws: As ``bulkCreate(_:options:)``.
    @discardableResult
    public func bulkDelete(
        _ ids: some Sequence<Element.ID>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult {
        try await bulkDelete(keys: ids.lazy.map(\.fieldValue), total: Self.knownCount(of: ids), options: options)
    }
}

extension EntityAccess where Element == Record {
    /// Removes records by their keys, in batches.
    ///
    /// - Throws: As ``bulkCreate(_:options:)``.
    @discardableResult
    public func bulkDelete(
        _ keys: some Sequence<Value>, options: BulkOptions = BulkOptions()
    ) async throws(TenancyError) -> BulkResult {
        try await bulkDelete(keys: keys, total: Self.knownCount(of: keys), options: options)
    }
}
