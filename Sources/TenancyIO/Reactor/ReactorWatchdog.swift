import Dispatch
import Foundation
import Synchronization

/// Looks at reactors from a thread of its own and names those that one job holds for too long.
///
/// It compares the number of what runs with what it saw before, which costs the reactors a store per job and no look at
/// a clock. A job is reported when it has run for the threshold, or up to half of it later.
final class ReactorWatchdog: Sendable {
    private let reactors: [Reactor]
    private let threshold: Duration
    private let observer: any ReactorObserver
    private let stopped = DispatchSemaphore(value: 0)

    init(_ reactors: [Reactor], threshold: Duration, observer: any ReactorObserver) {
        self.reactors = reactors
        self.threshold = threshold
        self.observer = observer
    }

    func start() {
        let thread = Thread { [self] in run() }
        thread.name = "watchdog"
        thread.start()
    }

    func stop() { stopped.signal() }

    private struct Sight {
        var unit: UInt64 = 0
        var since = ContinuousClock.now
        var isReported = false
    }

    private func run() {
        var sights = reactors.map { _ in Sight() }
        let interval = DispatchTimeInterval.nanoseconds(Int(clamping: ReactorTime.nanoseconds(threshold / 2)))
        while stopped.wait(timeout: .now() + interval) == .timedOut {
            let now = ContinuousClock.now
            for (index, reactor) in reactors.enumerated() {
                let unit = reactor.loop.running.load(ordering: .relaxed)
                if unit != sights[index].unit {
                    if sights[index].isReported {
                        observer.reactorIsFree(reactor.name, after: now - sights[index].since)
                    }
                    sights[index] = Sight(unit: unit, since: now)
                } else if unit != 0, !sights[index].isReported, now - sights[index].since >= threshold {
                    sights[index].isReported = true
                    observer.reactorIsHeld(reactor.name, for: now - sights[index].since)
                }
            }
        }
    }
}
