import TenancyCore

/// Makes SQL of shapes. The tenant's condition comes first in every statement, as `$1`, and can't be left out: whatever
/// the shape holds is added to it by `AND`, inside parentheses.
struct SQLCompiler {
    private let plan: TablePlan
    private let names: ColumnNames
    private var sources: [ParameterSource] = [.tenant]

    private init(_ plan: TablePlan) {
        self.plan = plan
        names = plan.names
    }

    static func select(_ plan: TablePlan, _ shape: SelectStatement.Shape) -> CompiledStatement {
        var compiler = SQLCompiler(plan)
        var text = "SELECT \(compiler.names.list(shape.columns)) FROM \(plan.table)" + compiler.condition(shape.filter)
        text += compiler.order(shape.order.map { ($0.column, $0.direction) })
        if shape.isLimited { text += " LIMIT " + compiler.place(.limit) }
        return CompiledStatement(text, compiler.sources, isNarrow: SelectReach.isNarrow(shape))
    }

    static func aggregate(_ plan: TablePlan, _ shape: AggregateStatement.Shape) -> CompiledStatement {
        var compiler = SQLCompiler(plan)
        let groups = shape.groupBy.map { compiler.names[$0] }
        let columns = groups + shape.figures.map { compiler.figure($0) }
        var text = "SELECT \(columns.joined(separator: ", ")) FROM \(plan.table)" + compiler.condition(shape.filter)
        if !groups.isEmpty {
            text += " GROUP BY " + groups.joined(separator: ", ")
            text += compiler.order(shape.groupBy.map { ($0, .ascending) })
        }
        return CompiledStatement(text, compiler.sources)
    }

    /// A search. The condition and the score are asked of the words that the adapter stored.
    static func search(_ plan: TablePlan, _ shape: SearchStatement.Shape) throws(TenancyError) -> CompiledStatement {
        var compiler = SQLCompiler(plan)
        let entity = plan.entity
        guard let vector = compiler.names.searchName else {
            throw TenancyError(
                .invalidQuery, "The entity declares no search fields.", details: .init(entity: entity.name))
        }
        let condition = compiler.condition(shape.filter)
        let query = compiler.place(.query)
        let words = compiler.place(.words)
        let scores = entity.searchFields.map { field in
            "\(field.weight) * "
                + score(compiler.names.words(field.column), words, lastIsPrefix: shape.lastWordIsPrefix)
        }
        let limit = compiler.place(.limit)
        let text = """
            SELECT \(compiler.names.list(entity.fields.indices)), (\(scores.joined(separator: " + ")))::float8 \
            FROM \(plan.table)\(condition) AND \(Identifier.quote(vector)) @@ \(query) \
            ORDER BY \(entity.fields.count + 1) DESC, \(compiler.names.key) LIMIT \(limit)
            """
        return CompiledStatement(text, compiler.sources)
    }

    /// ``SearchScore`` in SQL: the server's own ranks depend on its version, and not only on how often words stand in a
    /// field. The sum is in the order of the words, so that it is the same number to the last bit.
    private static func score(_ vector: String, _ words: String, lastIsPrefix: Bool) -> String {
        let prefix = lastIsPrefix ? " OR w.i = cardinality(\(words)) AND starts_with(v.lexeme, w.word)" : ""
        return """
            (SELECT coalesce(sum(1 - 1 / (c.n + 1)::float8 ORDER BY c.i), 0) FROM (\
            SELECT w.i, least(sum(cardinality(v.positions)), \(SearchScore.maximumCount)) AS n \
            FROM unnest(\(words)) WITH ORDINALITY AS w(word, i) \
            JOIN unnest(\(vector)) AS v ON v.lexeme = w.word\(prefix) GROUP BY w.i) AS c)
            """
    }

    static func change(_ plan: TablePlan, _ filter: FilterShape, _ changes: [ChangeShape]) -> CompiledStatement {
        var compiler = SQLCompiler(plan)
        let condition = compiler.condition(filter)
        let searched = compiler.names.searchColumns
        var assignments: [String] = []
        for (index, change) in changes.enumerated() {
            let column = compiler.names[change.column]
            let place = compiler.place(.assignment(index, plan.entity.fields[change.column].type))
            assignments.append("\(column) = " + (change.kind == .add ? "\(column) + \(place)" : place))
            if searched.contains(change.column) {
                let words = compiler.place(.assignedWords(index))
                assignments.append("\(compiler.names.words(change.column)) = \(words)")
            }
        }
        if let version = compiler.names.version { assignments.append("\(version) = \(version) + 1") }
        let text = "UPDATE \(plan.table) SET \(assignments.joined(separator: ", "))" + condition
        return CompiledStatement(text, compiler.sources)
    }

