public import TenancyCore

// What a query over ``Record`` can do: fields are named by text, which is checked when the query runs.
extension TenantQuery where Element == Record {
    /// The same query with a condition more; all conditions must hold.
    public func `where`(_ predicate: Predicate) -> TenantQuery { filtered(by: predicate) }

    /// The same query, sorted by a field after those it is sorted by already. Records without a value come last.
    public func sorted(by field: String, _ direction: SortDirection = .ascending) -> TenantQuery {
        sorted(byField: field, direction)
    }

    /// Some fields of all records.
    ///
    /// - Returns: For each record, the values of the fields in the order in which they are named.
    /// - Throws: As ``all()``; ``TenancyError/Code/invalidQuery`` if no field is named.
    public func select(_ fields: [String]) async throws(TenancyError) -> [[Value]] {
        guard !fields.isEmpty else {
            throw TenancyError(
                .invalidQuery, "A projection names no field.", details: .init(entity: access.entity.name))
        }
        return try values(of: try await rows(query, fields: fields), try types(of: fields))
    }

    /// Changes some fields of all records of the query, and counts their versions on; a limit is refused.
    ///
    /// - Returns: How many records were changed.
    /// - Throws: ``TenancyError``.
    @discardableResult
    public func update(_ assignments: [Assignment]) async throws(TenancyError) -> Int {
        try await change(assignments)
    }

    /// Figures over the records, one row for each group.
    ///
    /// - Parameters:
    ///   - functions: The figures.
    ///   - groupBy: The fields to group by; none for one row over all records.
    /// - Returns: For each group, in ascending order, the values of the fields and then the figures.
    /// - Throws: ``TenancyError``.
    public func aggregate(
        _ functions: [AggregateFunction], groupBy: [String] = []
    ) async throws(TenancyError) -> [[Value]] {
        let rows = try await figures(functions, groupBy: groupBy)
        var types = try types(of: groupBy)
        for function in functions {
            let field = try function.field.map { name throws(TenancyError) in try type(of: name) }
            types.append(function.kind == .count ? .int64 : field ?? .int64)
        }
        return try values(of: rows, types)
    }

    private func types(of fields: [String]) throws(TenancyError) -> [FieldType] {
        var types: [FieldType] = []
        for name in fields { types.append(try type(of: name)) }
        return types
    }

    private func type(of field: String) throws(TenancyError) -> FieldType {
        access.entity.fields[try access.entity.requireColumn(named: field)].type
    }

    private func values(of rows: any RowBatch, _ types: [FieldType]) throws(TenancyError) -> [[Value]] {
        var result: [[Value]] = []
        result.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            var values: [Value] = []
            values.reserveCapacity(types.count)
            for (column, type) in types.enumerated() {
                values.append(try RowView(rows, row: row).value(column, as: type))
            }
            result.append(values)
        }
        return result
    }
}
