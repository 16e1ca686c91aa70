import TenancyCore

/// An entity beside the table that is there.
struct SchemaComparison {
    private let plan: TablePlan
    private let table: Catalogue.Table

    init(_ plan: TablePlan, _ table: Catalogue.Table) {
        self.plan = plan
        self.table = table
    }

    private var entity: EntityDescription { plan.entity }

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/schemaConflict`` for what can't become what is declared.
    func check() throws(TenancyError) {
        guard table.kind == "r" || table.kind == "p" else {
            throw conflict("The entity's name is not that of a table.")
        }
        guard let tenant = table.column("tenant_id"), tenant.type == "text", tenant.isNotNull, tenant.collation == "C"
        else { throw conflict("The table has no column tenant_id as Tenancy makes it.") }
        let key = table.indexes.first(where: \.isPrimary)?.columns
        guard key == ["tenant_id", entity.key.name] else {
            throw conflict("Another field was the key, or the table is not Tenancy's.", entity.key)
        }
        for field in entity.fields {
            guard let column = table.column(field.name) else { continue }
            guard Self.canBecome(column.type, field), field.type != .string || column.collation == "C" else {
                throw conflict("The field's type was changed.", field)
            }
            guard column.isNotNull || field.isNullable else {
                throw conflict("The field could be without a value, and now must have one.", field)
            }
        }
    }

    /// Whether every value of a column's type is one of the field's.
    private static func canBecome(_ stored: String, _ field: FieldDescription) -> Bool {
        if stored == TableText.type(of: field) { return true }
        switch field.type {
        case .timestamp: return stored == "timestamp(3) with time zone"
        case .decimal:
            let numbers = stored.split { !$0.isNumber }.compactMap { Int($0) }
            guard stored.hasPrefix("numeric("), numbers.count == 2 else { return false }
            let (precision, scale) = (field.options.precision, field.options.scale)
            return scale >= numbers[1] && precision - scale >= numbers[0] - numbers[1]
        default: return false
        }
    }

    /// The statements that bring columns up to the fields.
    ///
    /// A field that must have a value and has no default can be added to an empty table only; the server looks, and
    /// its refusal is a conflict.
    var alterations: [String] {
        var statements: [String] = []
        for field in entity.fields {
            guard let column = table.column(field.name) else {
                statements.append("ALTER TABLE \(plan.table) ADD COLUMN \(TableText.column(field))")
                continue
            }
            let alter = "ALTER TABLE \(plan.table) ALTER COLUMN \(Identifier.quote(field.name))"
            if column.type != TableText.type(of: field) {
                statements.append("\(alter) TYPE \(TableText.type(of: field))")
            }
            if column.isNotNull, field.isNullable { statements.append("\(alter) DROP NOT NULL") }
        }
        // A field that is no longer declared keeps its column and data; without it no record could be added.
        for column in table.columns where column.isNotNull && !column.hasDefault && column.name != "tenant_id" {
            if entity.column(named: column.name) != nil { continue }
            let name = Identifier.quote(column.name)
            statements.append("ALTER TABLE \(plan.table) ALTER COLUMN \(name) DROP NOT NULL")
        }
        return statements
    }

    /// A failure of one of the update's statements, as a conflict if it is one.
    static func error(_ error: TenancyError) -> TenancyError {
        let message: String? =
            switch error.code {
            case .notNullViolation: "The new field must have a value, and there are records without."
            case .uniqueViolation: "Records that are already there have the same values in a unique index."
            case .valueTooLarge, .invalidValue:
                "Records that are already there hold values that a change has no room for."
            default: nil
            }
        guard let message else { return error }
        return TenancyError(.schemaConflict, message, details: error.details)
    }

    private func conflict(_ message: String, _ field: FieldDescription? = nil) -> TenancyError {
        TenancyError(.schemaConflict, message, details: .init(entity: entity.name, field: field?.name))
    }
}
