internal import GRDB
import TenancyCore

/// A table as it is in the file.
struct StoredTable {
    struct Column {
        var name: String
        var type: String
        var isNotNull: Bool
        var defaultText: String?
    }

    var columns: [Column]

    /// The table of that name, or `nil`.
    init?(_ name: String, in database: Database) throws {
        let rows = try Row.fetchAll(database, sql: "SELECT * FROM pragma_table_info(?)", arguments: [name])
        if rows.isEmpty { return nil }
        columns = rows.map { row in
            Column(
                name: row["name"], type: row["type"], isNotNull: row["notnull"] as Int64 != 0,
                defaultText: row["dflt_value"])
        }
    }

    func column(_ name: String) -> Column? { columns.first { $0.name == name } }

    /// The names of the table's objects of a type, and their SQL.
    static func objects(_ type: String, of table: String, in database: Database) throws -> [String: String] {
        let rows = try Row.fetchAll(
            database, sql: "SELECT name, sql FROM sqlite_schema WHERE type = ? AND tbl_name = ? AND sql IS NOT NULL",
            arguments: [type, table])
        return Dictionary(rows.map { ($0["name"], $0["sql"]) }, uniquingKeysWith: { first, _ in first })
    }
}
