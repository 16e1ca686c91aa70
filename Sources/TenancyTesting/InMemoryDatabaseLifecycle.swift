import Synchronization
import TenancyCore

/// Who is inside a database, and whether anybody may still come in.
final class InMemoryDatabaseLifecycle: Sendable {
    private enum Phase { case open, draining, closed }

    private struct State {
        var phase = Phase.open
        var inside = 0
    }

    private let state = Mutex(State())

    /// Begins a call.
    func enter() throws(TenancyError) {
        let isOpen = state.withLock { state in
            guard state.phase == .open else { return false }
            state.inside += 1
            return true
        }
        if !isOpen { throw Self.shutDown }
    }

    /// Ends a call.
    func leave() { state.withLock { $0.inside -= 1 } }

    /// Throws once calls under way are ended too.
    func checkOpen() throws(TenancyError) {
        if state.withLock({ $0.phase == .closed }) { throw Self.shutDown }
    }

    /// Lets nobody in, waits until everybody is out or the deadline has passed, and closes.
    func shutDown(deadline: ContinuousClock.Instant) async {
        state.withLock { if $0.phase == .open { $0.phase = .draining } }
        // A task of its own, so that a caller who is cancelled still gives those inside their time.
        await Task {
            while state.withLock({ $0.inside > 0 }), ContinuousClock.now < deadline {
                try? await Task.sleep(for: .milliseconds(1), clock: .continuous)
            }
        }.value
        state.withLock { $0.phase = .closed }
    }

    private static var shutDown: TenancyError { TenancyError(.shutDown, "The database is shut down.") }
}
