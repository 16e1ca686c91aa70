import Synchronization
import TenancyCore

/// A call under way on a connection: what tells the statement that runs for it to stop.
///
/// SQLite asks from the connection's own thread, between two steps of the statement, so that a cancellation can hit
/// no other call; `sqlite3_interrupt` would stop whatever runs when it arrives.
final class Operation: Sendable {
    let deadline: ContinuousClock.Instant?
    private let isCancelled = Atomic<Bool>(false)
    private let lifecycle: Lifecycle

    init(deadline: ContinuousClock.Instant?, _ lifecycle: Lifecycle) {
        self.deadline = deadline
        self.lifecycle = lifecycle
    }

    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// Why the call must end, or `nil` if it may go on.
    var reasonToStop: TenancyError? {
        if isCancelled.load(ordering: .relaxed) { return TenancyError(.cancelled, "The calling task was cancelled.") }
        if lifecycle.isAborting { return Lifecycle.closed }
        if let deadline, deadline <= ContinuousClock.now {
            return TenancyError(.timeout, "The call's deadline has passed.")
        }
        return nil
    }
}
