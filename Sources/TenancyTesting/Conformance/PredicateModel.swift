import Foundation
import TenancyCore

/// What ``TenancyCore/Predicate`` says of a record, in the plainest words: what databases are compared with.
enum PredicateModel {
    static func holds(
        _ predicate: TenancyCore.Predicate, _ values: [Value], _ entity: EntityDescription
    ) -> Bool {
        func value(_ field: String) -> Value { entity.column(named: field).map { values[$0] } ?? .null }
        switch predicate {
        case .always: return true
        case .never: return false
        case .isNull(let field): return value(field).isNull
        case .not(let inner): return !holds(inner, values, entity)
        case .and(let parts): return parts.allSatisfy { holds($0, values, entity) }
        case .or(let parts): return parts.contains { holds($0, values, entity) }
        case .oneOf(let field, let list): return list.contains(value(field))
        case .text(let field, let match, let sought, let ignoringCase):
            guard case .string(let text) = value(field) else { return false }
            return holds(match, fold(text, ignoringCase), fold(sought, ignoringCase))
        case .compare(let field, let comparison, let other):
            let value = value(field)
            switch comparison {
            case .equal: return value == other
            case .notEqual: return value != other
            case .less: return Value.order(value, other) == .orderedAscending
            case .greater: return Value.order(value, other) == .orderedDescending
            case .lessOrEqual: return [.orderedAscending, .orderedSame].contains(Value.order(value, other))
            case .greaterOrEqual: return [.orderedDescending, .orderedSame].contains(Value.order(value, other))
            }
        }
    }

    /// The records that a query returns, in its order; by key if it has none.
    static func select<E: Entity>(_ all: [E], _ query: Query) -> [E] {
        let entity = E.schema.description
        let sort = query.sort + [Query.Sort(entity.key.name)]
        let found = all.map { (element: $0, values: $0.storedValues) }
            .filter { holds(query.filter, $0.values, entity) }
            .sorted { left, right in
                for term in sort {
                    guard let column = entity.column(named: term.field) else { continue }
                    let (left, right) = (left.values[column], right.values[column])
                    if left == right { continue }
                    if left.isNull || right.isNull { return right.isNull }
                    let order = Value.order(left, right)
                    return order == (term.direction == .ascending ? .orderedAscending : .orderedDescending)
                }
                return false
            }
            .map(\.element)
        return query.limit.map { Array(found.prefix($0)) } ?? found
    }

    private static func fold(_ text: String, _ ignoringCase: Bool) -> [UInt8] {
        Array((ignoringCase ? text.lowercased() : text).utf8)
    }

    private static func holds(
        _ match: TenancyCore.Predicate.TextMatch, _ text: [UInt8], _ sought: [UInt8]
    ) -> Bool {
        switch match {
        case .whole: text == sought
        case .prefix: text.starts(with: sought)
        case .contains:
            sought.count <= text.count
                && (0...(text.count - sought.count)).contains { text[$0...].starts(with: sought) }
        }
    }
}
