public import TenancyCore

/// Hears what a connection pool does. Called where it happens; must not block.
public protocol PoolObserver: Sendable {
    /// A connection was opened; `duration` is how long that took.
    func poolOpened(_ pool: String, in duration: Duration)
    /// A connection could not be opened. No attempt is made for `pause`.
    func poolFailedToOpen(_ pool: String, _ error: TenancyError, pause: Duration)
    /// A connection was closed.
    func poolClosed(_ pool: String)
    /// A caller got a connection after it had waited for `duration`.
    func poolGranted(_ pool: String, after duration: Duration)
    /// A caller got none.
    func poolRefused(_ pool: String, _ error: TenancyError, after duration: Duration)
    /// A connection, taken at `file` and `line`, has been held for `duration`. Called once per taking.
    func poolSuspectsLeak(_ pool: String, file: String, line: Int, heldFor duration: Duration)
}

extension PoolObserver {
    /// Does nothing.
    public func poolOpened(_ pool: String, in duration: Duration) {}
    /// Does nothing.
    public func poolFailedToOpen(_ pool: String, _ error: TenancyError, pause: Duration) {}
    /// Does nothing.
    public func poolClosed(_ pool: String) {}
    /// Does nothing.
    public func poolGranted(_ pool: String, after duration: Duration) {}
    /// Does nothing.
    public func poolRefused(_ pool: String, _ error: TenancyError, after duration: Duration) {}
    /// Does nothing.
    public func poolSuspectsLeak(_ pool: String, file: String, line: Int, heldFor duration: Duration) {}
}
