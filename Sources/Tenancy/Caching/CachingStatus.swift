/// How caching fares, beside what ``CacheStatistics`` counts.
public struct CachingStatus: Sendable, Hashable {
    /// For how long reads have passed the cache by because it fails; `nil` if they ask it.
    public var degradedFor: Duration?
    /// How many calls of the cache have failed.
    public var failures = 0
    /// How many look-ups passed the cache by while it was degraded.
    public var bypassed = 0
    /// How many statements were sent to the database for what the cache did not have.
    public var loads = 0
    /// How many callers wait for a record that another one loads, or for their tenant's turn.
    public var waiting = 0
    /// How many records were loaded again before their time was over.
    public var earlyRefreshes = 0
    /// How many records whose time was over were returned all the same, because the database could not be asked.
    public var staleAnswers = 0

    /// Whether reads pass the cache by because it fails.
    public var isDegraded: Bool { degradedFor != nil }

    /// Nothing yet.
    public init() {}
}
