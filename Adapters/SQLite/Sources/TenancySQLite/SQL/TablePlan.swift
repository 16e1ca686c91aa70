import TenancyCore

/// An entity's table: the names and the statement texts that don't depend on a call.
///
/// Names hold only `a…z`, `0…9` and `_`, which the entity's declaration was checked for; what Tenancy adds begins with
/// a character that no entity's name begins with.
struct TablePlan: Sendable {
    let entity: EntityDescription
    /// The plan's position among the adapter's.
    let index: Int
    /// The table's name, unquoted.
    let name: String

    init(_ entity: EntityDescription, index: Int) {
        self.entity = entity
        self.index = index
        // SQLite keeps names that begin so for itself.
        name = entity.name.hasPrefix("sqlite_") ? "_" + entity.name : entity.name
    }

    static func quote(_ name: String) -> String { "\"\(name)\"" }

    var table: String { Self.quote(name) }
    var searchName: String { "_search_" + name }
    var searchTable: String { Self.quote(searchName) }

    func column(_ position: Int) -> String { Self.quote(entity.fields[position].name) }
    var key: String { column(entity.keyColumn) }

    func columns(_ positions: some Sequence<Int>, prefix: String = "") -> String {
        positions.map { prefix + column($0) }.joined(separator: ", ")
    }

    /// The name of an index, which says all there is to say about it, so that it is dropped when that changes.
    func indexName(_ columns: [Int], isUnique: Bool) -> String {
        (isUnique ? "unique:" : "index:") + name + ":" + columns.map { entity.fields[$0].name }.joined(separator: ",")
    }

    /// Reads by key: the tenant, then the key.
    var read: CompiledSQL {
        CompiledSQL(
            text: "SELECT \(columns(entity.fields.indices)) FROM \(table) WHERE tenant_id = ?1 AND \(key) = ?2",
            sources: [])
    }

    /// Inserts: the tenant, then every column.
    var insert: CompiledSQL {
        let places = entity.fields.indices.map { "?\($0 + 2)" }.joined(separator: ", ")
        return CompiledSQL(
            text: "INSERT INTO \(table) (tenant_id, \(columns(entity.fields.indices))) VALUES (?1, \(places))",
            sources: [])
    }

    /// Inserts or replaces: as ``insert``; returns the stored version if there is one.
    var upsert: CompiledSQL {
        let assignments = entity.fields.indices.filter { $0 != entity.keyColumn }.map { position in
            position == entity.versionColumn
                ? "\(column(position)) = \(table).\(column(position)) + 1"
                : "\(column(position)) = excluded.\(column(position))"
        }
        let action = assignments.isEmpty ? "\(key) = \(key)" : assignments.joined(separator: ", ")
        let returning = entity.versionColumn.map { " RETURNING \(column($0))" } ?? ""
        return CompiledSQL(
            text: "\(insert.text) ON CONFLICT (tenant_id, \(key)) DO UPDATE SET \(action)\(returning)", sources: [])
    }

    /// Replaces by key: as ``insert``.
    var update: CompiledSQL {
        let assignments = entity.fields.indices.filter { $0 != entity.keyColumn }
            .map { "\(column($0)) = ?\($0 + 2)" }
        let action = assignments.isEmpty ? "\(key) = \(key)" : assignments.joined(separator: ", ")
        let version = entity.versionColumn.map { " AND \(column($0)) = ?\($0 + 2) - 1" } ?? ""
        return CompiledSQL(
            text: "UPDATE \(table) SET \(action) WHERE tenant_id = ?1 AND \(key) = ?\(entity.keyColumn + 2)\(version)",
            sources: [])
    }

    /// Removes by key: the tenant, then the key, then with `version` the version.
    func delete(version: Bool) -> CompiledSQL {
        var text = "DELETE FROM \(table) WHERE tenant_id = ?1 AND \(key) = ?2"
        if version, let column = entity.versionColumn { text += " AND \(self.column(column)) = ?3" }
        return CompiledSQL(text: text, sources: [])
    }

    /// Whether a key is there: the tenant, then the key.
    var exists: CompiledSQL {
        CompiledSQL(text: "SELECT 1 FROM \(table) WHERE tenant_id = ?1 AND \(key) = ?2", sources: [])
    }
}
