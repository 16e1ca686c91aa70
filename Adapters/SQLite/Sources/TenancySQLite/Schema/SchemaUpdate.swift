internal import GRDB
import TenancyCore

/// Brings a file's tables up to the entities, in one transaction: all of it or nothing.
///
/// What a column was declared as is kept in a table of Tenancy's own, because SQLite has one integer type for
/// booleans, integers and instants. A field that an entity no longer declares keeps its column, its data and what it was
/// declared as; if it had to have a value, the table is rebuilt so that it no longer must, or no record could be added.
struct SchemaUpdate {
    static let metaTable = "_tenancy_meta"
    static let fieldTable = "_tenancy_fields"
    /// The form of Tenancy's own tables; a file of a later one is refused.
    private static let format = "1"

    let database: Database
    let schema: Schema
    /// The tenant whose file this is; `nil` if it is everyone's.
    let tenant: TenantID?

    private var plans: [TablePlan] { schema.plans }

    /// Checks and changes everything. Called inside a transaction that may write.
    func run() throws {
        try claim()
        for plan in plans { try update(plan) }
        try remember()
    }

    /// Checks without changing anything, for a file that can't be written.
    func check() throws {
        guard try Self.hasTables(database) else {
            throw TenancyError(.schemaConflict, "The file was opened for reading only and has no tables of Tenancy's.")
        }
        try claim()
        for plan in plans {
            guard let stored = try StoredTable(plan.name, in: database) else {
                throw conflict("The table is missing, and the file was opened for reading only.", plan)
            }
            try compare(stored, plan)
            for field in plan.entity.fields where stored.column(field.name) == nil {
                throw conflict("The field is missing, and the file was opened for reading only.", plan, field)
            }
            try prove(plan)
        }
    }

    /// Whether nothing has to be done: the tables are as this schema left them, and nobody touched them since.
    static func isCurrent(_ schema: Schema, in database: Database) throws -> Bool {
        guard try hasTables(database) else { return false }
        let digest = try String.fetchOne(database, sql: "SELECT value FROM \(metaTable) WHERE name = 'digest'")
        return try digest == Self.digest(schema, in: database)
    }

    /// The declarations, and SQLite's count of changes to the tables.
    private static func digest(_ schema: Schema, in database: Database) throws -> String {
        let version = try Int64.fetchOne(database, sql: "PRAGMA schema_version") ?? 0
        return "\(version)\n\(schema.digest)"
    }

    /// Whether the file has Tenancy's tables. GRDB would answer from its memory of the time before another process made
    /// them.
    private static func hasTables(_ database: Database) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)",
            arguments: [metaTable]) ?? false
    }

    /// Makes sure that the file is of this form and belongs to this tenant, or makes it so if it is new.
    private func claim() throws {
        let owner = tenant?.rawValue ?? ""
        if try !Self.hasTables(database) {
            try database.execute(
                sql: """
                    CREATE TABLE \(Self.metaTable) (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
                    CREATE TABLE \(Self.fieldTable) (entity TEXT NOT NULL, field TEXT NOT NULL, type TEXT NOT NULL,
                        PRIMARY KEY (entity, field)) STRICT;
                    """)
            try database.execute(
                sql: "INSERT INTO \(Self.metaTable) (name, value) VALUES ('format', ?), ('tenant', ?)",
                arguments: [Self.format, owner])
            return
        }
        try Self.checkOwner(database, tenant)
    }

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/tenantMismatch`` if the file is another tenant's.
    static func checkOwner(_ database: Database, _ tenant: TenantID?) throws {
        let rows = try Row.fetchAll(database, sql: "SELECT name, value FROM \(metaTable)")
        let meta = Dictionary(rows.map { ($0["name"] as String, $0["value"] as String) }) { first, _ in first }
        guard meta["format"] == format else {
            throw TenancyError(.schemaConflict, "The file is of a form that this version of Tenancy does not know.")
        }
        guard meta["tenant"] == tenant?.rawValue ?? "" else {
            throw TenancyError(
                .tenantMismatch,
                "The file belongs to another tenant, or to another isolation model, than its place says.",
                hint: "Put back the file that was there, or restore it from a backup.",
                details: .init(tenant: tenant))
        }
    }

    private func update(_ plan: TablePlan) throws {
        let text = TableText(plan: plan)
        if let stored = try StoredTable(plan.name, in: database) {
            try compare(stored, plan)
            try addColumns(stored, plan)
            try dropIndexes(plan, text)
            try loosen(stored, plan, text)
        } else {
            try database.execute(sql: text.table(named: plan.name))
        }
        try prove(plan)
        try makeIndexes(plan, text)
        try SearchUpdate(database: database, plan: plan, text: text).run()
        try rememberDeclarations(plan)
    }

    private func remember() throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO \(Self.metaTable) (name, value) VALUES ('digest', ?)",
            arguments: [try Self.digest(schema, in: database)])
    }
}
