/// A cache as Tenancy sees it: batches of commands for one tenant, each batch one round trip.
///
/// Keys of different tenants never meet. A cache may forget anything at any time; it may not return a value that was
/// not stored under that key, or one that a later command replaced or removed. After a restart, or when another server
/// takes over, it starts empty.
///
/// ``CacheCommand/lookUp(_:lease:leaseTime:)``, ``CacheCommand/fill(_:lease:_:timeToLive:)``,
/// ``CacheCommand/block(_:token:blockTime:)`` and ``CacheCommand/unblock(_:token:)`` are the steps of the protocol that
/// keeps a slow reader from storing what a writer has since replaced. Each is atomic.
public protocol CacheAdapter: Sendable {
    /// The backend's name, such as `memory`, as a metric's label.
    var name: String { get }

    /// Connects. Called once, before any other method.
    func start() async throws(TenancyError)

    /// Runs commands in order and returns a reply for each.
    func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply]

    /// Removes every value of one tenant, and no other's, leaving blocks in force.
    ///
    /// - Returns: How many values were removed.
    @discardableResult
    func flush(_ tenant: TenantID) async throws(TenancyError) -> Int

    /// The next of one tenant's keys under which a value stands, in no order. Each call is a bounded amount of work, so
    /// a page may be empty although there are more.
    ///
    /// A key that is there from the first page to the last is in one of them, or in several; one that comes or goes
    /// meanwhile may be in one.
    ///
    /// - Parameters:
    ///   - prefix: What the keys begin with, by bytes; nothing in it has a meaning as a pattern.
    ///   - cursor: ``CachePage/next`` of the page before; `nil` for the first page.
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/invalidCursor`` if the cursor is none of this cache's, or of a
    ///   server that is no longer there.
    func scan(_ tenant: TenantID, prefix: String, after cursor: CacheCursor?) async throws(TenancyError) -> CachePage

    /// How many values one tenant has and what they take. Costs no more than ``flush(_:)``.
    func usage(of tenant: TenantID) async throws(TenancyError) -> CacheUsage

    /// Where calls for a tenant run with the fewest changes of thread, if the adapter has such a place.
    func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)?

    /// What the cache did so far, in this process.
    func statistics() -> CacheStatistics

    /// Whether the cache answers, by asking it.
    func health() async -> BackendHealth

    /// Closes everything.
    func shutDown() async
}

extension CacheAdapter {
    /// `nil`: anywhere.
    public func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)? { nil }
}

/// A cache that tells of changes to what it holds, so that a process can keep copies.
public protocol CacheNotifying: CacheAdapter {
    /// Whether every change, whoever makes it, is told before the call that makes it returns. Copies may answer strong
    /// reads then.
    var notifiesBeforeReturning: Bool { get }

    /// Tells an observer from now on, for as long as somebody else holds it.
    func addObserver(_ observer: any CacheObserver)
}

/// Hears of changes to what a cache holds. Its methods are called from anywhere, and return at once.
public protocol CacheObserver: AnyObject, Sendable {
    /// A value was removed or replaced, or its key was blocked or unblocked. That a value was filled, has expired or made
    /// room need not be told.
    func changed(_ key: CacheKey, of tenant: TenantID)

    /// That may be so of any of a tenant's keys.
    func changedAll(of tenant: TenantID)

    /// Changes may have gone untold, or may go untold from now on until ``confirmed(_:)``.
    func lost()

    /// Every change that was made before that moment, to what was asked for since the last ``lost()``, has been told.
    func confirmed(_ instant: ContinuousClock.Instant)
}
