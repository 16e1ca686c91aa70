import Synchronization

/// How many connections all pools that share it may have open together.
///
/// Pools are asked to close a connection that they don't use when another one needs it. Those that wait are served
/// first come, first served.
public final class ConnectionCeiling: Sendable {
    /// The process's own: 100 connections, what a PostgreSQL server takes by default.
    public static let process = ConnectionCeiling(maximum: 100)

    private struct State {
        var used = 0
        var waiting = WaiterList<@Sendable () -> Void>()
        var reclaimers: [ObjectIdentifier: @Sendable () -> Bool] = [:]
    }

    /// How many there may be.
    public let maximum: Int

    private let state = Locked(State())
    private let contended = Atomic<Bool>(false)

    /// A ceiling of its own for some pools.
    public init(maximum: Int) { self.maximum = max(1, maximum) }

    /// How many connections are open, being opened or being closed.
    public var used: Int { state.withLock { $0.used } }

    /// Whether a pool waits for another to give a connection up.
    var isContended: Bool { contended.load(ordering: .relaxed) }

    /// Calls `granted` once there is room, perhaps at once.
    func request(_ granted: @escaping @Sendable () -> Void) {
        let (isGranted, reclaimers) = state.withLock { state -> (Bool, [@Sendable () -> Bool]) in
            if state.used < maximum, state.waiting.isEmpty {
                state.used += 1
                return (true, [])
            }
            _ = state.waiting.append(granted)
            contended.store(true, ordering: .relaxed)
            return (false, Array(state.reclaimers.values))
        }
        if isGranted { return granted() }
        for reclaim in reclaimers where reclaim() { return }
    }

    /// Gives back what was granted.
    func giveBack() {
        let next = state.withLock { state -> (@Sendable () -> Void)? in
            guard let next = state.waiting.popFirst() else {
                state.used -= 1
                return nil
            }
            contended.store(!state.waiting.isEmpty, ordering: .relaxed)
            return next
        }
        next?()
    }

    /// - Parameter reclaim: Closes a connection that is not in use, if there is one.
    func join(_ pool: ObjectIdentifier, reclaim: @escaping @Sendable () -> Bool) {
        state.withLock { $0.reclaimers[pool] = reclaim }
    }

    func leave(_ pool: ObjectIdentifier) { state.withLock { _ = $0.reclaimers.removeValue(forKey: pool) } }
}
