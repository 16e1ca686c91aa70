public import TenancyCore

/// How a point read may be served.
public struct ReadOptions: Sendable, Hashable {
    /// Whether the cache may be read from and filled. Default `true`. In a transaction it never is.
    public var usesCache = true
    /// How long what is read may be cached; `nil` for the configuration's ``SDKConfig/CachingPolicy/timeToLive``.
    public var cacheTimeToLive: Duration?
    /// How old what is read may be; `nil` for the handle's: ``TenantHandle/reading(_:)``. A read that is served by the
    /// cache, or fills it, is strong in any case: what is stored must not have been overwritten.
    public var consistency: ReadConsistency?

    /// The defaults.
    public init() {}

    /// Options for a read.
    public init(usesCache: Bool = true, cacheTimeToLive: Duration? = nil, consistency: ReadConsistency? = nil) {
        self.usesCache = usesCache
        self.cacheTimeToLive = cacheTimeToLive
        self.consistency = consistency
    }

    /// From the cache if it is there, else from the database.
    public static let `default` = ReadOptions()
    /// From the database, past the cache.
    public static let uncached = ReadOptions(usesCache: false)
}
