import TenancyIO

/// Tells one task that something has changed since it last looked. Raised any number of times, it is seen once.
final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var wait: ReactorWait<Void>?
    }

    private let state = Locked(State())

    /// Wakes who waits, or spares it the wait.
    func raise() {
        let wait = state.withLock { state -> ReactorWait<Void>? in
            let wait = state.wait.take()
            if wait == nil { state.isRaised = true }
            return wait
        }
        wait?.resume(.success(()))
    }

    /// Waits until it is raised, unless it was since the last wait. By one task at a time, which is not cancelled.
    func wait() async {
        let wait = ReactorWait<Void>()
        let isRaised = state.withLock { state in
            defer { state.isRaised = false }
            if !state.isRaised { state.wait = wait }
            return state.isRaised
        }
        if !isRaised { try? await wait.value() }
    }
}
