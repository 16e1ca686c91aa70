/// Hears what is worth an operator's attention. Called on the watchdog's thread; must not block for long.
public protocol ReactorObserver: Sendable {
    /// A reactor has been running one job, handler or timer for at least `duration`, and everything else on it waits.
    /// Called once for each such job, while it still runs.
    func reactorIsHeld(_ name: String, for duration: Duration)

    /// The job that was reported has ended.
    func reactorIsFree(_ name: String, after duration: Duration)
}

extension ReactorObserver {
    /// Does nothing.
    public func reactorIsFree(_ name: String, after duration: Duration) {}
}
