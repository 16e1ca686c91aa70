import TenancyCore

/// Makes SQL of shapes. The tenant's condition comes first in every statement and can't be left out: whatever the
/// shape holds is added to it by `AND`, inside parentheses.
struct SQLCompiler {
    private let plan: TablePlan
    private let lists: [Int: Int]
    private var sources: [CompiledSQL.Source] = []
    /// What stands before a column's name.
    private var prefix = ""

    private init(_ plan: TablePlan, _ parameters: [Parameter]) {
        self.plan = plan
        lists = Dictionary(
            uniqueKeysWithValues: parameters.enumerated().compactMap { index, parameter in
                if case .list(let values) = parameter { (index, Self.places(for: values.count)) } else { nil }
            })
    }

    /// How many places a list of that length gets in the text: a power of two, so that few texts serve all lengths;
    /// 0 for a long list, which is bound as a table.
    static func places(for count: Int) -> Int {
        if count > 16 { return 0 }
        var places = 1
        while places < count { places *= 2 }
        return places
    }

    /// The places of all lists among some parameters: the part of a statement's text that its shape doesn't tell.
    static func lists(_ parameters: [Parameter]) -> [Int] {
        var lists: [Int] = []
        for case .list(let values) in parameters { lists.append(places(for: values.count)) }
        return lists
    }

    static func select(_ plan: TablePlan, _ shape: SelectStatement.Shape, _ parameters: [Parameter]) -> CompiledSQL {
        var compiler = SQLCompiler(plan, parameters)
        var text = "SELECT \(plan.columns(shape.columns)) FROM \(plan.table)" + compiler.condition(shape.filter)
        let order = shape.order.map { compiler.term($0.column, $0.direction) }
        if !order.isEmpty { text += " ORDER BY " + order.joined(separator: ", ") }
        if shape.isLimited { text += " LIMIT " + compiler.place(.limit) }
        return CompiledSQL(text: text, sources: compiler.sources)
    }

    static func aggregate(
        _ plan: TablePlan, _ shape: AggregateStatement.Shape, _ parameters: [Parameter]
    ) -> CompiledSQL {
        var compiler = SQLCompiler(plan, parameters)
        let groups = shape.groupBy.map(plan.column)
        let columns = groups + shape.figures.map { compiler.figure($0) }
        var text = "SELECT \(columns.joined(separator: ", ")) FROM \(plan.table)" + compiler.condition(shape.filter)
        if !groups.isEmpty {
            text += " GROUP BY " + groups.joined(separator: ", ")
            text += " ORDER BY " + shape.groupBy.map { compiler.term($0, .ascending) }.joined(separator: ", ")
        }
        return CompiledSQL(text: text, sources: compiler.sources)
    }

    static func search(_ plan: TablePlan, _ shape: SearchStatement.Shape, _ parameters: [Parameter]) -> CompiledSQL {
        var compiler = SQLCompiler(plan, parameters)
        compiler.prefix = "e."
        // The index only finds records. Its `bm25` counts the words of all tenants, so the score is made of each
        // record's own texts. CROSS JOIN keeps the order, in which the index is asked first.
        let condition = compiler.condition(shape.filter)
        let words = compiler.place(.words)
        let score = plan.entity.searchFields.map { field in
            "\(field.weight) * tenancy_score(\(words), \(shape.lastWordIsPrefix ? 1 : 0), e.\(plan.column(field.column)))"
        }
        .joined(separator: " + ")
        let match = compiler.place(.match)
        let limit = compiler.place(.limit)
        let text = """
            SELECT \(plan.columns(plan.entity.fields.indices, prefix: "e.")), \(score) AS "rank:" FROM \(plan.searchTable) CROSS JOIN \(plan.table) AS e ON e.rowid_ = \(plan.searchTable).rowid\
            \(condition) AND \(plan.searchTable) MATCH \(match) ORDER BY "rank:" DESC, e.\(plan.key) LIMIT \(limit)
            """
        return CompiledSQL(text: text, sources: compiler.sources)
    }

    static func change(
        _ plan: TablePlan, _ filter: FilterShape, _ changes: [ChangeShape], _ parameters: [Parameter]
    ) -> CompiledSQL {
        var compiler = SQLCompiler(plan, parameters)
        let condition = compiler.condition(filter)
        var assignments = changes.enumerated().map { index, change in
            let column = plan.column(change.column)
            let place = compiler.place(.assignment(index))
            guard change.kind == .add else { return "\(column) = \(place)" }
            let field = plan.entity.fields[change.column]
            switch field.type {
            case .decimal:
                let (precision, scale) = (field.options.precision, field.options.scale)
                return "\(column) = tenancy_add_decimal(\(column), \(place), \(precision), \(scale))"
            default: return "\(column) = tenancy_add(\(column), \(place))"
            }
        }
        if let version = plan.entity.versionColumn.map(plan.column) {
            assignments.append("\(version) = \(version) + 1")
        }
        let text = "UPDATE \(plan.table) SET \(assignments.joined(separator: ", "))" + condition
        return CompiledSQL(text: text, sources: compiler.sources)
    }

