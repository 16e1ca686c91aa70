import TenancyCore

/// How much a selection makes the server look at, as far as its shape tells.
enum SelectReach {
    /// Whether some index leads to the rows without looking at many others, so that with few rows wanted the statement is
    /// short: the entity's key or one of its indexes has all columns of the condition and of the order, the first of them
    /// are asked for by value, and the order goes on from there.
    ///
    /// It may be wrong, such as where most records have the same value. What takes long all the same is noticed then
    /// (``Pipeline/patience``).
    static func isNarrow(_ shape: SelectStatement.Shape) -> Bool {
        guard let conjuncts = conjuncts(shape.filter) else { return shape.filter == .never }
        // An index is read in one direction; the key, which comes last, is a matter of a few equal ones.
        let directions = shape.order.lazy.filter { $0.column != shape.entity.keyColumn }.map(\.direction)
        guard Set(directions).count <= 1 else { return false }
        // Nor does one lead to what is absent last from the greatest on.
        let fields = shape.entity.fields
        if shape.order.contains(where: { $0.direction == .descending && fields[$0.column].isNullable }) { return false }
        let indexes = shape.entity.indexes.map(\.columns) + [[]]
        return indexes.contains { columns in
            serves(columns + [shape.entity.keyColumn], conjuncts, shape.order.map(\.column))
        }
    }

    private enum Conjunct {
        case value(Int)
        case range(Int)
        /// Where a page goes on: alternatives over the order's columns.
        case position(Set<Int>)
    }

    private static func serves(_ columns: [Int], _ conjuncts: [Conjunct], _ order: [Int]) -> Bool {
        var values: Set<Int> = []
        for conjunct in conjuncts { if case .value(let column) = conjunct { values.insert(column) } }
        let led = columns.prefix { values.contains($0) }
        let rest = columns.dropFirst(led.count)
        let order = order.filter { !values.contains($0) }
        guard values.count == led.count, rest.starts(with: order) else { return false }
        return conjuncts.allSatisfy { conjunct in
            switch conjunct {
            case .value: true
            case .range(let column): column == rest.first
            case .position(let columns): columns.isSubset(of: order)
            }
        }
    }

    /// The parts that all have to hold; `nil` if there is one that no index helps with.
    private static func conjuncts(_ filter: FilterShape) -> [Conjunct]? {
        switch filter {
        case .always: return []
        case .and(let parts):
            var all: [Conjunct] = []
            for part in parts {
                guard let own = conjuncts(part) else { return nil }
                all += own
            }
            return all
        case .compare(let column, let comparison, _, orNull: false) where comparison != .notEqual:
            return [comparison == .equal ? .value(column) : .range(column)]
        case .oneOf(let column, _, negated: false, orNull: false): return [.value(column)]
        case .text(let column, .prefix, _, ignoringCase: false, negated: false, orNull: false): return [.range(column)]
        case .or(let parts):
            var columns: Set<Int> = []
            for part in parts {
                guard let own = conjuncts(part) else { return nil }
                for conjunct in own {
                    switch conjunct {
                    case .value(let column), .range(let column): columns.insert(column)
                    case .position(let others): columns.formUnion(others)
                    }
                }
            }
            return [.position(columns)]
        default: return nil
        }
    }
}
