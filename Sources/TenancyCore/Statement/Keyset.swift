/// The condition that a record comes after another in a total order: what makes a page begin where the last one ended,
/// whatever was inserted or removed meanwhile.
package enum Keyset {
    /// Records after the one whose sort values are `last`, in `order`, nulls last in both directions.
    ///
    /// For terms a, b, c it is `a > x OR (a = x AND (b > y OR (b = y AND c > z)))`, with `a >= x` before it, which a
    /// database can seek by.
    package static func after(
        _ last: [Value], order: [SelectStatement.OrderTerm], in entity: EntityDescription
    ) -> Predicate {
        var predicate = Predicate.never
        for (term, value) in zip(order, last).reversed() {
            let field = entity.fields[term.column].name
            let same = Predicate.compare(field: field, .equal, value)
            predicate = .or([
                beyond(value, field, term.direction, entity.fields[term.column].isNullable),
                .and([same, predicate]),
            ])
        }
        guard let first = order.first, let value = last.first, !entity.fields[first.column].isNullable else {
            return predicate
        }
        let bound: Predicate.Comparison = first.direction == .ascending ? .greaterOrEqual : .lessOrEqual
        return .and([.compare(field: entity.fields[first.column].name, bound, value), predicate])
    }

    private static func beyond(
        _ value: Value, _ field: String, _ direction: SortDirection, _ isNullable: Bool
    ) -> Predicate {
        if value.isNull { return .never }
        let further = Predicate.compare(field: field, direction == .ascending ? .greater : .less, value)
        return isNullable ? .or([further, .isNull(field: field)]) : further
    }
}
