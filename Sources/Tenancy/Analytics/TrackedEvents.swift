import Synchronization
import TenancyCore

/// Events that were tracked inside a transaction, which are true only if it is committed.
final class TrackedEvents: Sendable {
    private struct State {
        var events: [AnalyticsEvent] = []
        var isClosed = false
    }

    /// The most events of a transaction, so that one that never ends holds a bounded number.
    static let maximumCount = 10_000

    private let state = Mutex(State())

    /// Holds events until the transaction's end.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/valueTooLarge`` if there are too many, and
    ///   ``TenancyError/Code/transactionClosed`` after the end.
    func add(_ events: [AnalyticsEvent]) throws(TenancyError) {
        let problem: TenancyError.Code? = state.withLock { state in
            if state.isClosed { return .transactionClosed }
            if state.events.count + events.count > Self.maximumCount { return .valueTooLarge }
            state.events += events
            return nil
        }
        switch problem {
        case nil: return
        case .transactionClosed?: throw TenancyError(.transactionClosed, "The transaction's closure has ended.")
        default:
            throw TenancyError(
                .valueTooLarge, "A transaction tracks more than \(Self.maximumCount) events.",
                hint: "Track one event that says how many there were.")
        }
    }

    /// Takes no more events, and returns those there are.
    func close() -> [AnalyticsEvent] {
        state.withLock { state in
            state.isClosed = true
            defer { state.events = [] }
            return state.events
        }
    }
}
