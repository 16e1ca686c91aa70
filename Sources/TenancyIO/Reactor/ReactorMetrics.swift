/// What a ``Reactor`` has done since it was started. Counts grow only; they are brought up to date once per turn, and
/// ``arrivals`` before what has arrived runs.
public struct ReactorMetrics: Sendable, Hashable {
    /// How often jobs ran.
    public var jobs = 0
    /// How many jobs and closures came from other threads: changes of thread.
    public var arrivals = 0
    /// How many times the thread looked at its sockets.
    public var turns = 0
    /// How many times it slept.
    public var sleeps = 0
    /// How many events of file descriptors were handled.
    public var events = 0
    /// How many timers fired.
    public var timersFired = 0

    /// All zero.
    public init() {}
}
