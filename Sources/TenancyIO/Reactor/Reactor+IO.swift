package import TenancyCore

extension Reactor {
    /// Watches a file descriptor. Called on the reactor.
    ///
    /// - Parameter handler: Called on the reactor with what has happened, until the source is cancelled.
    /// - Throws: ``TenancyError/Code/shutDown`` once the reactor stops, ``TenancyError/Code/backendFailure`` if the
    ///   system refuses.
    package func register(
        _ descriptor: Int32, watching interest: ReactorEvents, _ handler: @escaping (ReactorEvents) -> Void
    ) throws(TenancyError) -> ReactorSource {
        checkIsolated()
        guard !lifetime.isStopping else { throw Self.stopped }
        let source = loop.addSource(descriptor, on: self, handler)
        do throws(TenancyError) { try source.watch(interest) } catch {
            source.cancel()
            throw error
        }
        return source
    }

    /// Runs `action` once, after the jobs of this turn and before the reactor looks at its sockets again: the place to
    /// send what was queued. Called on the reactor.
    package func atEndOfTurn(_ action: @escaping () -> Void) {
        checkIsolated()
        loop.atEndOfTurn(action)
    }

    /// Runs `action` on the reactor at `deadline` or soon after, unless it is cancelled. From any thread. Timers of one
    /// deadline fire in the order in which they were set.
    ///
    /// - Throws: ``TenancyError/Code/shutDown`` once the reactor stops.
    @discardableResult
    package func schedule(
        at deadline: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void
    ) throws(TenancyError) -> ReactorTimer {
        try schedule(atNanoseconds: ReactorTime.nanoseconds(deadline), action)
    }

    /// Runs `action` on the reactor when `delay` has passed or soon after, unless it is cancelled. From any thread.
    ///
    /// - Throws: ``TenancyError/Code/shutDown`` once the reactor stops.
    @discardableResult
    package func schedule(
        after delay: Duration, _ action: @escaping @Sendable () -> Void
    ) throws(TenancyError) -> ReactorTimer {
        let delay = UInt64(max(0, ReactorTime.nanoseconds(delay)))
        let (deadline, overflow) = ReactorTime.now.addingReportingOverflow(delay)
        return try schedule(atNanoseconds: overflow ? .max : deadline, action)
    }

    /// Removes a timer and all that it holds. From any thread.
    ///
    /// - Returns: Whether it will not fire; `false` if it has fired, is about to, or was cancelled before.
    @discardableResult
    package func cancel(_ timer: ReactorTimer) -> Bool { timers.remove(timer) }

    private func schedule(
        atNanoseconds deadline: UInt64, _ action: @escaping @Sendable () -> Void
    ) throws(TenancyError) -> ReactorTimer {
        guard !lifetime.isStopping, let (timer, isFirst) = timers.add(at: deadline, action) else { throw Self.stopped }
        if isFirst, !isCurrent, isSoon(deadline), inbox.endSleep() { poller.wake() }
        return timer
    }

    /// Whether a timer may be due before a reactor that sleeps wakes by itself. Twice as long, because it may have
    /// decided to sleep and not fallen asleep yet.
    private func isSoon(_ deadline: UInt64) -> Bool {
        let (awake, overflow) = ReactorTime.now.addingReportingOverflow(2 * UInt64(Self.longestSleep))
        return overflow || deadline < awake
    }

    static var stopped: TenancyError { TenancyError(.shutDown, "The reactor has stopped.") }
}
