import Foundation
import TenancyCore

/// The SQL that makes an entity's table, its indexes and its policy.
struct TableText {
    let plan: TablePlan
    let isolation: Isolation

    private var entity: EntityDescription { plan.entity }
    private var names: ColumnNames { plan.names }

    /// The column that says whose a record is; its collation makes ids equal only if their bytes are.
    static let tenantColumn = "tenant_id text COLLATE \"C\" NOT NULL"

    /// A column's type as the catalogue shows it.
    static func type(of field: FieldDescription) -> String {
        switch field.type {
        case .bool: "boolean"
        case .int64: "bigint"
        case .double: "double precision"
        case .decimal: "numeric(\(field.options.precision),\(field.options.scale))"
        case .string: "text"
        case .uuid: "uuid"
        case .timestamp:
            field.options.timestampPrecision == .microseconds
                ? "timestamp(6) with time zone" : "timestamp(3) with time zone"
        case .bytes: "bytea"
        case .json: "jsonb"
        }
    }

    /// A column's definition, as in `CREATE TABLE` and `ADD COLUMN`.
    static func column(_ field: FieldDescription) -> String {
        var text = "\(Identifier.quote(field.name)) \(type(of: field))"
        if field.type == .string { text += " COLLATE \"C\"" }
        if !field.isNullable { text += " NOT NULL" }
        if let value = field.options.defaultValue { text += " DEFAULT \(literal(value, field))" }
        return text
    }

    /// The table, with nobody's rights and no index but the key's.
    var create: String {
        var parts = [Self.tenantColumn] + entity.fields.map(Self.column)
        parts += names.searchColumns.map { "\(names.words($0)) tsvector" }
        if let joined { parts.append(joined) }
        let key = Identifier.quote(IndexName.primaryKey(entity))
        parts.append("CONSTRAINT \(key) PRIMARY KEY (tenant_id, \(names.key))")
        return "CREATE TABLE \(plan.table) (\(parts.joined(separator: ", ")))"
    }

    /// The definition of the column that joins the words of several search fields.
    var joined: String? {
        guard let name = names.searchName, let expression = names.searchExpression else { return nil }
        return "\(Identifier.quote(name)) tsvector GENERATED ALWAYS AS (\(expression)) STORED"
    }

    /// The indexes beside the key's, by their names.
    func indexes(isLedByTenant: Bool) -> [String: String] {
        var texts: [String: String] = [:]
        for index in entity.indexes {
            let name = IndexName.of(index, entity)
            texts[name] = """
                CREATE \(index.isUnique ? "UNIQUE " : "")INDEX \(Identifier.quote(name)) ON \(plan.table) \
                (tenant_id, \(names.list(IndexName.columns(index, entity))))
                """
        }
        if let vector = names.searchName {
            let name = IndexName.search(entity, isLedByTenant: isLedByTenant)
            texts[name] = """
                CREATE INDEX \(Identifier.quote(name)) ON \(plan.table) \
                USING gin (\(isLedByTenant ? "tenant_id, " : "")\(Identifier.quote(vector)))
                """
        }
        return texts
    }

    /// The one policy: for every role and command, rows of the bound tenant and no others.
    var policy: String {
        """
        CREATE POLICY \(Identifier.quote(Isolation.policyName)) ON \(plan.table) AS PERMISSIVE FOR ALL \
        TO \(isolation.role.map(Identifier.quote) ?? "PUBLIC") \
        USING (\(isolation.condition)) WITH CHECK (\(isolation.condition))
        """
    }

    static func protect(_ table: String) -> [String] {
        ["ALTER TABLE \(table) ENABLE ROW LEVEL SECURITY", "ALTER TABLE \(table) FORCE ROW LEVEL SECURITY"]
    }

    /// A value as a literal, for the default of a column, which can't be bound.
    static func literal(_ value: Value, _ field: FieldDescription) -> String {
        switch value {
        case .null: "NULL"
        case .bool(let value): value ? "true" : "false"
        case .int64(let value): "'\(value)'::bigint"
        case .double(let value): value.isFinite ? "'\(value)'::double precision" : "0"
        case .decimal(let value): "'\(value.canonicalText)'::numeric"
        case .string(let value): Identifier.literal(value)
        case .json(let value): Identifier.literal(value.text) + "::jsonb"
        case .timestamp(let value):
            "'\(value.truncated(to: field.options.timestampPrecision).description)'::timestamptz"
        case .uuid(let value): "'\(value.uuidString)'::uuid"
        case .bytes(let value): "decode('\(hexadecimal(value))', 'hex')"
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return bytes.map { String([digits[Int($0 >> 4)], digits[Int($0 & 15)]]) }.joined()
    }
}
