internal import GRDBSQLite
import TenancyCore

extension Connection {
    /// Runs `body` in a transaction that may write: commits if it returns, rolls back if it throws.
    ///
    /// It takes the file's lock when it begins, because one that reads first and takes it later can't always get it.
    func inTransaction<Result>(_ body: () throws(TenancyError) -> Result) throws(TenancyError) -> Result {
        try control("BEGIN IMMEDIATE")
        do throws(TenancyError) {
            let result = try body()
            try control("COMMIT")
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    /// Runs `body` so that a failure leaves nothing of it behind in the transaction that is under way.
    func inSavepoint<Result>(_ body: () throws(TenancyError) -> Result) throws(TenancyError) -> Result {
        try control("SAVEPOINT statement")
        do throws(TenancyError) {
            let result = try body()
            try control("RELEASE statement")
            return result
        } catch {
            undo("statement")
            throw error
        }
    }

    /// Takes back what was done since a savepoint, and the savepoint; if that fails, the whole transaction, because a
    /// part of it must not be committed in its place.
    func undo(_ savepoint: String) {
        callbacks.end()
        // After some errors SQLite has ended the whole transaction, and there is no savepoint left.
        guard isInTransaction else { return }
        do throws(TenancyError) {
            try control("ROLLBACK TO \(savepoint)")
            try control("RELEASE \(savepoint)")
        } catch {
            rollBack()
        }
    }

    /// Ends the transaction without its changes, if there still is one. It is not stopped by anything: what runs here
    /// is done by the time that the call is known to have failed.
    func rollBack() {
        callbacks.end()
        if isInTransaction { try? control("ROLLBACK") }
    }

    /// Moves the write-ahead log into the file and empties it.
    ///
    /// - Returns: Whether nobody read from it, so that it could be done.
    @discardableResult
    func checkpoint() -> Bool {
        callbacks.end()
        guard let handle else { return false }
        return sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil) == SQLITE_OK
    }
}
