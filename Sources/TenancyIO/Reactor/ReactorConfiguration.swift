/// How a ``Reactor`` divides its time.
public struct ReactorConfiguration: Sendable, Hashable {
    /// How many jobs run before sockets and timers are looked at again. 256 jobs of a few microseconds each keep a
    /// socket waiting for about a millisecond at most, and make the look, half a microsecond, cost nothing.
    public var maximumJobsPerTurn = 256
    /// How many ready sockets are served before jobs run, at most 128. Those left over come first in the next turn.
    public var maximumEventsPerTurn = 64
    /// How many timers that are due fire before jobs run.
    public var maximumTimersPerTurn = 256

    /// How long the reactor looks for more before it sleeps; zero for not at all, at most a millisecond. It does so only
    /// as long as there was more within that time before, and yields its core to others at each look. A sleep and the
    /// wake-up from it cost 10 to 30 µs, which is what a small request takes on the server.
    public var lookoutTime = Duration.microseconds(50)

    /// The defaults.
    public init() {}
}
