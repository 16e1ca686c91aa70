import Synchronization
import TenancyCore

/// What a transaction has changed, so that it can be invalidated as a whole around the commit.
final class TransactionScope: Sendable {
    private struct State {
        var changes = CacheChanges()
        var blocked = CacheChanges()
    }

    /// Marks the transaction's blocks.
    let token = CacheToken.random()
    private let state = Mutex(State())

    /// Remembers what was changed.
    func add(_ change: CacheChanges) { state.withLock { $0.changes.merge(change) } }

    /// What is to be blocked now.
    func block() -> CacheChanges {
        state.withLock { state in
            state.blocked = state.changes
            return state.blocked
        }
    }

    /// What was blocked.
    var blocked: CacheChanges { state.withLock(\.blocked) }
}
