import Foundation

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
    /// none and the lease is now the caller's; ``CacheReply/blocked`` if a writer blocks the key; ``CacheReply/busy`` if
    /// another holds a lease.
    case lookUp(CacheKey, lease: CacheToken, leaseTime: Duration)
    /// Stores a value and drops the lease, if the lease is still the caller's: ``CacheReply/done`` or
    /// ``CacheReply/refused``.
    case fill(CacheKey, lease: CacheToken, [UInt8], timeToLive: Duration?)
    /// Removes value and lease and keeps readers from filling until ``unblock(_:token:)`` or until the time has passed:
    /// ``CacheReply/done``. Several writers' blocks stand beside each other.
    case block(CacheKey, token: CacheToken, blockTime: Duration)
    /// Removes value and lease again and lifts this block, not another's: ``CacheReply/done``.
    case unblock(CacheKey, token: CacheToken)
    /// Asks for a value and gives it a new life time: ``CacheReply/value(_:)`` or ``CacheReply/absent``.
    case getAndExpire(CacheKey, Duration)
    /// Takes the lock of that name: ``CacheReply/count(_:)`` of its *fence*, or ``CacheReply/busy`` if another token holds
    /// it. With the token that holds it the fence is the same, and the longer of both times counts.
    ///
    /// A name has one holder at a time, until it is unlocked or the time has passed. Locks have names of their own: a
    /// value under the same key is another thing. They are neither flushed nor dropped to make room.
    ///
    /// A fence is greater than all that were given for that name of that tenant before, also after the lock has ended. The
    /// cache that lost its data, was restarted, or is another one now has forgotten who holds a lock, so that there may be
    /// two holders until the former one's time has passed. The later fence is greater even then, as long as the clock
    /// that the cache goes by shows a later time than when the former fence was given.
    case lock(CacheKey, token: CacheToken, holdTime: Duration)
    /// Holds a lock for that time from now on: ``CacheReply/done``, or ``CacheReply/refused`` if the token does not hold it
    /// any more.
    case renew(CacheKey, token: CacheToken, holdTime: Duration)
    /// Gives a lock back: ``CacheReply/done``, or ``CacheReply/refused`` if the token does not hold it any more.
    case unlock(CacheKey, token: CacheToken)
}

extension CacheCommand {
    /// The key or the lock that the command is about.
    package var key: CacheKey {
        switch self {
        case .get(let key), .set(let key, _, _, _), .delete(let key), .expire(let key, _), .increment(let key, _, _),
            .lookUp(let key, _, _), .fill(let key, _, _, _), .block(let key, _, _), .unblock(let key, _),
            .getAndExpire(let key, _), .lock(let key, _, _), .renew(let key, _, _), .unlock(let key, _):
            key
        }
    }
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
    /// Another holds it: the lease, and is about to fill the value; or the lock.
    case busy
    /// There is none, and nobody may fill it while a writer blocks it.
    case blocked
    /// The command was carried out.
    case done
    /// The command's condition did not hold.
    case refused
    /// A number.
    case count(Int64)
}

extension CacheCommand {
    /// How many bytes of values the command carries.
    package var valueBytes: Int {
        switch self {
        case .set(_, let value, _, .ifEqual(let expected)): value.count + expected.count
        case .set(_, let value, _, _), .fill(_, _, let value, _): value.count
        default: 0
        }
    }
}

extension CacheReply {
    /// How many bytes of values the reply carries.
    package var valueBytes: Int { if case .value(let bytes) = self { bytes.count } else { 0 } }
}

/// Where a scan goes on. It tells nothing of keys or values.
public struct CacheCursor: Sendable, Hashable {
    /// The cursor as text.
    public let text: String

    /// A cursor, from its text.
    public init(_ text: String) { self.text = text }
}

/// Some of a tenant's keys.
public struct CachePage: Sendable, Hashable {
    /// The keys; none does not mean that there are no more.
    public let keys: [CacheKey]
    /// Where the next page begins; `nil` if this is the last.
    public let next: CacheCursor?

    /// A page.
    public init(keys: [CacheKey], next: CacheCursor?) {
        self.keys = keys
        self.next = next
    }
}

/// What a tenant's values take.
public struct CacheUsage: Sendable, Hashable {
    /// How many values there are.
    public var entries: Int
    /// How many bytes they are taken to occupy, with their keys and what the cache adds: an estimate.
    public var bytes: Int

    /// A usage.
    public init(entries: Int = 0, bytes: Int = 0) {
        self.entries = entries
        self.bytes = bytes
    }
}
