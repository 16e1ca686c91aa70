import Synchronization
import TenancyCore
import TenancyIO

/// Counts the calls under way, so that a shutdown can let them end.
final class Lifecycle: Sendable {
    private struct State {
        var running = 0
        var isClosing = false
        var drained: Waiter<Void>?
    }

    private let state = Mutex(State())
    private let aborting = Atomic<Bool>(false)

    static var closed: TenancyError { TenancyError(.shutDown, "The database is shut down.") }

    /// Whether calls under way must end now.
    var isAborting: Bool { aborting.load(ordering: .relaxed) }

    /// Begins a call, which ends with ``leave()``.
    func enter() throws(TenancyError) {
        let isAdmitted = state.withLock { state in
            if state.isClosing { return false }
            state.running += 1
            return true
        }
        guard isAdmitted else { throw Self.closed }
    }

    func leave() {
        let drained = state.withLock { state -> Waiter<Void>? in
            state.running -= 1
            return state.running == 0 ? state.drained : nil
        }
        drained?.resume(.success(()))
    }

    /// Refuses new calls.
    ///
    /// - Returns: Whether this was the first time.
    func close() -> Bool {
        state.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing
        }
    }

    /// Makes calls under way end as soon as they look.
    func abort() { aborting.store(true, ordering: .relaxed) }

    /// Waits until no call is under way.
    ///
    /// - Returns: Whether that was so before the deadline.
    func drain(until deadline: ContinuousClock.Instant) async -> Bool {
        let waiter = Waiter<Void>()
        let isIdle = state.withLock { state in
            state.drained = waiter
            return state.running == 0
        }
        if isIdle { return true }
        do throws(TenancyError) {
            try await waiter.wait(until: deadline, late: TenancyError(.timeout, "Calls are still under way."))
            return true
        } catch {
            return false
        }
    }
}
