import Synchronization
import TenancyCore

/// What a transaction has changed, so that it can be invalidated as a whole around the commit.
final class TransactionScope: Sendable {
    private struct State {
        var changes = CacheChanges()
        var isSealed = false
        var isDoomed = false
    }

    /// Marks the transaction's blocks.
    let token = CacheToken.random()
    private let state = Mutex(State())

    /// Remembers what is about to be changed.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/transactionClosed`` once the body has returned. A task that
    ///   outlived it could otherwise still write before the commit, unseen by the cache.
    func add(_ change: CacheChanges) throws(TenancyError) {
        let isOpen = state.withLock { state in
            if state.isSealed || state.isDoomed { return false }
            state.changes.merge(change)
            return true
        }
        guard isOpen else { throw TenancyError(.transactionClosed, "The transaction's closure has ended.") }
    }

    /// Makes the transaction fail at its end, because a part of it failed that can't be undone alone.
    func doom() { state.withLock { $0.isDoomed = true } }

    /// Lets nothing more be changed and returns what was.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/transactionClosed`` if the transaction must not be committed.
    func seal() throws(TenancyError) -> CacheChanges {
        let changes: CacheChanges? = state.withLock { state in
            if state.isDoomed { return nil }
            state.isSealed = true
            return state.changes
        }
        if let changes { return changes }
        throw TenancyError(
            .transactionClosed, "A bulk write in the transaction failed, and the database can't undo it alone.",
            hint: "Let the bulk write's error end the transaction.")
    }

    /// What was blocked: everything once the scope is sealed, nothing before.
    var blocked: CacheChanges { state.withLock { $0.isSealed ? $0.changes : CacheChanges() } }
}