    static func remove(_ plan: TablePlan, _ filter: FilterShape, _ parameters: [Parameter]) -> CompiledSQL {
        var compiler = SQLCompiler(plan, parameters)
        let text = "DELETE FROM \(plan.table)" + compiler.condition(filter)
        return CompiledSQL(text: text, sources: compiler.sources)
    }

    private mutating func place(_ source: CompiledSQL.Source) -> String {
        if let index = sources.firstIndex(of: source) { return "?\(index + 1)" }
        sources.append(source)
        return "?\(sources.count)"
    }

    private mutating func condition(_ filter: FilterShape) -> String {
        let tenant = " WHERE \(prefix)tenant_id = \(place(.tenant))"
        switch filter {
        case .always: return tenant
        case .never: return tenant + " AND 0"
        default: return tenant + " AND (\(render(filter)))"
        }
    }

    private func term(_ column: Int, _ direction: SortDirection) -> String {
        let name = prefix + plan.column(column)
        // Nulls are the least here, so that only an ascending order has to be told; told of a column that has none,
        // it would keep an index from being used.
        guard direction == .ascending else { return name + " DESC" }
        return plan.entity.fields[column].isNullable ? name + " ASC NULLS LAST" : name
    }

    private func figure(_ figure: AggregateStatement.Figure) -> String {
        figure.sql(name: plan.column) { column, name in
            plan.entity.fields[column].type == .decimal ? "tenancy_sum_decimal(\(name))" : "tenancy_sum(\(name))"
        }
    }

    private mutating func render(_ filter: FilterShape) -> String {
        switch filter {
        case .always: return "1"
        case .never: return "0"
        case .isNull(let column, let negated):
            return prefix + plan.column(column) + (negated ? " IS NOT NULL" : " IS NULL")
        case .compare(let column, let comparison, let parameter, let orNull):
            let name = prefix + plan.column(column)
            return orWithout("\(name) \(comparison.sqlOperator) \(place(.value(parameter)))", name, orNull)
        case .oneOf(let column, let parameter, let negated, let orNull):
            let name = prefix + plan.column(column)
            return orWithout("\(name) \(negated ? "NOT IN" : "IN") (\(members(parameter)))", name, orNull)
        case .text(let column, let match, let parameter, let ignoringCase, let negated, let orNull):
            let name = prefix + plan.column(column)
            let test = text(name, match, parameter, ignoringCase)
            return orWithout(negated ? "NOT (\(test))" : test, name, orNull)
        case .and(let parts): return join(parts, " AND ", "1")
        case .or(let parts): return join(parts, " OR ", "0")
        }
    }

    private func orWithout(_ test: String, _ name: String, _ orNull: Bool) -> String {
        orNull ? "(\(test) OR \(name) IS NULL)" : test
    }

    private mutating func members(_ parameter: Int) -> String {
        let places = lists[parameter] ?? 0
        if places == 0 { return "SELECT value FROM tenancy_list(\(place(.list(parameter))))" }
        return (0..<places).map { place(.element(parameter, $0)) }.joined(separator: ", ")
    }

    private mutating func text(
        _ name: String, _ match: Predicate.TextMatch, _ parameter: Int, _ ignoringCase: Bool
    ) -> String {
        if ignoringCase {
            let lowered = "tenancy_lower(\(name))"
            let place = place(.lowered(parameter))
            switch match {
            case .whole: return "\(lowered) = \(place)"
            case .prefix: return "instr(\(lowered), \(place)) = 1"
            case .contains: return "instr(\(lowered), \(place)) > 0"
            }
        }
        let place = place(.value(parameter))
        switch match {
        case .whole: return "\(name) = \(place)"
        case .prefix: return "(\(name) >= \(place) AND \(name) < \(self.place(.endOfPrefix(parameter))))"
        case .contains: return "instr(\(name), \(place)) > 0"
        }
    }

    /// Joins conditions so that SQLite's two bounds on their depth are not met.
    ///
    /// Its parser keeps everything that stands before an open parenthesis, so the deepest part comes first; and an
    /// expression `a AND b AND c …` is as deep as it is long, so the rest is joined by halves.
    private mutating func join(_ parts: [FilterShape], _ word: String, _ ofNone: String) -> String {
        guard let deepest = parts.indices.max(by: { parts[$0].depth < parts[$1].depth }) else { return ofNone }
        var rest = parts
        let first = render(rest.remove(at: deepest))
        return rest.isEmpty ? first : "(" + first + word + joinHalves(rest[...], word) + ")"
    }

    private mutating func joinHalves(_ parts: ArraySlice<FilterShape>, _ word: String) -> String {
        if parts.count == 1, let only = parts.first { return render(only) }
        let middle = parts.startIndex + parts.count / 2
        return "(" + joinHalves(parts[..<middle], word) + word + joinHalves(parts[middle...], word) + ")"
    }
}

extension FilterShape {
    fileprivate var depth: Int {
        switch self {
        case .and(let parts), .or(let parts): 1 + (parts.map(\.depth).max() ?? 0)
        default: 0
        }
    }
}
