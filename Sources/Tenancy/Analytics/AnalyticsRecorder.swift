import Logging
import Synchronization
import TenancyCore

/// Collects events and hands them to the sinks in batches, so that no caller waits for a sink.
///
/// It holds a bounded number of events. Beyond it the newest are dropped and counted: what is lost is then told, and
/// what was accepted first stays in order.
final class AnalyticsRecorder: Sendable {
    private struct State {
        var events: [AnalyticsEvent] = []
        var dropped = 0
        var isFlushScheduled = false
    }

    private static let maximumHeldEvents = 10_000
    private static let batchSize = 500
    private static let flushInterval = Duration.seconds(1)

    private let state = Mutex(State())
    private let delivery: Delivery
    private let hasSinks: Bool

    init(_ sinks: [any AnalyticsSink], logger: Logger) {
        delivery = Delivery(sinks, logger)
        hasSinks = !sinks.isEmpty
    }

    func record(_ event: AnalyticsEvent) {
        guard hasSinks else { return }
        let delay: Duration? = state.withLock { state in
            guard state.events.count < Self.maximumHeldEvents else {
                state.dropped += 1
                return nil
            }
            state.events.append(event)
            if state.events.count == Self.batchSize { return .zero }
            if state.isFlushScheduled { return nil }
            state.isFlushScheduled = true
            return Self.flushInterval
        }
        guard let delay else { return }
        Task {
            try await Task.sleep(for: delay)
            await flush()
        }
    }

    /// Hands over what is held.
    func flush() async {
        let (events, dropped) = state.withLock { state in
            defer { state = State() }
            return (state.events, state.dropped)
        }
        await delivery.deliver(events, dropped: dropped)
    }

    /// Hands over what is held and closes the sinks.
    func shutDown() async {
        await flush()
        await delivery.shutDown()
    }

    /// One batch after another to each sink; what a sink refuses is kept, within bounds, and offered again.
    private actor Delivery {
        private static let maximumKeptBatches = 20

        private let sinks: [any AnalyticsSink]
        private let logger: Logger
        private var waiting: [[AnalyticsBatch]]
        private var isDelivering = false

        init(_ sinks: [any AnalyticsSink], _ logger: Logger) {
            self.sinks = sinks
            self.logger = logger
            waiting = sinks.map { _ in [] }
        }

        func deliver(_ events: [AnalyticsEvent], dropped: Int) async {
            if dropped > 0 { logger.warning("Analytics events were dropped.", metadata: ["events": "\(dropped)"]) }
            if !events.isEmpty {
                let batch = AnalyticsBatch(events: events)
                for sink in sinks.indices {
                    waiting[sink].append(batch)
                    guard waiting[sink].count > Self.maximumKeptBatches else { continue }
                    let lost = waiting[sink].removeFirst()
                    logger.error(
                        "An analytics sink is behind; a batch was dropped.",
                        metadata: ["sink": "\(sinks[sink].name)", "events": "\(lost.events.count)"])
                }
            }
            // Another call's loop is at work and will find what was just added.
            guard !isDelivering else { return }
            isDelivering = true
            defer { isDelivering = false }
            for sink in sinks.indices { await drain(sink) }
        }

        private func drain(_ sink: Int) async {
            while let batch = waiting[sink].first {
                do throws(TenancyError) {
                    try await sinks[sink].write(batch)
                } catch {
                    logger.warning(
                        "An analytics sink refused a batch, which is kept.",
                        metadata: ["sink": "\(sinks[sink].name)", "error": "\(error)"])
                    return
                }
                waiting[sink].removeAll { $0.id == batch.id }
            }
        }

        func shutDown() async {
            for sink in sinks.indices {
                await drain(sink)
                do throws(TenancyError) {
                    try await sinks[sink].shutDown()
                } catch {
                    logger.error(
                        "An analytics sink did not close.",
                        metadata: ["sink": "\(sinks[sink].name)", "error": "\(error)"])
                }
            }
        }
    }
}
