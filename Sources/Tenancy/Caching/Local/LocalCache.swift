import Synchronization
import TenancyCore

/// Decoded records in the process's own memory, in front of the cache.
///
/// A record is kept when the cache has it, and forgotten when a writer blocks or unblocks it: at once if the writer is
/// of this SDK, or the cache tells of changes. What was looked up before such a moment is not kept after it.
///
/// A cache that tells of every change before the writer's call returns makes what is kept as good as the cache: strong
/// reads are answered. Of any other, only reads that may be old are, and only with what is known to be young enough.
final class LocalCache: CacheObserver {
    /// What is known of a record.
    enum Answer<Element: Sendable> {
        case unknown
        case absent
        case found(Element)
    }

    private final class Box<Element: Sendable>: Sendable {
        let element: Element
        init(_ element: Element) { self.element = element }
    }

    /// A lock and what it guards. A class, so that shards can stand in an array.
    private final class Shard: Sendable {
        let state: Mutex<LocalShard>
        init(maximumBytes: Int) { state = Mutex(LocalShard(maximumBytes: maximumBytes)) }
    }

    private let shards: [Shard]
    private let timeToLive: Int64
    /// Whether the cache tells of each change before the call that makes it returns.
    private let isStrong: Bool
    private let types: [String: (type: ObjectIdentifier, entity: EntityDescription)]
    /// As of when everything is known to have been told; see ``CacheObserver/confirmed(_:)``.
    private let confirmed = Atomic(Int64.min / 4)
    /// What time it is, if a test decides it.
    private let clock: (@Sendable () -> Int64)?

    /// A cache of the records of some entities.
    ///
    /// - Parameters:
    ///   - maximumBytes: What keys, records and overhead may be taken to occupy.
    ///   - isStrong: Whether every change is told before it is acknowledged.
    init(
        maximumBytes: Int, timeToLive: Duration, isStrong: Bool, entities: [any Entity.Type],
        clock: (@Sendable () -> Int64)? = nil
    ) {
        var count = 1
        while count < 64, maximumBytes / (count * 2) >= 64 << 10 { count *= 2 }
        shards = (0..<count).map { _ in Shard(maximumBytes: maximumBytes / count) }
        self.timeToLive = LocalTime.nanoseconds(timeToLive)
        self.isStrong = isStrong
        self.clock = clock
        types = Dictionary(
            entities.map { ($0.entityDescription.name, (ObjectIdentifier($0), $0.entityDescription)) },
            uniquingKeysWith: { $1 })
    }

    @inline(__always)
    private func shard(_ hash: UInt64) -> Shard { shards[Int(truncatingIfNeeded: hash >> 48) & (shards.count - 1)] }

    @inline(__always)
    private func time(_ now: Int64) -> Int64 { clock?() ?? now }

    // MARK: Reading

    /// A record, if it is kept and young enough.
    ///
    /// - Parameters:
    ///   - consistency: How old it may be.
    ///   - now: ``LocalTime/now()``, which the caller has read already.
    func read<Element: Entity>(
        _ type: Element.Type, _ key: Value, of tenant: TenantID, _ consistency: ReadConsistency, now: Int64
    ) -> Answer<Element> {
        if consistency == .strong, !isStrong { return .unknown }
        let address = LocalAddress(tenant, ObjectIdentifier(type), key)
        let now = time(now)
        let oldest = oldest(consistency, now)
        guard let hit = shard(address.hash).state.withLock({ $0.find(address, now: now, currentAt: oldest) })
        else { return .unknown }
        guard let value = hit.value else { return .absent }
        guard let box = value as? Box<Element> else { return .unknown }
        return .found(box.element)
    }

    /// As of when a record must have been current; everything that is kept, if changes are told at once.
    @inline(__always)
    private func oldest(_ consistency: ReadConsistency, _ now: Int64) -> Int64 {
        if isStrong { return .min }
        guard let maximumStaleness = consistency.maximumStaleness else { return .max }
        let limit = now - LocalTime.nanoseconds(maximumStaleness)
        // What was not told of until then has not changed until then.
        return confirmed.load(ordering: .acquiring) >= limit ? .min : limit
    }

    /// To be taken before a record is looked up that is to be kept.
    func ticket<Element: Entity>(_ type: Element.Type, _ key: Value, of tenant: TenantID) -> LocalTicket {
        let address = LocalAddress(tenant, ObjectIdentifier(type), key)
        let now = time(LocalTime.now())
        return shard(address.hash).state.withLock { $0.ticket(address, now: now) }
    }

    /// Keeps a record, or that there is none, that was found in the cache or stored there since the ticket was given.
    ///
    /// - Parameter bytes: What it takes in the cache, from which what it takes here is estimated.
    func keep<Element: Entity>(
        _ element: Element?, bytes: Int, _ key: Value, of tenant: TenantID, _ ticket: LocalTicket, life: Duration?
    ) {
        let address = LocalAddress(tenant, ObjectIdentifier(Element.self), key)
        let box = element.map(Box.init)
        let life = min(timeToLive, life.map(LocalTime.nanoseconds) ?? .max)
        // A decoded record has what its bytes have, and for each of its larger texts an object more.
        let size = MemoryLayout<Element>.stride + 2 * bytes
        shard(address.hash).state.withLock {
            $0.keep(box, bytes: size, at: address, ticket, expires: ticket.asOf &+ life)
        }
    }

    /// What it did so far.
    var statistics: CacheStatistics {
        shards.reduce(into: CacheStatistics()) { sum, shard in
            sum.add(shard.state.withLock(\.statistics))
        }
    }

    // MARK: Forgetting

    /// Forgets what a write changes.
    func forget(_ changes: CacheChanges, of tenant: TenantID) {
        for entity in changes.entities { forgetAll(entity.name, of: tenant) }
        for (entity, keys) in changes.keys {
            guard let type = types[entity.name]?.type else { continue }
            for key in keys { forget(LocalAddress(tenant, type, key)) }
        }
    }

    private func forget(_ address: LocalAddress) {
        shard(address.hash).state.withLock { $0.change(address.hash) }
    }

    private func forgetAll(_ entity: String, of tenant: TenantID) {
        guard let type = types[entity]?.type else { return }
        let scope = LocalAddress.scope(tenant, type)
        for shard in shards { shard.state.withLock { $0.changeAll(in: scope) } }
    }

    func changed(_ key: CacheKey, of tenant: TenantID) {
        switch CacheName(key) {
        case .generation(let entity): forgetAll(entity, of: tenant)
        case .record(let entity, let text):
            guard let (type, entity) = types[entity] else { return }
            if let key = Value(cacheText: text, as: entity.key.type) {
                forget(LocalAddress(tenant, type, key))
            } else {
                forgetAll(entity.name, of: tenant)
            }
        case nil: break
        }
    }

    func changedAll(of tenant: TenantID) { for entity in types.keys { forgetAll(entity, of: tenant) } }

    func lost() {
        confirmed.store(.min / 4, ordering: .releasing)
        for shard in shards { shard.state.withLock { $0.removeAll() } }
    }

    func confirmed(_ instant: ContinuousClock.Instant) {
        let moment = time(LocalTime.now()) - LocalTime.nanoseconds(instant.duration(to: .now))
        confirmed.store(moment, ordering: .releasing)
    }

    /// Forgets everything and keeps nothing more.
    func close() { for shard in shards { shard.state.withLock { $0.removeAll(closing: true) } } }
}
