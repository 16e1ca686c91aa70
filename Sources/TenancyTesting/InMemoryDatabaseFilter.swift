import Foundation
import TenancyCore

extension FilterShape {
    /// Whether the condition holds for a row.
    func matches(
        _ row: InMemoryDatabaseState.Row, _ parameters: [Parameter], _ defects: InMemoryDatabase.Defect
    ) -> Bool {
        switch self {
        case .always: return true
        case .never: return false
        case .isNull(let column, let negated): return row[column].isNull != negated
        case .and(let parts): return parts.allSatisfy { $0.matches(row, parameters, defects) }
        case .or(let parts): return parts.contains { $0.matches(row, parameters, defects) }
        case .compare(let column, let comparison, let parameter, let orNull):
            if row[column].isNull { return orNull && !defects.contains(.takesNullForUnknown) }
            guard case .value(let value) = parameters[parameter] else { return false }
            return comparison.holds(row[column], value)
        case .oneOf(let column, let parameter, let negated, let orNull):
            if row[column].isNull { return orNull && !defects.contains(.takesNullForUnknown) }
            guard case .list(let values) = parameters[parameter] else { return false }
            return values.contains(row[column]) != negated
        case .text(let column, let match, let parameter, let ignoringCase, let negated, let orNull):
            if row[column].isNull { return orNull && !defects.contains(.takesNullForUnknown) }
            guard case .string(let text) = row[column], case .value(.string(let sought)) = parameters[parameter] else {
                return false
            }
            let ignores = (ignoringCase || defects.contains(.alwaysIgnoresCase)) && !defects.contains(.neverIgnoresCase)
            if defects.contains(.takesTextForPatterns), sought.contains("%") {
                let parts = sought.split(separator: "%").map(String.init)
                return parts.allSatisfy { match.holds(text, $0, ignoringCase: ignores) } != negated
            }
            return match.holds(text, sought, ignoringCase: ignores) != negated
        }
    }
}

extension TenancyCore.Predicate.Comparison {
    /// Whether the comparison holds between two values that are there.
    fileprivate func holds(_ left: Value, _ right: Value) -> Bool {
        guard let order = Value.order(left, right) else { return self == .notEqual ? left != right : false }
        return switch self {
        case .equal: order == .orderedSame
        case .notEqual: order != .orderedSame
        case .less: order == .orderedAscending
        case .lessOrEqual: order != .orderedDescending
        case .greater: order == .orderedDescending
        case .greaterOrEqual: order != .orderedAscending
        }
    }
}

extension TenancyCore.Predicate.TextMatch {
    /// Compares bytes: in UTF-8 one text stands in another exactly where its bytes do.
    fileprivate func holds(_ text: String, _ sought: String, ignoringCase: Bool) -> Bool {
        let text = Array((ignoringCase ? text.lowercased() : text).utf8)
        let sought = Array((ignoringCase ? sought.lowercased() : sought).utf8)
        switch self {
        case .whole: return text == sought
        case .prefix: return text.starts(with: sought)
        case .contains:
            guard sought.count <= text.count else { return false }
            return (0...(text.count - sought.count)).contains { text[$0...].starts(with: sought) }
        }
    }
}

extension Value {
    /// Whether a record with this value comes before (`true`) or after (`false`) one with another; `nil` if that is
    /// left to the next column.
    func precedes(
        _ other: Value, _ direction: SortDirection = .ascending, _ defects: InMemoryDatabase.Defect = []
    ) -> Bool? {
        if isNull || other.isNull {
            if isNull && other.isNull { return nil }
            return other.isNull != defects.contains(.sortsNullsFirst)
        }
        if case .string(let left) = self, case .string(let right) = other, defects.contains(.sortsByUTF16) {
            if left.utf16.elementsEqual(right.utf16) { return nil }
            return left.utf16.lexicographicallyPrecedes(right.utf16) == (direction == .ascending)
        }
        switch Value.order(self, other) {
        case .orderedAscending: return direction == .ascending
        case .orderedDescending: return direction == .descending
        case .orderedSame, nil: return nil
        }
    }
}

extension [SelectStatement.OrderTerm] {
    /// Whether a row comes before another.
    func areInOrder(
        _ left: InMemoryDatabaseState.Row, _ right: InMemoryDatabaseState.Row, _ defects: InMemoryDatabase.Defect
    ) -> Bool {
        for term in self {
            if let decision = left[term.column].precedes(right[term.column], term.direction, defects) {
                return decision
            }
        }
        return false
    }
}
