// What every SQL database spells alike, for the adapters that speak SQL.

extension Predicate.Comparison {
    /// The comparison's operator in SQL.
    package var sqlOperator: String {
        switch self {
        case .equal: "="
        case .notEqual: "<>"
        case .less: "<"
        case .lessOrEqual: "<="
        case .greater: ">"
        case .greaterOrEqual: ">="
        }
    }
}

extension AggregateStatement.Figure {
    /// The figure in SQL.
    ///
    /// - Parameters:
    ///   - name: The column by its position.
    ///   - sum: The sum of a column, which databases do not have alike: its position and its name.
    package func sql(name: (Int) -> String, sum: (Int, String) -> String) -> String {
        guard let column else { return "count(*)" }
        let name = name(column)
        return switch kind {
        case .count: "count(\(name))"
        case .minimum: "min(\(name))"
        case .maximum: "max(\(name))"
        case .sum: sum(column, name)
        }
    }
}
