import Logging
import Synchronization
import TenancyCore

/// One sink's queue: a batch at a time, in order; what the sink refuses is kept, within bounds, and offered again under
/// the same id.
final class SinkDelivery: Sendable {
    private struct State {
        var waiting: [AnalyticsBatch] = []
        var heldEvents = 0
        /// What empties the queue, while it is at work or waits to try again.
        var work: Task<Void, Never>?
        var isClosing = false
    }

    private let sink: any AnalyticsSink
    private let policy: AnalyticsRecorder.Policy
    private let logger: Logger
    private let state = Mutex(State())

    init(_ sink: any AnalyticsSink, _ policy: AnalyticsRecorder.Policy, _ logger: Logger) {
        self.sink = sink
        self.policy = policy
        self.logger = logger
    }

    /// Puts a batch at the end of the queue, or drops it if the queue is full.
    func add(_ batch: AnalyticsBatch) {
        let isAccepted = state.withLock { state in
            guard state.heldEvents + batch.events.count <= policy.maximumHeldEvents else { return false }
            state.waiting.append(batch)
            state.heldEvents += batch.events.count
            return true
        }
        if isAccepted { return }
        logger.error(
            "An analytics sink is behind; a batch was dropped.",
            metadata: ["sink": "\(sink.name)", "events": "\(batch.events.count)"])
    }

    /// Sees to it that the queue is being emptied.
    func start() {
        state.withLock { state in
            guard state.work == nil, !state.isClosing, !state.waiting.isEmpty else { return }
            state.work = Task { await deliver() }
        }
    }

    private func deliver() async {
        var delay = policy.firstRetryDelay
        while let batch = next() {
            if await write(batch) {
                delay = policy.firstRetryDelay
                continue
            }
            // A shutdown cancels the wait and makes the last attempt itself.
            do { try await Task.sleep(for: delay) } catch { break }
            delay = min(delay * 2, policy.maximumRetryDelay)
        }
    }

    /// The batch that is first in the queue; `nil`, and the work is done, if there is none.
    private func next() -> AnalyticsBatch? {
        state.withLock { state in
            if !state.isClosing, let batch = state.waiting.first { return batch }
            state.work = nil
            return nil
        }
    }

    private func write(_ batch: AnalyticsBatch) async -> Bool {
        do throws(TenancyError) {
            try await sink.write(batch)
        } catch {
            logger.warning(
                "An analytics sink refused a batch, which is kept.",
                metadata: ["sink": "\(sink.name)", "error": "\(error)"])
            return false
        }
        state.withLock { state in
            state.waiting.removeFirst()
            state.heldEvents -= batch.events.count
        }
        return true
    }

    /// Waits for the write under way, offers the rest once, and closes the sink.
    func shutDown() async {
        let work = state.withLock { state in
            state.isClosing = true
            return state.work
        }
        // Ends the pause between two attempts. A write that ends by it too is repeated below, under the same id.
        work?.cancel()
        await work?.value
        while let batch = state.withLock({ $0.waiting.first }) {
            guard await write(batch) else { break }
        }
        reportRest()
        do throws(TenancyError) {
            try await sink.shutDown()
        } catch {
            logger.error(
                "An analytics sink did not close.", metadata: ["sink": "\(sink.name)", "error": "\(error)"])
        }
    }

    /// Tells what is lost because the sink took too long to close.
    func abandon() {
        logger.error("An analytics sink did not close in time.", metadata: ["sink": "\(sink.name)"])
        reportRest()
    }

    private func reportRest() {
        let events = state.withLock(\.heldEvents)
        guard events > 0 else { return }
        logger.error(
            "Analytics events were lost at the end.", metadata: ["sink": "\(sink.name)", "events": "\(events)"])
    }
}
