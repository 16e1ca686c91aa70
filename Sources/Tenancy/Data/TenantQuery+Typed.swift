public import TenancyCore

// What a query can do whose element is an ``Entity``: fields are named by key paths, and results have their types.
extension TenantQuery where Element: Entity {
    /// The same query with a condition more; all conditions must hold.
    public func `where`(_ filter: (Fields<Element>) -> Filter<Element>) -> TenantQuery {
        filtered(by: filter(Fields()).predicate)
    }

    /// The same query over records without a Swift type, for what properties can't express.
    public var untyped: TenantQuery<Record> {
        TenantQuery<Record>(
            access: EntityAccess(session: access.session, schema: .init(records: access.entity)), query: query,
            options: options)
    }

    /// The same query, sorted by a property after those it is sorted by already. Records without a value come last.
    public func sorted(
        by keyPath: any KeyPath<Element, some OrderedFieldValue> & Sendable, _ direction: SortDirection = .ascending
    ) -> TenantQuery { sorted(byField: name(keyPath), direction) }

    /// The same query, sorted by an optional property after those it is sorted by already.
    public func sorted(
        by keyPath: any KeyPath<Element, (some OrderedFieldValue)?> & Sendable,
        _ direction: SortDirection = .ascending
    ) -> TenantQuery { sorted(byField: name(keyPath), direction) }

    // One property or figure has a method of its own beside the one for any number: a tuple of one element is not its
    // element to the compiler when it comes from a pack.

    /// One property of all records.
    ///
    /// - Throws: As ``all()``.
    public func select<Property: FieldValue>(
        _ keyPath: any KeyPath<Element, Property> & Sendable
    ) async throws(TenancyError) -> [Property] {
        let rows = try await rows(query, fields: [name(keyPath)])
        var result: [Property] = []
        result.reserveCapacity(rows.count)
        for row in 0..<rows.count { result.append(try Property.read(RowView(rows, row: row), 0)) }
        return result
    }

    /// Some properties of all records.
    ///
    /// - Throws: As ``all()``.
    public func select<each Property: FieldValue>(
        _ keyPaths: repeat any KeyPath<Element, each Property> & Sendable
    ) async throws(TenancyError) -> [(repeat each Property)] {
        var fields: [String] = []
        for keyPath in repeat each keyPaths { fields.append(name(keyPath)) }
        let rows = try await rows(query, fields: fields)
        var result: [(repeat each Property)] = []
        result.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            result.append(try Self.read(RowView(rows, row: row), repeat (each Property).self))
        }
        return result
    }

    /// A figure over all records: `let total = try await query.aggregate(.sum(\.price))`.
    ///
    /// - Throws: ``TenancyError``.
    public func aggregate<Figure>(_ aggregate: Aggregate<Element, Figure>) async throws(TenancyError) -> Figure {
        try aggregate.make(RowView(try await figures(aggregate.functions, groupBy: []), row: 0), 0)
    }

    /// Figures over all records: `let (flights, mean) = try await query.aggregate(.count(), .average(\.delay))`.
    ///
    /// - Throws: ``TenancyError``.
    public func aggregate<each Figure>(
        _ aggregates: repeat Aggregate<Element, each Figure>
    ) async throws(TenancyError) -> (repeat each Figure) {
        var functions: [AggregateFunction] = []
        for aggregate in repeat each aggregates { functions += aggregate.functions }
        let rows = try await figures(functions, groupBy: [])
        return try Self.make(RowView(rows, row: 0), from: 0, repeat each aggregates)
    }

    /// A figure for each value of a property, in the order of the values, none last.
    ///
    /// - Throws: ``TenancyError``.
    public func grouped<Key: FieldValue, Figure>(
        by keyPath: any KeyPath<Element, Key> & Sendable, _ aggregate: Aggregate<Element, Figure>
    ) async throws(TenancyError) -> [(key: Key, figure: Figure)] {
        let rows = try await figures(aggregate.functions, groupBy: [name(keyPath)])
        var groups: [(key: Key, figure: Figure)] = []
        for row in 0..<rows.count {
            let view = RowView(rows, row: row)
            groups.append((try Key.read(view, 0), try aggregate.make(view, 1)))
        }
        return groups
    }

    /// Figures for each value of a property, in the order of the values, none last.
    ///
    /// - Throws: ``TenancyError``.
    public func grouped<Key: FieldValue, each Figure>(
        by keyPath: any KeyPath<Element, Key> & Sendable, _ aggregates: repeat Aggregate<Element, each Figure>
    ) async throws(TenancyError) -> [(key: Key, figures: (repeat each Figure))] {
        var functions: [AggregateFunction] = []
        for aggregate in repeat each aggregates { functions += aggregate.functions }
        let rows = try await figures(functions, groupBy: [name(keyPath)])
        var groups: [(key: Key, figures: (repeat each Figure))] = []
        for row in 0..<rows.count {
            let view = RowView(rows, row: row)
            groups.append((try Key.read(view, 0), try Self.make(view, from: 1, repeat each aggregates)))
        }
        return groups
    }

    /// Figures for each combination of values of some properties, in the order of the values, none last.
    ///
    /// ```swift
    /// for group in try await flights.grouped(by: \.origin, \.carrier, figures: .count(), .average(\.delay)) {
    ///     let ((origin, carrier), (count, delay)) = (group.keys, group.figures)
    /// }
    /// ```
    ///
    /// - Throws: ``TenancyError``.
    public func grouped<each Key: FieldValue, each Figure>(
        by keyPaths: repeat any KeyPath<Element, each Key> & Sendable,
        figures aggregates: repeat Aggregate<Element, each Figure>
    ) async throws(TenancyError) -> [(keys: (repeat each Key), figures: (repeat each Figure))] {
        var fields: [String] = []
        for keyPath in repeat each keyPaths { fields.append(name(keyPath)) }
        var functions: [AggregateFunction] = []
        for aggregate in repeat each aggregates { functions += aggregate.functions }
        let rows = try await figures(functions, groupBy: fields)
        var groups: [(keys: (repeat each Key), figures: (repeat each Figure))] = []
        groups.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            let view = RowView(rows, row: row)
            let figures = try Self.make(view, from: fields.count, repeat each aggregates)
            groups.append((try Self.read(view, repeat (each Key).self), figures))
        }
        return groups
    }

    /// Changes some properties of all records of the query: `.update(.set(\.gate, to: "B12"))`.
    ///
    /// - Returns: How many records were changed.
    /// - Throws: ``TenancyError``.
    @discardableResult
    public func update(_ assignments: FieldAssignment<Element>...) async throws(TenancyError) -> Int {
        try await change(assignments.map(\.assignment))
    }

    /// The first values of a row.
    private static func read<each Property: FieldValue>(
        _ row: RowView, _ types: repeat (each Property).Type
    ) throws(TenancyError) -> (repeat each Property) {
        var column = -1
        func next() -> Int {
            column += 1
            return column
        }
        return (repeat try (each types).read(row, next()))
    }

    private static func make<each Figure>(
        _ row: RowView, from first: Int, _ aggregates: repeat Aggregate<Element, each Figure>
    ) throws(TenancyError) -> (repeat each Figure) {
        var column = first
        func advance(_ width: Int) -> Int {
            defer { column += width }
            return column
        }
        return (repeat try (each aggregates).make(row, advance((each aggregates).functions.count)))
    }

    private func name(_ keyPath: any PartialKeyPath<Element> & Sendable) -> String {
        Element.schema.name(of: keyPath)
    }
}
