import TenancyCore

/// Every tenant's records at one moment. A value, so that a snapshot is a copy, which costs nothing until one of the
/// two changes.
struct InMemoryDatabaseState: Sendable {
    /// A record's values in the order of its entity's fields.
    typealias Row = [Value]

    /// One tenant's records of one entity.
    struct Table: Sendable {
        private(set) var rows: [Value: Row] = [:]
        /// For each unique index, in the entity's order, the key of the record that has those values.
        private var owners: [[Row: Value]] = []

        /// Puts a row in the place of the one with that key, or takes that away.
        ///
        /// - Returns: The row that was there.
        @discardableResult
        mutating func replace(_ key: Value, by row: Row?, of entity: EntityDescription) -> Row? {
            let unique = entity.uniqueIndexes
            if owners.isEmpty { owners = Array(repeating: [:], count: unique.count) }
            let old = rows.removeValue(forKey: key)
            for (position, index) in unique.enumerated() {
                if let values = old.flatMap({ index.values(in: $0) }), owners[position][values] == key {
                    owners[position][values] = nil
                }
                if let values = row.flatMap({ index.values(in: $0) }) { owners[position][values] = key }
            }
            if let row { rows[key] = row }
            return old
        }

        /// The unique index in which another record has a row's values.
        func conflict(_ key: Value, _ row: Row, of entity: EntityDescription) -> EntityDescription.Index? {
            for (position, index) in entity.uniqueIndexes.enumerated() where position < owners.count {
                if let values = index.values(in: row), let owner = owners[position][values], owner != key {
                    return index
                }
            }
            return nil
        }
    }

    /// The names of the entities that may be used.
    var entities: Set<String> = []
    /// The tables of each tenant, by the entities' names.
    var tables: [TenantID: [String: Table]] = [:]

    /// The tenants whose records a statement may find: one, unless the database is broken on purpose.
    func scope(_ tenant: TenantID, everyone: Bool) -> [TenantID] {
        everyone ? [tenant] + tables.keys.filter { $0 != tenant }.sorted() : [tenant]
    }

    func requireRegistered(_ entity: EntityDescription) throws(TenancyError) {
        guard entities.contains(entity.name) else {
            throw TenancyError(
                .entityNotRegistered, "The database was not started with the entity.",
                details: .init(entity: entity.name))
        }
    }

    func table(_ tenant: TenantID, _ entity: EntityDescription) -> Table {
        tables[tenant]?[entity.name] ?? Table()
    }
}

extension EntityDescription {
    var uniqueIndexes: [Index] { indexes.filter(\.isUnique) }
}

extension EntityDescription.Index {
    /// The values of the index's columns; `nil` if one has none, because such a record equals no other.
    func values(in row: InMemoryDatabaseState.Row) -> [Value]? {
        let values = columns.map { row[$0] }
        return values.contains(where: \.isNull) ? nil : values
    }
}

extension [InMemoryDatabaseState.Row] {
    /// Some columns of the rows, for a caller.
    func buffer(of columns: some Collection<Int>) -> RowBuffer {
        var builder = RowBuffer.Builder(columnCount: columns.count, rowCapacity: count)
        for row in self {
            for column in columns { builder.append(row[column]) }
        }
        return builder.build()
    }
}
