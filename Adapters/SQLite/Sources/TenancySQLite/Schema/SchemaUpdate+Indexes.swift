internal import GRDB
import TenancyCore

extension SchemaUpdate {
    /// Drops the indexes that Tenancy made and that the entity no longer declares.
    func dropIndexes(_ plan: TablePlan, _ text: TableText) throws {
        let stored = try StoredTable.objects("index", of: plan.name, in: database)
        for name in stored.keys where text.indexes[name] == nil {
            guard name.hasPrefix("index:\(plan.name):") || name.hasPrefix("unique:\(plan.name):") else { continue }
            try database.execute(sql: "DROP INDEX \(TablePlan.quote(name))")
        }
    }

    func makeIndexes(_ plan: TablePlan, _ text: TableText) throws {
        let stored = try StoredTable.objects("index", of: plan.name, in: database)
        for (name, sql) in text.indexes.sorted(by: { $0.key < $1.key }) where stored[name] == nil {
            do {
                try database.execute(sql: sql)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                throw TenancyError(
                    .schemaConflict, "Records that are already there have the same values in a unique index.",
                    hint: "Make the values different, or declare the index without unique.",
                    details: .init(entity: plan.entity.name, constraint: name))
            }
        }
    }
}

/// Brings an entity's search index up to its search fields.
struct SearchUpdate {
    let database: Database
    let plan: TablePlan
    let text: TableText

    func run() throws {
        let triggers = try StoredTable.objects("trigger", of: plan.name, in: database)
            .filter { $0.key.hasPrefix("search:\(plan.name):") }
        let search = try StoredTable.objects("table", of: plan.searchName, in: database)[plan.searchName]
        // One text for all that decides what the index holds: if any of it differs, the index is made anew.
        if triggers == text.triggers, search == text.search { return }
        for name in triggers.keys { try database.execute(sql: "DROP TRIGGER \(TablePlan.quote(name))") }
        if search != nil { try database.execute(sql: "DROP TABLE \(plan.searchTable)") }
        guard let create = text.search else { return }
        try database.execute(sql: create)
        for sql in text.triggers.values { try database.execute(sql: sql) }
        try database.execute(sql: text.fillSearch)
    }
}
