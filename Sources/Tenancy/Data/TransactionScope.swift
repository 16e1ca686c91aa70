import Synchronization
import TenancyCore

/// What a transaction has changed, so that it can be invalidated as a whole around the commit.
final class TransactionScope: Sendable {
    private struct State {
        var changes = CacheChanges()
        var isSealed = false
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
            if !state.isSealed { state.changes.merge(change) }
            return !state.isSealed
        }
        guard isOpen else { throw TenancyError(.transactionClosed, "The transaction's closure has ended.") }
    }

    /// Lets nothing more be changed and returns what was.
    func seal() -> CacheChanges {
        state.withLock { state in
            state.isSealed = true
            return state.changes
        }
    }

    /// What was blocked: everything once the scope is sealed, nothing before.
    var blocked: CacheChanges { state.withLock { $0.isSealed ? $0.changes : CacheChanges() } }
}
