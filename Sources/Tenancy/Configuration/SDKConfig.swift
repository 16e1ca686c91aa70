public import Logging
public import TenancyCore

/// Everything that a ``MultiTenantSDK`` is made from.
///
/// ```swift
/// let config = SDKConfig(database: .sqlite(path: "app.sqlite"), entities: [Flight.self], cache: .memory())
/// ```
public struct SDKConfig: Sendable {
    /// Where tenants' data and the registry are kept.
    public var database: DatabaseSource
    /// What the tenants' records are. An entity that is not listed can't be used.
    public var entities: [any Entity.Type]
    /// Where point reads are cached; `nil` for nowhere.
    public var cache: CacheSource?
    /// Where events go that ``TenantHandle/track(_:_:)`` records.
    public var analytics: [any AnalyticsSink]
    /// How point reads are cached.
    public var caching = CachingPolicy()
    /// How long what is known of a tenant is trusted.
    public var registry = RegistryPolicy()
    /// Which class a tenant is counted in, such as its plan: a label of metrics, of which there are few, where its id would
    /// be one of many. Asked often, so it is to return at once. Default: the attribute `class`, or `default`.
    public var tenantClass: @Sendable (Tenant) -> String = { $0.attributes["class"] ?? "default" }
    /// What a caller may ask for at once.
    public var limits = Limits()
    /// How long a call may take whose handle has no deadline of its own. Default 30 seconds.
    public var callTimeout: Duration = .seconds(30)
    /// How long a shutdown waits for calls under way. Default 10 seconds.
    public var shutdownTimeout: Duration = .seconds(10)
    /// The time of day in microseconds since 1970, by which cached records grow old.
    var timeOfDay: @Sendable () -> Int64 = CachedAge.timeOfDay
    /// The time in nanoseconds since whenever, by which a cache that failed is passed by.
    var localTime: @Sendable () -> Int64 = { LocalTime.now() }
    /// Where the SDK logs; tenants' ids, never values. Default: the label `tenancy` of the logging system.
    public var logger = Logger(label: "tenancy")

    /// A configuration with every other setting at its default.
    public init(
        database: DatabaseSource, entities: [any Entity.Type], cache: CacheSource? = nil,
        analytics: [any AnalyticsSink] = []
    ) {
        self.database = database
        self.entities = entities
        self.cache = cache
        self.analytics = analytics
    }

    /// How point reads are cached.
    public struct CachingPolicy: Sendable, Hashable {
        /// How long a cached record lives unless the call says otherwise. Default 5 minutes.
        public var timeToLive: Duration = .seconds(300)
        /// How long that a record is absent may be cached. Default 30 seconds.
        public var absenceTimeToLive: Duration = .seconds(30)
        /// By how much life times vary, so that what was stored together doesn't expire together; 0 to 0.5 of the
        /// life time. Default 0.1.
        public var jitter = 0.1
        /// How long a reader may take to load what it has the lease for. Default 10 seconds.
        public var leaseTime: Duration = .seconds(10)
        /// How long a writer's block lasts if it dies. Default 30 seconds. Writes are given four fifths of it to commit.
        public var blockTime: Duration = .seconds(30)
        /// How long a reader waits for another process that is loading the same record, before it loads it too; 0 for not
        /// at all. Default 20 ms.
        public var leaseWait: Duration = .milliseconds(20)
        /// The most bytes of what a query returned that are cached; what is larger is not. Default 1 MiB.
        public var maximumResultBytes = 1 << 20
        /// From how many records on a write invalidates the tenant's whole entity instead of each record. Default 64.
        public var bulkThreshold = 64
        /// How eagerly a record is loaded again before its time is over, so that those who ask for it often never wait for
        /// that: by how many times what a load takes, on average; 0 for not before. Default 1.
        public var earlyRefresh = 1.0
        /// For how long after its time a record is kept and may be returned if the database can't be asked. No write that
        /// was acknowledged is missed so. Default 60 seconds.
        public var staleIfError: Duration = .seconds(60)
        /// How many statements the database is sent at once for one tenant's records that the cache does not have; others
        /// wait for their turn. Default 256.
        public var maximumLoads = 256
        /// After how many failures in a row reads pass the cache by. Default 5.
        public var maximumFailures = 5
        /// For how long they do, before one of them tries it again. Default 1 second.
        public var pauseTime: Duration = .seconds(1)
        /// How many bytes decoded records may be taken to occupy that the process itself keeps in front of the cache; 0
        /// for none. Default 32 MiB.
        ///
        /// They answer reads that may be old, and strong ones if the cache is in the process's own memory.
        public var localMaximumBytes = 32 << 20
        /// How long the process keeps a decoded record at most. Default 60 seconds.
        public var localTimeToLive: Duration = .seconds(60)
        /// In which form records are cached. Default ``CacheSerialization/compact``.
        ///
        /// What is cached in another form is a miss and is replaced; so let all processes change it at about the same time.
        public var serialization = CacheSerialization.compact
        /// What makes large records and values smaller, such as `.zstd()` of `TenancyZstd`; `nil` for nothing, which is the
        /// default. A process that does not have it takes compressed values for misses.
        public var compression: CacheCompression?
        /// From how many bytes on they are compressed; 0 for never, so that a process only reads what others compress.
        /// Default 1 KiB.
        public var compressionThreshold = 1_024
        /// What is different for some entities, by their names.
        public var entities: [String: EntityPolicy] = [:]

