import Synchronization
import TenancyCore
import TenancyIO

/// Counts the calls under way, so that a shutdown can let them end.
final class CallCount: Sendable {
    /// The number of calls, and `closing` beside it once no more are let in.
    private let state = Atomic<Int>(0)
    private let drained = ReactorWait<Void>()
    private static let closing = 1 << 62

    static var closed: TenancyError { TenancyError(.shutDown, "The database is shut down.") }

    /// Begins a call, which ends with ``leave()``.
    func enter() throws(TenancyError) {
        if state.add(1, ordering: .acquiring).newValue < Self.closing { return }
        leave()
        throw Self.closed
    }

    /// Begins work that a call has left to be done, before the call ends.
    func enterBehind() { state.add(1, ordering: .acquiring) }

    func leave() {
        if state.subtract(1, ordering: .acquiringAndReleasing).newValue == Self.closing {
            drained.resume(.success(()))
        }
    }

    /// Refuses new calls.
    ///
    /// - Returns: Whether this was the first time.
    func close() -> Bool {
        let old = state.bitwiseOr(Self.closing, ordering: .acquiringAndReleasing).oldValue
        if old == 0 { drained.resume(.success(())) }
        return old < Self.closing
    }

    /// Waits, once, until no call is under way.
    ///
    /// - Returns: Whether that was so before the deadline.
    func drain(on reactor: Reactor, until deadline: ContinuousClock.Instant) async -> Bool {
        do throws(TenancyError) {
            let late = TenancyError(.timeout, "Calls are still under way.")
            try await drained.value(on: reactor, until: deadline, late: late)
            return true
        } catch {
            return false
        }
    }
}