    static func remove(_ plan: TablePlan, _ filter: FilterShape) -> CompiledStatement {
        var compiler = SQLCompiler(plan)
        let text = "DELETE FROM \(plan.table)" + compiler.condition(filter)
        return CompiledStatement(text, compiler.sources)
    }

    private mutating func place(_ source: ParameterSource) -> String {
        if let index = sources.firstIndex(of: source) { return "$\(index + 1)" }
        sources.append(source)
        return "$\(sources.count)"
    }

    private mutating func condition(_ filter: FilterShape) -> String {
        let tenant = " WHERE tenant_id = $1"
        switch filter {
        case .always: return tenant
        case .never: return tenant + " AND false"
        default: return tenant + " AND (\(render(filter)))"
        }
    }

    private func order(_ terms: [(column: Int, direction: SortDirection)]) -> String {
        if terms.isEmpty { return "" }
        return " ORDER BY " + terms.map { order($0.column, $0.direction) }.joined(separator: ", ")
    }

    private func order(_ column: Int, _ direction: SortDirection) -> String {
        let name = names[column]
        // Nulls are the greatest here, so that only a descending order has to be told; told of a column that has none,
        // it would keep an index from being read backwards.
        guard direction == .descending else { return name }
        return name + (plan.entity.fields[column].isNullable ? " DESC NULLS LAST" : " DESC")
    }

    private func figure(_ figure: AggregateStatement.Figure) -> String {
        figure.sql(name: { names[$0] }) { column, name in
            // Integers are added up without bound and brought back to 64 bits, which fails if they don't fit.
            plan.entity.fields[column].type == .int64 ? "sum(\(name))::bigint" : "sum(\(name))"
        }
    }

    private mutating func render(_ filter: FilterShape) -> String {
        switch filter {
        case .always: return "true"
        case .never: return "false"
        case .isNull(let column, let negated): return names[column] + (negated ? " IS NOT NULL" : " IS NULL")
        case .compare(let column, let comparison, let parameter, let orNull):
            let place = place(.value(parameter, plan.entity.fields[column].type))
            return orWithout("\(names[column]) \(comparison.sqlOperator) \(place)", column, orNull)
        case .oneOf(let column, let parameter, let negated, let orNull):
            let place = place(.list(parameter, plan.entity.fields[column].type))
            return orWithout("\(names[column]) \(negated ? "<> ALL" : "= ANY") (\(place))", column, orNull)
        case .text(let column, let match, let parameter, let ignoringCase, let negated, let orNull):
            let test = text(names[column], match, parameter, ignoringCase)
            return orWithout(negated ? "NOT (\(test))" : test, column, orNull)
        case .and(let parts): return join(parts, " AND ", ofNone: "true")
        case .or(let parts): return join(parts, " OR ", ofNone: "false")
        }
    }

    private func orWithout(_ test: String, _ column: Int, _ orNull: Bool) -> String {
        orNull ? "(\(test) OR \(names[column]) IS NULL)" : test
    }

    private mutating func join(_ parts: [FilterShape], _ word: String, ofNone: String) -> String {
        if parts.isEmpty { return ofNone }
        var texts: [String] = []
        for part in parts { texts.append("(" + render(part) + ")") }
        return texts.joined(separator: word)
    }

    /// Both sides of a comparison without case are folded by the server, so that one version of Unicode decides.
    private mutating func text(
        _ name: String, _ match: Predicate.TextMatch, _ parameter: Int, _ ignoringCase: Bool
    ) -> String {
        let place = place(.value(parameter, .string))
        let (text, sought) = ignoringCase ? (Self.lowered(name), Self.lowered(place)) : (name, place)
        switch match {
        case .whole: return "\(text) = \(sought)"
        case .contains: return "strpos(\(text), \(sought)) > 0"
        case .prefix:
            if ignoringCase { return "starts_with(\(text), \(sought))" }
            // A range, because the server finds one for `starts_with` only where the prefix is a constant.
            return "\(name) >= \(place) AND \(name) < \(self.place(.endOfPrefix(parameter)))"
        }
    }

    /// Lower case as Swift's `lowercased()` has it, by ICU's root locale. The one rule of that locale that Swift does
    /// not follow, another sigma at the end of a word, is kept from applying; letters newer than the older of the two
    /// Unicode tables stay as they are in one of them.
    private static func lowered(_ text: String) -> String {
        #"lower(replace(\#(text), 'Σ', 'σ') COLLATE "und-x-icu") COLLATE "C""#
    }
}

/// An assignment without its value.
struct ChangeShape: Hashable, Sendable {
    enum Kind: Hashable, Sendable { case set, add }
    var column: Int
    var kind: Kind
}
