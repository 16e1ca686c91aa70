import Synchronization

/// The timers of a reactor, to which any thread may add.
final class TimerQueue: Sendable {
    private typealias Heap = TimerHeap<@Sendable () -> Void>

    private struct State {
        var heap = Heap()
        var isClosed = false
    }

    private let state = Locked(State())
    private let isFilled = Atomic<Bool>(false)

    /// Spares a turn the look at the clock.
    var hasTimers: Bool { isFilled.load(ordering: .relaxed) }

    var count: Int { state.withLock { $0.heap.count } }

    var slotCount: Int { state.withLock { $0.heap.slotCount } }

    /// - Returns: The timer, and whether it is now the first; `nil` if timers are no longer taken.
    func add(at deadline: UInt64, _ action: @escaping @Sendable () -> Void) -> (ReactorTimer, isFirst: Bool)? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            let isFirst = state.heap.first.map { deadline < $0 } ?? true
            let token = state.heap.add(at: deadline, action)
            isFilled.store(true, ordering: .relaxed)
            return (ReactorTimer(token: token), isFirst)
        }
    }

    func remove(_ timer: ReactorTimer) -> Bool {
        // The action is released outside of the lock: what it holds may have a deinit that comes here.
        let action = state.withLock { state in
            let action = state.heap.remove(timer.token)
            isFilled.store(state.heap.count > 0, ordering: .relaxed)
            return action
        }
        return action != nil
    }

    func popDue(_ now: UInt64) -> (@Sendable () -> Void)? {
        state.withLock { state in
            let action = state.heap.popDue(now)
            isFilled.store(state.heap.count > 0, ordering: .relaxed)
            return action
        }
    }

    /// Nanoseconds until the first timer is due; as many as there are if there is none.
    func timeUntilFirst() -> Int64 {
        guard let first = state.withLock({ $0.heap.first }) else { return .max }
        let now = ReactorTime.now
        return first <= now ? 0 : Int64(clamping: first - now)
    }

    func close() { state.withLock { $0.isClosed = true } }
}
