import Synchronization

/// The counts as other threads see them. Written by one thread with plain stores.
final class PublishedMetrics: Sendable {
    let arrivals = Atomic<Int>(0)
    private let jobs = Atomic<Int>(0)
    private let turns = Atomic<Int>(0)
    private let sleeps = Atomic<Int>(0)
    private let events = Atomic<Int>(0)
    private let timersFired = Atomic<Int>(0)

    func publish(_ counts: ReactorMetrics) {
        arrivals.store(counts.arrivals, ordering: .relaxed)
        jobs.store(counts.jobs, ordering: .relaxed)
        turns.store(counts.turns, ordering: .relaxed)
        sleeps.store(counts.sleeps, ordering: .relaxed)
        events.store(counts.events, ordering: .relaxed)
        timersFired.store(counts.timersFired, ordering: .relaxed)
    }

    var value: ReactorMetrics {
        var value = ReactorMetrics()
        value.arrivals = arrivals.load(ordering: .relaxed)
        value.jobs = jobs.load(ordering: .relaxed)
        value.turns = turns.load(ordering: .relaxed)
        value.sleeps = sleeps.load(ordering: .relaxed)
        value.events = events.load(ordering: .relaxed)
        value.timersFired = timersFired.load(ordering: .relaxed)
        return value
    }
}
