import Synchronization

/// A point in the code where a test can hold whoever comes next, until it opens the gate.
final class Gate: Sendable {
    private struct State {
        var holds = 0
        var held: [CheckedContinuation<Void, Never>] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Holds the next one that passes.
    func holdNext() { state.withLock { $0.holds += 1 } }

    /// Passes, or waits if the gate was told to hold.
    func pass() async {
        let isHeld = state.withLock { state in
            guard state.holds > 0 else { return false }
            state.holds -= 1
            return true
        }
        guard isHeld else { return }
        await withCheckedContinuation { continuation in
            let watchers = state.withLock { state in
                state.held.append(continuation)
                defer { state.watchers = [] }
                return state.watchers
            }
            for watcher in watchers { watcher.resume() }
        }
    }

    /// Waits until somebody is held.
    func reached() async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if !state.held.isEmpty { return true }
                state.watchers.append(continuation)
                return false
            }
            if isReached { continuation.resume() }
        }
    }

    /// How many are held.
    var heldCount: Int { state.withLock { $0.held.count } }

    /// Lets everyone go who is held.
    func open() {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for passer in held { passer.resume() }
    }
}
