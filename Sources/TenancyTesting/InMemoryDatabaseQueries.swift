import Foundation
import TenancyCore

extension InMemoryDatabaseState {
    /// The rows of some tenants that a filter finds.
    func rows(
        _ entity: EntityDescription, _ filter: FilterShape, _ parameters: [Parameter], _ scope: [TenantID],
        _ defects: InMemoryDatabase.Defect
    ) -> [Row] {
        scope.flatMap { tenant in
            table(tenant, entity).rows.values.filter { filter.matches($0, parameters, defects) }
        }
    }

    func read(_ entity: EntityDescription, keys: [Value], _ scope: [TenantID]) -> RowBuffer {
        let tables = scope.map { table($0, entity) }
        let found = Set(keys).flatMap { key in tables.compactMap { $0.rows[key] } }
        return found.buffer(of: entity.fields.indices)
    }

    /// Whole rows, in order; the caller takes the statement's columns from them.
    func select(_ statement: SelectStatement, _ scope: [TenantID], _ defects: InMemoryDatabase.Defect) -> [Row] {
        let shape = statement.shape
        let filter = defects.contains(.ignoresKeyset) ? shape.filterWithoutKeyset : shape.filter
        var found = rows(shape.entity, filter, statement.parameters, scope, defects)
        if !shape.order.isEmpty { found.sort { shape.order.areInOrder($0, $1, defects) } }
        guard shape.isLimited, let limit = statement.limit else { return found }
        return Array(found.prefix(defects.contains(.returnsOneTooMany) ? limit + 1 : limit))
    }

    func aggregate(
        _ statement: AggregateStatement, _ scope: [TenantID], _ defects: InMemoryDatabase.Defect
    ) throws(TenancyError) -> RowBuffer {
        let shape = statement.shape
        let found = rows(shape.entity, shape.filter, statement.parameters, scope, defects)
        var groups = Dictionary(grouping: found) { row in shape.groupBy.map { row[$0] } }
        if shape.groupBy.isEmpty && groups.isEmpty { groups[[]] = [] }
        var results: [Row] = []
        let inOrder = groups.keys.sorted { left, right in
            zip(left, right).lazy.compactMap { $0.precedes($1, .ascending, defects) }.first ?? false
        }
        for group in inOrder {
            var result = group
            for figure in shape.figures { result.append(try figure.value(over: groups[group] ?? [], shape.entity)) }
            results.append(result)
        }
        return results.buffer(of: 0..<(shape.groupBy.count + shape.figures.count))
    }

    func search(
        _ statement: SearchStatement, _ scope: [TenantID], _ defects: InMemoryDatabase.Defect
    ) -> RowBuffer {
        let shape = statement.shape
        let key = shape.entity.keyColumn
        let scored = rows(shape.entity, shape.filter, statement.parameters, scope, defects).compactMap { row in
            statement.score(of: row).map { (row: row, score: $0) }
        }
        let best = scored.sorted {
            $0.score == $1.score ? $0.row[key].precedes($1.row[key]) ?? false : $0.score > $1.score
        }
        .prefix(defects.contains(.returnsOneTooMany) ? statement.limit + 1 : statement.limit)
        return best.map { $0.row + [Value.double($0.score)] }.buffer(of: 0...shape.entity.fields.count)
    }
}

extension SelectStatement.Shape {
    /// The filter without what compares a column that a limited select is sorted by, as the keyset of a page does.
    fileprivate var filterWithoutKeyset: FilterShape {
        guard isLimited else { return filter }
        let columns = Set(order.map(\.column))
        guard case .and(let parts) = filter else { return filter.compares(columns) ? .always : filter }
        return .and(parts.filter { !$0.compares(columns) })
    }
}

extension FilterShape {
    fileprivate func compares(_ columns: Set<Int>) -> Bool {
        switch self {
        case .compare(let column, _, _, _): columns.contains(column)
        case .and(let parts), .or(let parts): parts.contains { $0.compares(columns) }
        default: false
        }
    }
}

extension SearchStatement {
    /// How well a row matches; `nil` if it does not.
    fileprivate func score(of row: InMemoryDatabaseState.Row) -> Double? {
        var score = 0.0
        var found: Set<Int> = []
        for field in shape.entity.searchFields {
            guard case .string(let text) = row[field.column] else { continue }
            let counts = SearchScore.counts(of: terms.words, lastIsPrefix: shape.lastWordIsPrefix, in: text)
            found.formUnion(counts.indices.filter { counts[$0] > 0 })
            score += field.weight * SearchScore.ofField(counts)
        }
        guard shape.requiresAllWords ? found.count == terms.words.count : !found.isEmpty else { return nil }
        return score
    }
}

extension AggregateStatement.Figure {
    fileprivate func value(
        over rows: [InMemoryDatabaseState.Row], _ entity: EntityDescription
    ) throws(TenancyError) -> Value {
        guard let column else { return .int64(Int64(rows.count)) }
        let values = rows.map { $0[column] }.filter { !$0.isNull }
        switch kind {
        case .count: return .int64(Int64(values.count))
        case .minimum: return values.min { Value.order($0, $1) == .orderedAscending } ?? .null
        case .maximum: return values.max { Value.order($0, $1) == .orderedAscending } ?? .null
        case .sum:
            guard !values.isEmpty else { return .null }
            if let sum = Self.sum(values) { return sum }
            throw TenancyError(
                .invalidValue, "A sum leaves the range of its type.",
                hint: "Narrow the filter, or group.",
                details: .init(entity: entity.name, field: entity.fields[column].name))
        }
    }

    private static func sum(_ values: [Value]) -> Value? {
        switch values.first {
        case .int64:
            let sum = values.reduce(Int128(0)) { sum, value in
                if case .int64(let value) = value { sum + Int128(value) } else { sum }
            }
            return Int64(exactly: sum).map(Value.int64)
        case .double:
            // In order of size, so that the same values always give the same sum.
            let doubles: [Double] = values.compactMap { if case .double(let value) = $0 { value } else { nil } }
            let sum = doubles.sorted().reduce(0) { $0 + $1 }
            return sum.isFinite ? .double(sum) : nil
        case .decimal:
            let sum = values.reduce(Decimal(0)) { sum, value in
                if case .decimal(let value) = value { sum + value } else { sum }
            }
            return sum.isNaN ? nil : .decimal(sum)
        default: return nil
        }
    }
}
