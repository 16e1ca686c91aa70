internal import CTenancyIO
import Synchronization

/// What only the thread of a reactor touches: its queue, its sources and what it does at the end of a turn.
final class ReactorLoop {
    private struct Slot {
        var generation: UInt32 = 0
        var source: ReactorSource?
    }

    var queue = WorkQueue()
    /// The spare array that is swapped with the inbox's; empty between uses.
    var batch: [QueuedWork] = []
    var counts = ReactorMetrics()
    var lookout: ReactorLookout
    /// The number of the job, handler or timer that runs.
    private(set) var unit: UInt64 = 0
    /// The number of what runs, for a watchdog; 0 between turns.
    let running = Atomic<UInt64>(0)

    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var turnActions: [() -> Void] = []
    private var spareActions: [() -> Void] = []
    private let events: UnsafeMutableBufferPointer<tenancy_event>

    init(_ configuration: ReactorConfiguration) {
        lookout = ReactorLookout(configuration.lookoutTime)
        events = .allocate(capacity: min(max(configuration.maximumEventsPerTurn, 1), 128))
        events.initialize(repeating: tenancy_event())
    }

    deinit { events.deallocate() }

    var sourceCount: Int { slots.count - freeSlots.count }

    var hasWork: Bool { !queue.isEmpty || !turnActions.isEmpty }

    /// Says that another job, handler or timer begins. A plain store, because only this thread writes.
    @inline(__always)
    func begin() {
        unit &+= 1
        running.store(unit, ordering: .relaxed)
    }

    func addSource(
        _ descriptor: Int32, on reactor: Reactor, _ handler: @escaping (ReactorEvents) -> Void
    ) -> ReactorSource {
        let slot: UInt32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot())
        }
        let token = UInt64(slots[Int(slot)].generation) << 32 | UInt64(slot)
        let source = ReactorSource(descriptor: descriptor, token: token, reactor: reactor, handler: handler)
        slots[Int(slot)].source = source
        return source
    }

    /// Frees the source's slot under another generation, so that an event that was collected before finds nothing.
    func forget(_ source: ReactorSource) {
        let slot = Int(UInt32(truncatingIfNeeded: source.token))
        guard slot < slots.count, slots[slot].source === source else { return }
        slots[slot].source = nil
        // One value is left out: with it, the token of the last slot would be the wake-up's.
        slots[slot].generation = (slots[slot].generation &+ 1) & 0x7fff_ffff
        freeSlots.append(UInt32(slot))
    }

    /// Waits for events and calls their handlers.
    ///
    /// - Parameter timeout: In nanoseconds; negative for ever.
    func poll(_ poller: Poller, timeout: Int64) {
        running.store(0, ordering: .relaxed)
        counts.turns += 1
        let count = poller.wait(events, timeout: timeout)
        guard count > 0 else { return }
        counts.events += count
        for index in 0..<count {
            let event = events[index]
            let slot = Int(UInt32(truncatingIfNeeded: event.token))
            guard slot < slots.count, let source = slots[slot].source, source.token == event.token else { continue }
            begin()
            source.handler?(ReactorEvents(rawValue: event.events))
        }
    }

    /// Waits for events as ``poll(_:timeout:)`` does, and learns from how long that took.
    func sleep(_ poller: Poller, timeout: Int64) {
        counts.sleeps += 1
        let start = ReactorTime.now
        poll(poller, timeout: timeout)
        lookout.slept(since: start)
    }

    /// Whether it is too early to sleep.
    func looksOut() -> Bool { lookout.goesOn(done: counts.jobs + counts.events + counts.timersFired) }

    func atEndOfTurn(_ action: @escaping () -> Void) { turnActions.append(action) }

    /// Runs what was asked for until now; what these ask for comes at the end of the next turn.
    func endTurn() {
        guard !turnActions.isEmpty else { return }
        swap(&turnActions, &spareActions)
        for action in spareActions {
            begin()
            action()
        }
        spareActions.removeAll(keepingCapacity: true)
    }

    /// Tells all sources that the reactor stops, and lets go of them.
    func stopSources() {
        for source in slots.compactMap(\.source) {
            begin()
            source.handler?(.stopped)
            source.cancel()
        }
    }
}
