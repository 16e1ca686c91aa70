/// How many connections a pool keeps, for how long, and how long callers wait for one.
public struct PoolConfiguration: Sendable, Hashable {
    /// How many connections are kept open although nobody uses them. 0 by default: an idle tenant's database costs
    /// nothing. Pools that wait for one take them when all together have come to their ``ConnectionCeiling``.
    public var minimumSize = 0
    /// How many connections there are at most, 10 by default. A database does more work with few busy connections
    /// than with many that wait for each other.
    public var maximumSize = 10
    /// How long a connection beyond ``minimumSize`` stays open unused; 5 minutes by default, less than most firewalls
    /// take to forget one.
    public var idleTimeout: Duration = .seconds(300)
    /// How old a connection becomes, 30 minutes by default, so that a change of addresses or roles reaches all.
    public var maximumLifetime: Duration = .seconds(1_800)
    /// By which part of them the times above are shortened at random, so that connections opened together are not
    /// closed together; 0.1 by default.
    public var jitter = 0.1
    /// How long a caller waits for a connection, unless its own deadline comes first; 5 seconds by default.
    public var acquireTimeout: Duration = .seconds(5)
    /// How long opening a connection may take; 10 seconds by default.
    public var openTimeout: Duration = .seconds(10)
    /// The pause after the first failed attempt to connect, doubled by each further one; 100 milliseconds by default.
    public var minimumBackoff: Duration = .milliseconds(100)
    /// The longest pause between attempts to connect; 10 seconds by default.
    public var maximumBackoff: Duration = .seconds(10)
    /// The longest pause between attempts to connect while calls ask for connections, so that a server that is back is
    /// found soon by those who need it; 250 milliseconds by default.
    public var demandBackoff: Duration = .milliseconds(250)
    /// How long a connection may be held until it is reported as leaked, with the place where it was taken; 60 seconds
    /// by default, `nil` for never.
    public var leakThreshold: Duration? = .seconds(60)

    /// The defaults.
    public init() {}
}
