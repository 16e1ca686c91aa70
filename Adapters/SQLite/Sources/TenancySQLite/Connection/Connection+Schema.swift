internal import GRDB
import TenancyCore

extension Connection {
    /// Brings the file's tables up to the entities.
    func bringUp(
        _ schema: Schema, tenant: TenantID?, _ configuration: SQLiteConfiguration
    ) throws(TenancyError) {
        guard let queue else { throw Lifecycle.closed }
        do {
            try queue.inDatabase { database in
                if configuration.isReadOnly {
                    try SchemaUpdate(database: database, schema: schema, tenant: tenant).check()
                    return
                }
                // Most opens find everything as it was, and don't need the lock.
                if try SchemaUpdate.isCurrent(schema, in: database) {
                    return try SchemaUpdate.checkOwner(database, tenant)
                }
                try database.inTransaction(.immediate) {
                    try SchemaUpdate(database: database, schema: schema, tenant: tenant).run()
                    return .commit
                }
            }
        } catch {
            throw TenancyError(grdb: error, on: handle).with { $0.tenant = tenant }
        }
        becomeRunning()
    }

    /// Ends what is needed only until the tables are up.
    func becomeRunning() {
        stopObserving()
        callbacks.stopWaiting()
    }
}
