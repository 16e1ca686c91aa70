/// Makes statements of an entity from queries, checking everything that can be checked before one is sent.
package struct StatementBuilder: Sendable {
    package let entity: EntityDescription
    package let maximumValueBytes: Int
    /// Whether the database matches text without regard to case.
    package let ignoresCase: Bool

    package init(_ entity: EntityDescription, maximumValueBytes: Int, ignoresCase: Bool = true) {
        self.entity = entity
        self.maximumValueBytes = maximumValueBytes
        self.ignoresCase = ignoresCase
    }

    /// A select over all columns, or the named ones; in a total order if the query sorts, or limits and `ordersLimit`.
    ///
    /// - Parameter keyset: A condition beside the query's that a page adds. Its depth comes from the order, not from
    ///   the caller, so it is not held against the query's.
    package func select(
        _ query: Query, fields: [String]? = nil, ordersLimit: Bool = true, after keyset: Predicate? = nil
    ) throws(TenancyError) -> SelectStatement {
        if let limit = query.limit, limit < 0 {
            throw TenancyError(.invalidQuery, "A limit is negative.", details: .init(entity: entity.name))
        }
        let (filter, parameters) = try self.filter(query.filter, after: keyset)
        var columns = Array(entity.fields.indices)
        if let fields {
            columns = []
            for field in fields { columns.append(try entity.requireColumn(named: field)) }
        }
        let needsOrder = !query.sort.isEmpty || (query.limit != nil && ordersLimit)
        return SelectStatement(
            shape: .init(
                entity: entity, columns: columns, filter: filter,
                order: needsOrder ? try totalOrder(query.sort) : [], isLimited: query.limit != nil),
            parameters: parameters, limit: query.limit)
    }

    /// The sort's terms, then the key unless it is among them. Nothing after the key can matter.
    package func totalOrder(_ sort: [Query.Sort]) throws(TenancyError) -> [SelectStatement.OrderTerm] {
        var order: [SelectStatement.OrderTerm] = []
        for term in sort {
            let column = try entity.requireColumn(named: term.field)
            guard entity.fields[column].type.isOrdered else {
                throw TenancyError(
                    .invalidQuery, "A json field can't be sorted by.",
                    details: .init(entity: entity.name, field: term.field))
            }
            if order.contains(where: { $0.column == column }) { continue }
            order.append(.init(column: column, direction: term.direction))
            if column == entity.keyColumn { return order }
        }
        order.append(.init(column: entity.keyColumn, direction: .ascending))
        return order
    }

    /// An aggregate over the records that a filter finds.
    package func aggregate(
        _ filter: Predicate, groupBy: [String] = [], _ functions: [AggregateFunction]
    ) throws(TenancyError) -> AggregateStatement {
        let (filter, parameters) = try self.filter(filter)
        var groups: [Int] = []
        for field in groupBy {
            let column = try entity.requireColumn(named: field)
            guard entity.fields[column].type.isOrdered else {
                throw invalid("A json field can't be grouped by.", field)
            }
            groups.append(column)
        }
        var figures: [AggregateStatement.Figure] = []
        for function in functions { figures.append(try figure(function)) }
        return AggregateStatement(
            shape: .init(entity: entity, filter: filter, groupBy: groups, figures: figures), parameters: parameters)
    }

    private func figure(_ function: AggregateFunction) throws(TenancyError) -> AggregateStatement.Figure {
        guard let field = function.field else {
            guard function.kind == .count else {
                throw TenancyError(
                    .invalidQuery, "A figure other than the count names no field.", details: .init(entity: entity.name))
            }
            return .init(kind: .count, column: nil)
        }
        let column = try entity.requireColumn(named: field)
        let type = entity.fields[column].type
        switch function.kind {
        case .count: break
        case .sum where type.isNumeric: break
        case .minimum where type.hasExtremes, .maximum where type.hasExtremes: break
        default: throw invalid("A figure can't be computed over a field of type \(type.rawValue).", field)
        }
        return .init(kind: function.kind, column: column)
    }

    /// A full-text search; `nil` if the text holds no word.
    package func search(
        _ text: String, filter: Predicate, requiresAllWords: Bool, lastWordIsPrefix: Bool, limit: Int
    ) throws(TenancyError) -> SearchStatement? {
        guard !entity.searchFields.isEmpty else {
            throw TenancyError(
                .invalidQuery, "The entity declares no search fields.",
                hint: "Add search: [.text(\\.property)] to its schema.", details: .init(entity: entity.name))
        }
        guard limit >= 0 else {
            throw TenancyError(.invalidQuery, "A limit is negative.", details: .init(entity: entity.name))
        }
        let (filter, parameters) = try self.filter(filter)
        let terms = SearchTerms(text)
        guard !terms.words.isEmpty, limit > 0 else { return nil }
        return SearchStatement(
            shape: .init(
                entity: entity, filter: filter, requiresAllWords: requiresAllWords, lastWordIsPrefix: lastWordIsPrefix),
            parameters: parameters, terms: terms, limit: limit)
    }

    /// A write of rows.
    package func write(_ operation: WriteStatement.Operation, isAtomic: Bool = true) -> WriteStatement {
        WriteStatement(entity: entity, operation: operation, isAtomic: isAtomic)
    }

    /// An update of some fields by filter.
    package func update(_ filter: Predicate, _ assignments: [Assignment]) throws(TenancyError) -> WriteStatement {
        guard !assignments.isEmpty else {
            throw TenancyError(.invalidQuery, "An update changes no field.", details: .init(entity: entity.name))
        }
        var changes: [(column: Int, operation: Assignment.Operation)] = []
        for assignment in assignments {
            let column = try self.column(of: assignment)
            guard !changes.contains(where: { $0.column == column }) else {
                throw invalid("An update changes a field twice.", assignment.field)
            }
            changes.append((column, try canonical(assignment.operation, entity.fields[column])))
        }
        let (filter, parameters) = try self.filter(filter)
        return write(.updateMatching(filter, parameters, changes))
    }

    private func column(of assignment: Assignment) throws(TenancyError) -> Int {
        let column = try entity.requireColumn(named: assignment.field)
        guard column != entity.keyColumn, column != entity.versionColumn else {
            throw invalid("The key and the version can't be changed by an update of fields.", assignment.field)
        }
        return column
    }

    private func canonical(
        _ operation: Assignment.Operation, _ field: FieldDescription
    ) throws(TenancyError) -> Assignment.Operation {
        var column = ColumnBuffer(type: field.type)
        switch operation {
        case .set(.null) where !field.isNullable:
            throw TenancyError(
                .notNullViolation, "A field that must have a value is set to none.",
                details: .init(entity: entity.name, field: field.name))
        case .set(let value), .add(let value):
            do throws(TenancyError) { try column.append(value) } catch {
                throw error.with {
                    $0.entity = entity.name
                    $0.field = field.name
                }
            }
            if let problem = field.problem(of: value, maximumValueBytes) {
                throw problem.with { $0.entity = entity.name }
            }
            if case .add = operation, !field.type.isNumeric || value.isNull {
                throw invalid("Only a number can be added, to a number.", field.name)
            }
        }
        column.truncateTimestamps(to: field.options.timestampPrecision)
        guard case .set = operation, field.type == .timestamp, !column.nulls[0] else { return operation }
        return .set(.timestamp(Timestamp(microsecondsSince1970: column.int64s[0])))
    }

    /// A removal by filter.
    package func delete(_ filter: Predicate) throws(TenancyError) -> WriteStatement {
        let (filter, parameters) = try self.filter(filter)
        return write(.deleteMatching(filter, parameters))
    }

    /// Checks keys, before they are read or deleted by.
    package func checkKeys(_ keys: [Value]) throws(TenancyError) {
        for key in keys {
            guard key.type == entity.key.type else {
                throw TenancyError(
                    .typeMismatch, "A key is not of the key field's type, which is \(entity.key.type.rawValue).",
                    details: .init(entity: entity.name, field: entity.key.name))
            }
            if let problem = entity.key.problem(of: key, maximumValueBytes) {
                throw problem.with { $0.entity = entity.name }
            }
        }
    }

    private func filter(
        _ predicate: Predicate, after keyset: Predicate? = nil
    ) throws(TenancyError) -> (FilterShape, [Parameter]) {
        var compiler = FilterCompiler(entity, maximumValueBytes: maximumValueBytes, ignoresCase: ignoresCase)
        let shape = try compiler.compile(predicate)
        guard let keyset else { return (shape, compiler.parameters) }
        return (try compiler.compile(shape, and: keyset), compiler.parameters)
    }

    private func invalid(_ message: String, _ field: String) -> TenancyError {
        TenancyError(.invalidQuery, message, details: .init(entity: entity.name, field: field))
    }
}
