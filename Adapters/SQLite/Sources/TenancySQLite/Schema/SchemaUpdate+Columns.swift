internal import GRDB
import TenancyCore

extension SchemaUpdate {
    /// What a column is declared as, beyond what SQLite's type tells.
    static func declaration(_ field: FieldDescription) -> String {
        switch field.type {
        case .decimal: "decimal(\(field.options.precision),\(field.options.scale))"
        case .timestamp: field.options.timestampPrecision == .microseconds ? "timestamp(6)" : "timestamp(3)"
        default: field.type.rawValue
        }
    }

    /// Refuses what can't become what the entity declares, before anything is changed.
    func compare(_ stored: StoredTable, _ plan: TablePlan) throws {
        let declarations = try declarations(of: plan)
        let sql = try StoredTable.objects("table", of: plan.name, in: database)[plan.name] ?? ""
        for field in plan.entity.fields {
            guard let column = stored.column(field.name) else {
                let isNeeded = !field.isNullable && field.options.defaultValue == nil
                if try isNeeded && hasRows(plan) {
                    throw conflict("The new field must have a value, and there are records without.", plan, field)
                }
                continue
            }
            let collates = sql.contains("\(TablePlan.quote(field.name)) TEXT COLLATE \(SQLFunctions.decimalCollation)")
            guard column.type == TableText.type(of: field), collates == (field.type == .decimal),
                Self.canBecome(declarations[field.name], field)
            else { throw conflict("The field's type was changed.", plan, field) }
            guard column.isNotNull || field.isNullable else {
                throw conflict("The field could be without a value, and now must have one.", plan, field)
            }
        }
        if try !isUnique(["tenant_id", plan.entity.key.name], plan) {
            throw conflict("Another field was the key, or the table is not Tenancy's.", plan, plan.entity.key)
        }
    }

    /// Whether every value of a stored declaration is one of the field's. Of a column without one nobody knows what its
    /// values mean.
    private static func canBecome(_ stored: String?, _ field: FieldDescription) -> Bool {
        guard let stored else { return false }
        if stored == declaration(field) { return true }
        switch field.type {
        case .timestamp: return stored == "timestamp(3)"
        case .decimal:
            let numbers = stored.split { !$0.isNumber }.compactMap { Int($0) }
            guard stored.hasPrefix("decimal("), numbers.count == 2 else { return false }
            let (precision, scale) = (field.options.precision, field.options.scale)
            return scale >= numbers[1] && precision - scale >= numbers[0] - numbers[1]
        default: return false
        }
    }

    /// Keeps what the table's columns were declared as, also of those that the entity no longer declares: their values
    /// are still there, and a later declaration is held against what they mean.
    func rememberDeclarations(_ plan: TablePlan) throws {
        try database.execute(
            sql: """
                DELETE FROM \(Self.fieldTable)
                WHERE entity = ?1 AND field NOT IN (SELECT name FROM pragma_table_info(?1))
                """, arguments: [plan.entity.name])
        for field in plan.entity.fields {
            try database.execute(
                sql: "INSERT OR REPLACE INTO \(Self.fieldTable) (entity, field, type) VALUES (?, ?, ?)",
                arguments: [plan.entity.name, field.name, Self.declaration(field)])
        }
    }

    private func declarations(of plan: TablePlan) throws -> [String: String] {
        let rows = try Row.fetchAll(
            database, sql: "SELECT field, type FROM \(Self.fieldTable) WHERE entity = ?", arguments: [plan.entity.name])
        return Dictionary(rows.map { ($0["field"], $0["type"]) }, uniquingKeysWith: { first, _ in first })
    }

    func addColumns(_ stored: StoredTable, _ plan: TablePlan) throws {
        for field in plan.entity.fields where stored.column(field.name) == nil {
            try database.execute(sql: "ALTER TABLE \(plan.table) ADD COLUMN \(TableText.column(field))")
        }
    }

    /// Rebuilds a table with a column that must have a value, and whose field is optional now or no longer declared.
    func loosen(_ stored: StoredTable, _ plan: TablePlan, _ text: TableText) throws {
        let leftovers = stored.columns.filter { column in
            column.name != "rowid_" && column.name != "tenant_id" && plan.entity.column(named: column.name) == nil
        }
        let isOptionalNow = plan.entity.fields.contains { $0.isNullable && stored.column($0.name)?.isNotNull == true }
        // A column with a default stands in no record's way.
        let isNeeded = leftovers.contains { $0.isNotNull && $0.defaultText == nil }
        guard isOptionalNow || isNeeded else { return }
        let temporary = "_new_" + plan.name
        let names = (["rowid_", "tenant_id"] + plan.entity.fields.map(\.name) + leftovers.map(\.name))
            .map(TablePlan.quote).joined(separator: ", ")
        let sql = try StoredTable.objects("table", of: plan.name, in: database)[plan.name] ?? ""
        let definitions = leftovers.map { column in
            var definition = "\(TablePlan.quote(column.name)) \(column.type)"
            let collation = " COLLATE \(SQLFunctions.decimalCollation)"
            if sql.contains(definition + collation) { definition += collation }
            guard let value = column.defaultText else { return definition }
            return definition + (column.isNotNull ? " NOT NULL" : "") + " DEFAULT (\(value))"
        }
        try database.execute(sql: text.table(named: temporary, leftovers: definitions))
        try database.execute(
            sql: """
                INSERT INTO \(TablePlan.quote(temporary)) (\(names)) SELECT \(names) FROM \(plan.table);
                DROP TABLE \(plan.table);
                ALTER TABLE \(TablePlan.quote(temporary)) RENAME TO \(plan.table);
                """)
    }

    /// Proves that the table keeps tenants apart: every record has one, and keys are unique within it only.
    func prove(_ plan: TablePlan) throws {
        let stored = try StoredTable(plan.name, in: database)
        guard let column = stored?.column("tenant_id"), column.isNotNull, column.type == "TEXT",
            try isUnique(["tenant_id", plan.entity.key.name], plan)
        else {
            throw TenancyError(
                .isolationUnproven, "The table does not keep tenants apart.", details: .init(entity: plan.entity.name))
        }
        let unled = try Row.fetchAll(
            database, sql: "SELECT name FROM pragma_index_list(?) WHERE \"unique\" = 1", arguments: [plan.name]
        ).contains { try self.columns(ofIndex: $0["name"]).first != "tenant_id" }
        if unled {
            throw TenancyError(
                .isolationUnproven, "A unique index does not begin with the tenant, and would tell of others' values.",
                hint: "Remove the index.", details: .init(entity: plan.entity.name))
        }
    }

    private func isUnique(_ columns: [String], _ plan: TablePlan) throws -> Bool {
        try Row.fetchAll(
            database, sql: "SELECT name FROM pragma_index_list(?) WHERE origin = 'u'", arguments: [plan.name]
        ).contains { try self.columns(ofIndex: $0["name"]) == columns }
    }

    private func columns(ofIndex name: String) throws -> [String] {
        try String.fetchAll(
            database, sql: "SELECT coalesce(name, '') FROM pragma_index_info(?) ORDER BY seqno", arguments: [name])
    }

    private func hasRows(_ plan: TablePlan) throws -> Bool {
        try Bool.fetchOne(database, sql: "SELECT EXISTS (SELECT 1 FROM \(plan.table))") ?? false
    }

    func conflict(_ message: String, _ plan: TablePlan, _ field: FieldDescription? = nil) -> TenancyError {
        TenancyError(.schemaConflict, message, details: .init(entity: plan.entity.name, field: field?.name))
    }
}
