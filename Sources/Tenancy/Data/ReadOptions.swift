/// How a point read may be served.
public struct ReadOptions: Sendable, Hashable {
    /// Whether the cache may be read from and filled. Default `true`. In a transaction it never is.
    public var usesCache = true
    /// How long what is read may be cached; `nil` for the configuration's ``SDKConfig/CachingPolicy/timeToLive``.
    public var cacheTimeToLive: Duration?

    /// The defaults.
    public init() {}

    /// Options for a read.
    public init(usesCache: Bool = true, cacheTimeToLive: Duration? = nil) {
        self.usesCache = usesCache
        self.cacheTimeToLive = cacheTimeToLive
    }

    /// From the cache if it is there, else from the database.
    public static let `default` = ReadOptions()
    /// From the database, past the cache.
    public static let uncached = ReadOptions(usesCache: false)
}
