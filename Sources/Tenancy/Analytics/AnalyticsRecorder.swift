import Logging
import Synchronization
import TenancyCore

/// Collects events and hands them to the sinks in batches, so that no caller waits for a sink.
///
/// It holds a bounded number of events. Beyond it the newest are dropped and counted: what is lost is then told, and
/// what was accepted first stays in order.
final class AnalyticsRecorder: Sendable {
    /// How much is held, and when it is handed over.
    struct Policy: Sendable {
        /// The most events that are held for a sink.
        var maximumHeldEvents = 10_000
        /// The most events of a batch.
        var batchSize = 500
        /// How long an event waits for others.
        var flushInterval = Duration.seconds(1)
        /// How long after a failure a batch is offered again the first time; then twice as long each time.
        var firstRetryDelay = Duration.seconds(1)
        /// The longest time between two offers.
        var maximumRetryDelay = Duration.seconds(60)
    }

    private struct State {
        var events: [AnalyticsEvent] = []
        var dropped = 0
        var isFlushScheduled = false
        var isClosed = false
    }

    private let policy: Policy
    private let logger: Logger
    private let deliveries: [SinkDelivery]
    private let state = Mutex(State())

    init(_ sinks: [any AnalyticsSink], logger: Logger, policy: Policy = Policy()) {
        self.policy = policy
        self.logger = logger
        deliveries = sinks.map { SinkDelivery($0, policy, logger) }
    }

    /// Takes an event, unless it has been closed.
    func record(_ event: AnalyticsEvent) {
        guard !deliveries.isEmpty else { return }
        let delay: Duration? = state.withLock { state in
            if state.isClosed { return nil }
            guard state.events.count < policy.maximumHeldEvents else {
                state.dropped += 1
                return nil
            }
            state.events.append(event)
            if state.events.count == policy.batchSize { return .zero }
            if state.isFlushScheduled { return nil }
            state.isFlushScheduled = true
            return policy.flushInterval
        }
        guard let delay else { return }
        Task {
            try await Task.sleep(for: delay)
            flush()
        }
    }

    /// Hands what is held to the sinks' queues.
    private func flush() {
        // The queues are filled under the same lock, so that no two flushes can change the order of events.
        let dropped = state.withLock { state in
            let events = state.events
            let dropped = state.dropped
            state.events = []
            state.dropped = 0
            state.isFlushScheduled = false
            for start in stride(from: 0, to: events.count, by: policy.batchSize) {
                let batch = AnalyticsBatch(events: Array(events[start..<min(start + policy.batchSize, events.count)]))
                for delivery in deliveries { delivery.add(batch) }
            }
            return dropped
        }
        if dropped > 0 { logger.warning("Analytics events were dropped.", metadata: ["events": "\(dropped)"]) }
        for delivery in deliveries { delivery.start() }
    }

    /// Takes no more events, hands over what is held, and closes the sinks, as far as they allow it until `deadline`.
    func shutDown(until deadline: ContinuousClock.Instant) async {
        state.withLock { $0.isClosed = true }
        flush()
        let endings = deliveries.map { delivery in Task { await delivery.shutDown() } }
        for (delivery, ending) in zip(deliveries, endings) where !(await ending.ends(by: deadline)) {
            ending.cancel()
            delivery.abandon()
        }
    }
}

extension Task where Success == Void, Failure == Never {
    /// Waits for the task's end, but not longer than until `deadline`, even if it doesn't react to a cancellation.
    ///
    /// - Returns: Whether it has ended.
    fileprivate func ends(by deadline: ContinuousClock.Instant) async -> Bool {
        await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
            let race = Race(continuation)
            let timer = Task<Void, Never> {
                try? await Task<Never, Never>.sleep(until: deadline, clock: .continuous)
                race.decide(false)
            }
            Task<Void, Never> {
                await self.value
                race.decide(true)
                timer.cancel()
            }
        }
    }
}

/// Resumes a continuation once, by whoever comes first.
private final class Race: Sendable {
    private let continuation: Mutex<CheckedContinuation<Bool, Never>?>

    init(_ continuation: CheckedContinuation<Bool, Never>) { self.continuation = Mutex(continuation) }

    func decide(_ outcome: Bool) {
        let waiting = continuation.withLock { stored in
            defer { stored = nil }
            return stored
        }
        waiting?.resume(returning: outcome)
    }
}
