import Synchronization

/// How many connections all pools that share it may have open together.
///
/// When a call waits in one pool, another is asked to close a connection that it doesn't use: one beyond its minimum, or
/// else one of those, because a minimum is there to be quick and not to keep others out; and a pool that has more than its
/// share closes one when it is given back, even if its own calls wait. Pools that wait are served first come, first served.
public final class ConnectionCeiling: Sendable {
    /// The process's own: 100 connections, what a PostgreSQL server takes by default.
    public static let process = ConnectionCeiling(maximum: 100)

    /// Closes a connection that is not in use, if there is one: also of the minimum?
    typealias Reclaim = @Sendable (_ ofMinimum: Bool) -> Bool

    private struct State {
        var used = 0
        var waiting = WaiterList<@Sendable () -> Void>()
        /// How many connections are being closed for those who wait.
        var yielding = 0
        var reclaimers: [ObjectIdentifier: Reclaim] = [:]
    }

    /// How many there may be.
    public let maximum: Int

    private let state = Locked(State())
    private let contended = Atomic<Bool>(false)

    /// A ceiling of its own for some pools.
    public init(maximum: Int) { self.maximum = max(1, maximum) }

    /// How many connections are open, being opened or being closed.
    public var used: Int { state.withLock { $0.used } }

    /// How many connections each pool may have if all want as many as they can get.
    var share: Int { state.withLock { max(1, maximum / max(1, $0.reclaimers.count)) } }

    /// Whether a pool waits for another to give a connection up, and none is being closed for it yet.
    var isContended: Bool { contended.load(ordering: .relaxed) }

    /// A connection is being closed for those who wait.
    func yields() { state.withLock { change(&$0) { $0.yielding += 1 } } }

    private func change<Result>(_ state: inout State, _ body: (inout State) -> Result) -> Result {
        let result = body(&state)
        contended.store(state.waiting.count > state.yielding, ordering: .relaxed)
        return result
    }

    /// Takes room that nobody waits for.
    ///
    /// - Returns: Whether there was any.
    func requestSpare() -> Bool {
        state.withLock { state in
            guard state.used < maximum, state.waiting.isEmpty else { return false }
            state.used += 1
            return true
        }
    }

    /// Calls `granted` once there is room, perhaps at once.
    func request(_ granted: @escaping @Sendable () -> Void) {
        let (isGranted, reclaimers) = state.withLock { state -> (Bool, [Reclaim]) in
            if state.used < maximum, state.waiting.isEmpty {
                state.used += 1
                return (true, [])
            }
            change(&state) { _ = $0.waiting.append(granted) }
            return (false, Array(state.reclaimers.values))
        }
        if isGranted { return granted() }
        for ofMinimum in [false, true] {
            for reclaim in reclaimers where reclaim(ofMinimum) { return yields() }
        }
    }

    /// Gives back what was granted.
    func giveBack() {
        let next = state.withLock { state -> (@Sendable () -> Void)? in
            change(&state) { state in
                state.yielding = max(0, state.yielding - 1)
                guard let next = state.waiting.popFirst() else {
                    state.yielding = 0
                    state.used -= 1
                    return nil
                }
                return next
            }
        }
        next?()
    }

    func join(_ pool: ObjectIdentifier, reclaim: @escaping Reclaim) {
        state.withLock { $0.reclaimers[pool] = reclaim }
    }

    func leave(_ pool: ObjectIdentifier) { state.withLock { _ = $0.reclaimers.removeValue(forKey: pool) } }
}
