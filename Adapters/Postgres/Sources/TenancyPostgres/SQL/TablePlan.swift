import TenancyCore

/// An entity's table: its names, and the statements that depend on nothing but the entity, compiled once.
final class TablePlan: Sendable {
    let entity: EntityDescription
    /// The table's schema, unquoted.
    let schema: String
    /// The table with its schema before it, so that no other table, temporary ones included, can take its place.
    let table: String

    /// Reads by one key: the tenant, the key.
    let readOne: CompiledStatement
    /// Reads by several keys: the tenant, an array of keys.
    let readMany: CompiledStatement
    /// Removes all of a tenant's records: the tenant.
    let removeSome: CompiledStatement
    /// How many rows a step of a removal takes, so that none runs into the bound of a statement.
    static let removedRows = 5_000
    /// The statements that write rows.
    let writes: RowWriteStatements

    init(_ entity: EntityDescription, schema: String) {
        self.entity = entity
        self.schema = schema
        let table = Identifier.quote(schema, entity.name)
        self.table = table
        let names = ColumnNames(entity)
        let select = "SELECT \(names.list(entity.fields.indices)) FROM \(table) WHERE tenant_id = $1 AND \(names.key)"
        readOne = CompiledStatement(select + " = $2", types: [.text, PostgresType(entity.key.type)])
        readMany = CompiledStatement(select + " = ANY ($2)", types: [.text, PostgresType(arrayOf: entity.key.type)])
        removeSome = CompiledStatement(
            """
            DELETE FROM \(table) WHERE tenant_id = $1 AND ctid = ANY (ARRAY(\
            SELECT ctid FROM \(table) WHERE tenant_id = $1 LIMIT \(Self.removedRows)))
            """, types: [.text])
        writes = RowWriteStatements(names, table: table)
    }

    var names: ColumnNames { ColumnNames(entity) }
}

/// The names of an entity's columns, quoted.
struct ColumnNames: Sendable {
    let entity: EntityDescription

    init(_ entity: EntityDescription) { self.entity = entity }

    subscript(column: Int) -> String { Identifier.quote(entity.fields[column].name) }

    var key: String { self[entity.keyColumn] }
    var version: String? { entity.versionColumn.map { self[$0] } }

    func list(_ columns: some Sequence<Int>, prefix: String = "") -> String {
        columns.map { prefix + self[$0] }.joined(separator: ", ")
    }

    /// The columns that full-text search looks into, each once.
    var searchColumns: [Int] {
        var columns: [Int] = []
        for field in entity.searchFields where !columns.contains(field.column) { columns.append(field.column) }
        return columns
    }

    /// The name, unquoted, of the column that holds the words of a search field. No entity's field begins with `_`.
    func wordsName(_ column: Int) -> String { "_words_" + entity.fields[column].name }

    func words(_ column: Int) -> String { Identifier.quote(wordsName(column)) }

    /// The name, unquoted, of the column with the words of all search fields; `nil` if nothing is searched.
    ///
    /// With one search field it is that field's. With several the server joins them, under a name that says which they
    /// are, so that another set of fields gets another column.
    var searchName: String? {
        let columns = searchColumns
        guard let first = columns.first else { return nil }
        if columns.count == 1 { return wordsName(first) }
        return "_search_" + Digest.of(columns.map { entity.fields[$0].name }).prefix(12)
    }

    /// The expression of that column, where the server computes it.
    var searchExpression: String? {
        guard searchColumns.count > 1 else { return nil }
        return searchColumns.map { "coalesce(\(words($0)), ''::tsvector)" }.joined(separator: " || ")
    }
}

/// A short digest that is the same in every process. It tells forms apart; it proves nothing.
enum Digest {
    /// FNV-1a, 64 bits, as 16 hexadecimal digits.
    static func of(_ parts: [String]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in parts {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            hash = (hash ^ 0xff) &* 0x0000_0100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
