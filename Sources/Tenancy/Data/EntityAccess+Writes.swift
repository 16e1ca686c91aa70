public import TenancyCore

extension EntityAccess {
    /// Adds a record and returns it as it is stored: timestamps cut to their precision, the version 1.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/uniqueViolation`` if the tenant has a record with that key
    ///   or that unique value, and the codes of validation before anything is sent.
    @discardableResult
    public func create(_ element: Element) async throws(TenancyError) -> Element {
        let batch = try encode(element) { $0.fill(1) }
        _ = try await write(.insert(batch), keys: try keys(of: batch))
        return try schema.decode(RowView(batch, row: 0))
    }

    /// Replaces all fields of a record found by its key and returns it as it is stored.
    ///
    /// With a version field, the record must have the version that is stored, and is returned with the next one.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/notFound``, or ``TenancyError/Code/staleVersion`` if the
    ///   record was changed since it was read.
    @discardableResult
    public func update(_ element: Element) async throws(TenancyError) -> Element {
        let batch = try encode(element) { version in version.set(version.int64s[0] &+ 1, row: 0) }
        _ = try await write(.update(batch), keys: try keys(of: batch))
        return try schema.decode(RowView(batch, row: 0))
    }

    /// Adds a record, or replaces all fields of the one with its key, whatever its version; returns it as it is stored.
    ///
    /// - Throws: ``TenancyError``.
    @discardableResult
    public func upsert(_ element: Element) async throws(TenancyError) -> Element {
        var batch = try encode(element) { $0.fill(1) }
        let result = try await write(.upsert(batch), keys: try keys(of: batch))
        if let column = entity.versionColumn, let version = result.versions.first {
            batch.columns[column].set(version, row: 0)
        }
        return try schema.decode(RowView(batch, row: 0))
    }

    func deleteOne(_ key: Value, version: Int64?) async throws(TenancyError) -> Bool {
        try builder.checkKeys([key])
        let operation = WriteStatement.Operation.delete(keys: [key], versions: version.map { [$0] })
        return try await write(operation, keys: [key]).affected > 0
    }

    /// The element as a validated batch of one row, its version changed.
    private func encode(
        _ element: Element, version: (inout ColumnBuffer) -> Void
    ) throws(TenancyError) -> ColumnBatch {
        try schema.check(element)
        var batch = ColumnBatch(entity)
        schema.encode(element, into: &batch)
        if let column = entity.versionColumn { version(&batch.columns[column]) }
        do throws(TenancyError) {
            try batch.validate(for: entity, maximumValueBytes: session.manager.limits.maximumValueBytes)
        } catch {
            throw placed(error.with { $0.row = nil })
        }
        return batch
    }

    func keys(of batch: ColumnBatch) throws(TenancyError) -> [Value] {
        var keys: [Value] = []
        keys.reserveCapacity(batch.count)
        for row in 0..<batch.count {
            keys.append(try RowView(batch, row: row).value(entity.keyColumn, as: entity.key.type))
        }
        return keys
    }

    /// Runs a write between the two steps that keep the cache from serving what it replaced.
    ///
    /// - Parameter keys: What is changed; `nil` if only the database knows.
    func write(
        _ operation: WriteStatement.Operation, isAtomic: Bool = true, keys: [Value]?
    ) async throws(TenancyError) -> WriteResult {
        let statement = builder.write(operation, isAtomic: isAtomic)
        let context = try await admit()
        let changes = session.manager.changes(of: entity, keys: keys)
        do throws(TenancyError) {
            if let transaction = session.transaction {
                try transaction.add(changes)
                return try await session.runner.write(statement, in: context)
            }
            return try await session.manager.writing(changes, in: context) { context throws(TenancyError) in
                try await session.runner.write(statement, in: context)
            }
        } catch {
            throw placed(error)
        }
    }
}

extension EntityAccess where Element: Entity {
    /// Removes the record with that key.
    ///
    /// - Returns: Whether there was one.
    /// - Throws: ``TenancyError``.
    @discardableResult
    public func delete(_ id: Element.ID) async throws(TenancyError) -> Bool {
        try await deleteOne(id.fieldValue, version: nil)
    }

    /// Removes a record; with a version field, only if the stored version is the record's.
    ///
    /// - Returns: Whether there was one.
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/staleVersion`` if it was changed since it was read.
    @discardableResult
    public func delete(_ element: Element) async throws(TenancyError) -> Bool {
        var batch = ColumnBatch(entity)
        schema.encode(element, into: &batch)
        let version = entity.versionColumn.map { batch.columns[$0].int64s[0] }
        return try await deleteOne(element.id.fieldValue, version: version)
    }
}

extension EntityAccess where Element == Record {
    /// Removes the record with that key.
    ///
    /// - Returns: Whether there was one.
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/typeMismatch`` if the key is not of the key field's type.
    @discardableResult
    public func delete(_ key: Value) async throws(TenancyError) -> Bool {
        try await deleteOne(key, version: nil)
    }
}
