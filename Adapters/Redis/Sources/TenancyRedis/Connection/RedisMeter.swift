import TenancyIO

/// What becomes of connections and servers, beside the calls.
final class RedisMeter: Sendable {
    private struct State {
        var reconnects = 0
        /// How many entries each server had evicted when it was first asked, and when it was last asked, by its epoch.
        var evictions: [String: (first: Int, last: Int)] = [:]
    }

    private let state = Locked(State())

    /// How often a connection that was lost was made again.
    var reconnects: Int { state.withLock(\.reconnects) }

    /// How many entries the servers have evicted since each was first asked, whoever had stored them.
    var evictions: Int { state.withLock { $0.evictions.values.reduce(0) { $0 + $1.last - $1.first } } }

    func reconnected() { state.withLock { $0.reconnects += 1 } }

    /// Takes over what a server says of its evictions since it was started.
    func evicted(_ count: Int, by epoch: String) {
        state.withLock { state in
            let known = state.evictions[epoch]
            // Connections ask at different times, and answers may overtake each other.
            state.evictions[epoch] = (known?.first ?? count, max(known?.last ?? count, count))
        }
    }
}
