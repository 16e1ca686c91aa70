import Synchronization

/// What other threads hand to a reactor.
///
/// The lock is held for an append or a swap of two arrays, never while anything runs, and the reactor takes it once per
/// batch. Whether the reactor sleeps is part of the same state, so no wake-up can be lost, and only the first of the
/// works that find it asleep pays for one.
final class WorkInbox: Sendable {
    /// What the caller of ``push(_:)`` has to do.
    enum Consequence { case none, wake, startLateThread }

    private enum Phase { case running, sleeping, closed, closedWithThread }

    private struct State {
        var works: [QueuedWork] = []
        var phase = Phase.running
    }

    private let state = Locked(State())
    private let isFilled = Atomic<Bool>(false)

    /// Whether there may be something to take; always `true` to a thread that knows of a push that has ended.
    var mayHaveWork: Bool { isFilled.load(ordering: .relaxed) }

    func push(_ work: QueuedWork) -> Consequence {
        state.withLock { state in
            state.works.append(work)
            isFilled.store(true, ordering: .relaxed)
            switch state.phase {
            case .running, .closedWithThread: return .none
            case .sleeping:
                state.phase = .running
                return .wake
            case .closed:
                state.phase = .closedWithThread
                return .startLateThread
            }
        }
    }

    /// Swaps what was pushed into `batch`, which is empty. Ends the sleep.
    func take(_ batch: inout [QueuedWork]) {
        state.withLock { state in
            if state.phase == .sleeping { state.phase = .running }
            isFilled.store(false, ordering: .relaxed)
            swap(&batch, &state.works)
        }
    }

    /// Makes the next push ask for a wake-up, unless something was pushed already.
    func prepareToSleep() -> Bool {
        state.withLock { state in
            guard state.works.isEmpty else { return false }
            state.phase = .sleeping
            return true
        }
    }

    /// Whether the caller has to wake the reactor for a reason that is not in the inbox.
    func endSleep() -> Bool {
        state.withLock { state in
            guard state.phase == .sleeping else { return false }
            state.phase = .running
            return true
        }
    }

    /// Ends the reactor's or a late thread's time, unless something was pushed already.
    ///
    /// - Parameter whenClosed: Called before another thread can be asked to take over.
    func close(whenClosed: () -> Void) -> Bool {
        state.withLock { state in
            guard state.works.isEmpty else { return false }
            state.phase = .closed
            whenClosed()
            return true
        }
    }
}