        /// The defaults.
        public init() {}
    }

    /// How one entity's reads are cached where a call doesn't say.
    public struct EntityPolicy: Sendable, Hashable {
        /// Whether point reads may be answered from the cache and fill it. Default `true`.
        public var usesCache: Bool
        /// Whether what queries, figures and searches return may be, too. Default `false`.
        ///
        /// Every write of one of a tenant's records makes all of it void, so it is for what is read more often than anything
        /// of its entity is written.
        public var cachesResults: Bool
        /// How long a record lives in the cache; `nil` for ``CachingPolicy/timeToLive``.
        public var timeToLive: Duration?
        /// How long that a record is absent lives there; `nil` for ``CachingPolicy/absenceTimeToLive``.
        public var absenceTimeToLive: Duration?
        /// How old what is read may be. Default ``ReadConsistency/strong``. What a call or its handle says goes before.
        public var consistency: ReadConsistency

        /// A policy.
        public init(
            usesCache: Bool = true, cachesResults: Bool = false, timeToLive: Duration? = nil,
            absenceTimeToLive: Duration? = nil, consistency: ReadConsistency = .strong
        ) {
            self.usesCache = usesCache
            self.cachesResults = cachesResults
            self.timeToLive = timeToLive
            self.absenceTimeToLive = absenceTimeToLive
            self.consistency = consistency
        }
    }

    /// How long what is known of a tenant is trusted.
    public struct RegistryPolicy: Sendable, Hashable {
        /// After how long a tenant's status is looked up again; a suspension made by another process takes effect
        /// within it. Default 5 seconds.
        public var refreshInterval: Duration = .seconds(5)
        /// How many tenants are remembered. Default 100,000.
        public var maximumCachedTenants = 100_000
        /// How long the deletion of a tenant waits before it removes the tenant's data a second time and for good; `nil`
        /// for ``refreshInterval`` and ``SDKConfig/callTimeout`` together, which is the default.
        ///
        /// Other processes admit a deleted tenant's calls for as long as the refresh interval, and a call then takes as
        /// long as its timeout. So this has to be as long as the longest sum of both in any process that uses the
        /// database. A handle whose own timeout is longer may leave a single write behind that took longer than this; its
        /// transactions can't be committed. 0 is right where no other process uses the database, and no call for the
        /// tenant is under way in this one; anything else that is shorter than the sum in this process is refused with
        /// ``TenancyError/Code/invalidConfiguration``.
        public var deletionGrace: Duration?

        /// The defaults.
        public init() {}
    }

    /// What a caller may ask for at once. Over a limit a call throws ``TenancyError/Code/valueTooLarge``.
    public struct Limits: Sendable, Hashable {
        /// The largest text, JSON document or run of bytes, in bytes. Default 8 MiB, which every database takes.
        public var maximumValueBytes = 8 * 1_024 * 1_024
        /// The most records of a page. Default 1,000.
        public var maximumPageSize = 1_000
        /// The most records that a query returns as an array. Default 100,000. Streams and pages have no end.
        public var maximumRows = 100_000
        /// The most records of one batch of a bulk write. Default 10,000.
        public var maximumBatchSize = 10_000
        /// The most bytes of a tracked event's properties, as JSON. Default 64 KiB.
        public var maximumEventBytes = 64 * 1_024
        /// The most keys of one read. Default 10,000.
        public var maximumKeys = 10_000

        /// The defaults.
        public init() {}
    }
}
