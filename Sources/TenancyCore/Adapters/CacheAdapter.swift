import Foundation

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

    /// What the cache did so far, in this process.
    func statistics() -> CacheStatistics

    /// Whether the cache answers, by asking it.
    func health() async -> BackendHealth

    /// Closes everything.
    func shutDown() async
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

/// The name of a cached value among those of one tenant.
public struct CacheKey: Sendable {
    /// The name. It may hold any character, because the tenant's part of the stored key comes before it and has a
    /// closed set.
    public let text: String

    /// A key.
    public init(_ text: String) { self.text = text }
}

extension CacheKey: Hashable {
    /// Whether both have the same bytes: `String` would take `é` and `e´` for one key, which are keys of two records.
    public static func == (left: CacheKey, right: CacheKey) -> Bool {
        let isSame = left.text.utf8.withContiguousStorageIfAvailable { left in
            right.text.utf8.withContiguousStorageIfAvailable { right in
                guard left.count == right.count, let first = left.baseAddress, let second = right.baseAddress else {
                    return left.count == right.count
                }
                return memcmp(first, second, left.count) == 0
            }
        }
        return (isSame ?? nil) ?? left.text.utf8.elementsEqual(right.text.utf8)
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// A random number that tells one lease or block from another.
public struct CacheToken: Sendable, Hashable {
    /// The number.
    public let rawValue: UInt64

    /// A token of that number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// A token that was not used before.
    public static func random() -> CacheToken { CacheToken(rawValue: .random(in: 1 ... .max)) }
}

/// What a cache can be told.
public enum CacheCommand: Sendable {
    /// Asks for a value: ``CacheReply/value(_:)`` or ``CacheReply/absent``.
    case get(CacheKey)
    /// Stores a value: ``CacheReply/done``, or ``CacheReply/refused`` if the condition does not hold or the key is
    /// blocked. Drops a lease.
    case set(CacheKey, [UInt8], timeToLive: Duration?, condition: CacheCondition)
    /// Removes a value: ``CacheReply/count(_:)`` of 1 or 0. Drops a lease, so that what was loaded before can't be filled
    /// after.
    case delete(CacheKey)
    /// Gives a value a new life time: ``CacheReply/count(_:)`` of 1 or 0.
    case expire(CacheKey, Duration)
    /// Adds to a decimal integer, which is 0 if absent: ``CacheReply/count(_:)`` of the sum, or ``CacheReply/refused``
    /// if the value is no integer or the sum leaves 64 bits. The life time applies when the value is created.
    case increment(CacheKey, by: Int64, timeToLive: Duration?)
    /// Asks for a value, or for the right to fill it: ``CacheReply/value(_:)``; ``CacheReply/leased`` if there was
    /// none and the lease is now the caller's; ``CacheReply/busy`` if a writer blocks the key or another holds a lease.
    case lookUp(CacheKey, lease: CacheToken, leaseTime: Duration)
    /// Stores a value and drops the lease, if the lease is still the caller's: ``CacheReply/done`` or
    /// ``CacheReply/refused``.
    case fill(CacheKey, lease: CacheToken, [UInt8], timeToLive: Duration?)
    /// Removes value and lease and keeps readers from filling until ``unblock(_:token:)`` or until the time has passed:
    /// ``CacheReply/done``. Several writers' blocks stand beside each other.
    case block(CacheKey, token: CacheToken, blockTime: Duration)
    /// Removes value and lease again and lifts this block, not another's: ``CacheReply/done``.
    case unblock(CacheKey, token: CacheToken)
}

/// When a value may be stored.
public enum CacheCondition: Sendable, Hashable {
    /// Always.
    case always
    /// If there is none.
    case ifAbsent
    /// If the stored one has these bytes.
    case ifEqual([UInt8])
}

/// What a cache answers.
public enum CacheReply: Sendable, Hashable {
    /// A stored value.
    case value([UInt8])
    /// There is none.
    case absent
    /// There is none, and the caller may fill it.
    case leased
    /// There is none, and the caller may not fill it.
    case busy
    /// The command was carried out.
    case done
    /// The command's condition did not hold.
    case refused
    /// A number.
    case count(Int64)
}

/// What a cache did so far.
public struct CacheStatistics: Sendable, Hashable {
    /// How many look-ups found a value.
    public var hits = 0
    /// How many look-ups found none.
    public var misses = 0
    /// How many values were dropped to make room.
    public var evictions = 0
    /// How many values are stored; 0 if the cache can't tell cheaply.
    public var entries = 0
    /// How many bytes the stored values are taken to occupy; 0 if the cache can't tell cheaply.
    public var bytes = 0

    /// Nothing yet.
    public init() {}

    /// Hits in proportion to all look-ups, 0 to 1; 0 of none.
    public var hitRate: Double {
        hits + misses == 0 ? 0 : Double(hits) / Double(hits + misses)
    }
}
