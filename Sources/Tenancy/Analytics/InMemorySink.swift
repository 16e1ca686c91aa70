import Synchronization
public import TenancyCore

/// A sink that keeps batches in memory, for tests and for looking at what an application records.
///
/// Beyond its bound it forgets the oldest batches, whole. It goes on knowing the ids of as many batches as it ever held
/// at once, and at least of the last 1,000.
public final class InMemorySink: AnalyticsSink {
    private struct State {
        var batches: [AnalyticsBatch] = []
        var eventCount = 0
        var seen: RecentIDs
        var isShutDown = false
    }

    private let state: Mutex<State>
    private let maximumEvents: Int

    /// `memory`.
    public let name = "memory"

    /// An empty sink.
    ///
    /// - Parameter maximumEvents: How many events it keeps; the last batch is always kept.
    public init(maximumEvents: Int = 100_000) {
        self.maximumEvents = maximumEvents
        state = Mutex(State(seen: RecentIDs(capacity: max(1_000, maximumEvents))))
    }

    /// The batches that are kept, in the order in which they came.
    public var batches: [AnalyticsBatch] { state.withLock { $0.batches } }

    /// The events that are kept, in the order in which they came.
    public var events: [AnalyticsEvent] { batches.flatMap(\.events) }

    /// The events of one tenant that are kept.
    public func events(of tenant: TenantID) -> [AnalyticsEvent] { events.filter { $0.tenant == tenant } }

    /// Keeps a batch, unless one of that id came before.
    public func write(_ batch: AnalyticsBatch) async throws(TenancyError) {
        let isOpen = state.withLock { state in
            guard !state.isShutDown else { return false }
            guard state.seen.insert(batch.id), !batch.events.isEmpty else { return true }
            state.batches.append(batch)
            state.eventCount += batch.events.count
            var surplus = 0
            while state.eventCount > maximumEvents, surplus < state.batches.count - 1 {
                state.eventCount -= state.batches[surplus].events.count
                surplus += 1
            }
            state.batches.removeFirst(surplus)
            return true
        }
        if !isOpen { throw TenancyError(.shutDown, "The sink was shut down.") }
    }

    /// Takes no more batches; what it has can still be looked at.
    public func shutDown() async throws(TenancyError) { state.withLock { $0.isShutDown = true } }
}
