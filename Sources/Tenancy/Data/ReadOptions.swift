public import TenancyCore

/// How a read may be served. What is `nil` is as the handle and the configuration say.
public struct ReadOptions: Sendable, Hashable {
    /// Whether the cache may be read from and filled; `nil` for the entity's ``SDKConfig/EntityPolicy/usesCache``, or, if
    /// it is a query or a search, ``SDKConfig/EntityPolicy/cachesResults``. In a transaction it never is.
    public var usesCache: Bool?
    /// How long what is read may be cached; `nil` for the entity's, else the configuration's
    /// ``SDKConfig/CachingPolicy/timeToLive``.
    public var cacheTimeToLive: Duration?
    /// How old what is read may be; `nil` for the handle's (``TenantHandle/reading(_:)``), else the entity's, else
    /// ``ReadConsistency/strong``.
    ///
    /// A copy in the process's own memory may answer a read that may be old. What such a read gets from the cache, or
    /// stores there, is as new as if it were strong: what is stored must not have been overwritten.
    public var consistency: ReadConsistency?

    /// The defaults.
    public init() {}

    /// Options for a read.
    public init(usesCache: Bool? = nil, cacheTimeToLive: Duration? = nil, consistency: ReadConsistency? = nil) {
        self.usesCache = usesCache
        self.cacheTimeToLive = cacheTimeToLive
        self.consistency = consistency
    }

    /// As the handle and the configuration say.
    public static let `default` = ReadOptions()
    /// From the database, past the cache.
    public static let uncached = ReadOptions(usesCache: false)
}
