import Foundation
import TenancyCore

/// The SQL that makes an entity's table, its indexes and its search index.
struct TableText {
    let plan: TablePlan

    private var entity: EntityDescription { plan.entity }

    /// The column's type in a strict table.
    static func type(of field: FieldDescription) -> String {
        switch field.type {
        case .bool, .int64, .timestamp: "INTEGER"
        case .double: "REAL"
        case .decimal, .string, .json: "TEXT"
        case .uuid, .bytes: "BLOB"
        }
    }

    /// A column's definition, as in `CREATE TABLE` and `ADD COLUMN`.
    static func column(_ field: FieldDescription) -> String {
        var text = "\(TablePlan.quote(field.name)) \(type(of: field))"
        if field.type == .decimal { text += " COLLATE \(SQLFunctions.decimalCollation)" }
        if !field.isNullable { text += " NOT NULL" }
        if let value = field.options.defaultValue { text += " DEFAULT \(literal(value, field))" }
        return text
    }

    /// The table, under a name of the caller's choice.
    ///
    /// - Parameter leftovers: Definitions of columns that the entity no longer declares.
    func table(named name: String, leftovers: [String] = []) -> String {
        let columns = entity.fields.map(Self.column) + leftovers
        // `rowid_` is declared, because an undeclared row id may change, and the search index refers to it.
        return """
            CREATE TABLE \(TablePlan.quote(name)) (rowid_ INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, \
            \(columns.joined(separator: ", ")), UNIQUE (tenant_id, \(plan.key))) STRICT
            """
    }

    /// The indexes by their names.
    var indexes: [String: String] {
        var texts: [String: String] = [:]
        for index in entity.indexes {
            let name = plan.indexName(index.columns, isUnique: index.isUnique)
            texts[name] = """
                CREATE \(index.isUnique ? "UNIQUE " : "")INDEX \(TablePlan.quote(name)) \
                ON \(plan.table) (tenant_id, \(plan.columns(index.columns)))
                """
        }
        return texts
    }

    /// The search index: it keeps words only, and takes its row ids from the table.
    var search: String? {
        if entity.searchFields.isEmpty { return nil }
        return """
            CREATE VIRTUAL TABLE \(plan.searchTable) USING fts5(tenant_id, \
            \(plan.columns(searchColumns)), content='', tokenize='unicode61 remove_diacritics 2')
            """
    }

    /// The triggers that keep the search index, by their names.
    var triggers: [String: String] {
        if entity.searchFields.isEmpty { return [:] }
        let fields = plan.columns(searchColumns)
        let add = "INSERT INTO \(plan.searchTable) (rowid, tenant_id, \(fields)) VALUES (\(words("new")));"
        let remove = """
            INSERT INTO \(plan.searchTable) (\(plan.searchTable), rowid, tenant_id, \(fields)) \
            VALUES ('delete', \(words("old")));
            """
        func trigger(_ event: String, _ when: String, _ body: String) -> (String, String) {
            let name = "search:\(plan.name):\(event)"
            return (name, "CREATE TRIGGER \(TablePlan.quote(name)) \(when) ON \(plan.table) BEGIN \(body) END")
        }
        return Dictionary(
            [
                trigger("insert", "AFTER INSERT", add),
                trigger("delete", "AFTER DELETE", remove),
                trigger("update", "AFTER UPDATE OF \(fields)", remove + " " + add),
            ], uniquingKeysWith: { first, _ in first })
    }

    /// Fills the search index from the table.
    var fillSearch: String {
        """
        INSERT INTO \(plan.searchTable) (rowid, tenant_id, \(plan.columns(searchColumns))) \
        SELECT \(words(plan.table)) FROM \(plan.table)
        """
    }

    private var searchColumns: [Int] { entity.searchFields.map(\.column) }

    /// A row of the search index: its words are cut and folded by Tenancy's own rules, by which what is looked for is
    /// cut and folded too; SQLite's differ from them in `ß`, in Greek accents and elsewhere.
    private func words(_ row: String) -> String {
        let fields = searchColumns.map { "tenancy_words(\(row).\(plan.column($0)))" }
        return "\(row).rowid_, \(row).tenant_id, " + fields.joined(separator: ", ")
    }

    /// A value as a literal, for the default of a column, which can't be bound.
    static func literal(_ value: Value, _ field: FieldDescription) -> String {
        switch value {
        case .null: "NULL"
        case .bool(let value): value ? "1" : "0"
        case .int64(let value): String(value)
        case .double(let value): value.isFinite ? String(value) : "0.0"
        case .decimal(let value): quoted(value.canonicalText)
        case .string(let value): quoted(value)
        case .json(let value): quoted(value.text)
        case .timestamp(let value):
            String(value.truncated(to: field.options.timestampPrecision).microsecondsSince1970)
        case .uuid(let value): withUnsafeBytes(of: value.uuid) { hexadecimal($0) }
        case .bytes(let value): hexadecimal(value)
        }
    }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef")
        return "x'" + bytes.map { String([digits[Int($0 >> 4)], digits[Int($0 & 15)]]) }.joined() + "'"
    }
}
