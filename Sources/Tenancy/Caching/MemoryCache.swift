import Logging
import Synchronization
public import TenancyCore

/// A cache in the process's own memory: the whole contract of ``CacheAdapter``, bounded in bytes, without a server.
///
/// Keys are spread over shards, each with a lock and an equal part of the bound. A shard drops what was used longest
/// ago to make room; it never drops a block, because a block that is forgotten lets a slow reader store what a writer
/// has replaced, nor a lock. Sizes count keys, values and an estimate of what the cache adds to them.
///
/// Writers in other processes are not seen, so one process alone may write to a database that is cached here.
public final class MemoryCache: CacheNotifying {
    private let shards: [Shard]
    private let now: @Sendable () -> Duration
    private let isShutDown = Atomic(false)
    private let observers = Mutex<[WeakObserver]>([])

    private struct WeakObserver {
        weak var observer: (any CacheObserver)?
    }

    /// A lock and what it guards. A class, so that shards can stand in an array.
    private final class Shard: Sendable {
        let state: Mutex<MemoryCacheShard>
        init(maximumBytes: Int) { state = Mutex(MemoryCacheShard(maximumBytes: maximumBytes)) }
    }

    /// `memory`.
    public let name = "memory"

    /// The largest entry: key, value and overhead. Larger ones are refused.
    public let maximumEntryBytes: Int

    /// The least bound: what a handful of small entries take.
    public static let leastMaximumBytes = 4_096

    /// A cache.
    ///
    /// - Parameters:
    ///   - maximumBytes: What keys, values and overhead may take together; at least ``leastMaximumBytes``.
    ///   - shards: How many parts the cache has, 1 to 256, rounded up to a power of two; by default one for each
    ///     4 MiB, at most 16. An entry can't be larger than one part.
    ///   - clock: What life times are measured by.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``.
    public init(
        maximumBytes: Int, shards: Int? = nil, clock: some Clock<Duration> = ContinuousClock()
    ) throws(TenancyError) {
        guard maximumBytes >= Self.leastMaximumBytes else {
            throw TenancyError(
                .invalidConfiguration, "A memory cache's maximumBytes is less than \(Self.leastMaximumBytes).")
        }
        guard (1...256).contains(shards ?? 1) else {
            throw TenancyError(.invalidConfiguration, "A memory cache's number of shards is not in 1…256.")
        }
        let wanted = shards ?? min(16, max(1, maximumBytes / (4 << 20)))
        var count = 1
        while count < wanted { count *= 2 }
        let part = maximumBytes / count
        self.shards = (0..<count).map { _ in Shard(maximumBytes: part) }
        maximumEntryBytes = part
        now = Self.stopwatch(clock)
    }

    /// Tells the time since now. The usual clock is asked without a detour over its protocol, which every hit would pay.
    private static func stopwatch<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Duration {
        if clock is ContinuousClock {
            let start = ContinuousClock.now
            return { start.duration(to: .now) }
        }
        let start = clock.now
        return { start.duration(to: clock.now) }
    }

    /// Does nothing: there is nothing to connect to.
    public func start() async throws(TenancyError) {}

    /// Runs commands in order; each is atomic.
    public func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        guard !isShutDown.load(ordering: .relaxed) else {
            throw TenancyError(.shutDown, "The cache was shut down.", details: .init(tenant: tenant))
        }
        if commands.count == 1 { return [perform(commands[0], tenant)] }
        var replies: [CacheReply] = []
        replies.reserveCapacity(commands.count)
        for command in commands { replies.append(perform(command, tenant)) }
        return replies
    }

    @inline(__always)
    private func perform(_ command: CacheCommand, _ tenant: TenantID) -> CacheReply {
        let address = MemoryCacheAddress(tenant, command.key)
        let shard = shards[address.shard & (shards.count - 1)]
        let reply = shard.state.withLock { $0.perform(command, at: address, now) }
        switch command {
        case .get, .lookUp, .fill, .expire, .getAndExpire, .lock, .renew, .unlock: break
        case .set, .delete, .increment, .block, .unblock: tell { $0.changed(command.key, of: tenant) }
        }
        return reply
    }

    /// Yes.
    public var notifiesBeforeReturning: Bool { true }

    /// Tells an observer from now on.
    public func addObserver(_ observer: any CacheObserver) {
        observers.withLock { observers in
            observers.removeAll { $0.observer == nil }
            observers.append(WeakObserver(observer: observer))
        }
    }

    private func tell(_ body: (any CacheObserver) -> Void) {
        for entry in observers.withLock(\.self) { if let observer = entry.observer { body(observer) } }
    }

    /// Removes the values and leases of one tenant. Costs what that tenant has, whatever others have.
    @discardableResult
    public func flush(_ tenant: TenantID) async throws(TenancyError) -> Int {
        let count = shards.reduce(0) { sum, shard in sum + shard.state.withLock { $0.flush(tenant, now()) } }
        tell { $0.changedAll(of: tenant) }
        return count
    }

    /// The next of a tenant's keys. Each call looks at a thousand entries of any tenants at most.
    public func scan(
        _ tenant: TenantID, prefix: String, after cursor: CacheCursor?
    ) async throws(TenancyError) -> CachePage {
        let parts = (cursor?.text ?? "0-0").split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let index = parts[0], shards.indices.contains(index), let start = parts[1], start >= 0
        else {
            throw TenancyError(
                .invalidCursor, "The cursor is not one of this cache's.", details: .init(tenant: tenant))
        }
        let page = shards[index].state.withLock { $0.keys(of: tenant, prefix: prefix, from: start, now()) }
        let next = page.next.map { (index, $0) } ?? (index + 1 < shards.count ? (index + 1, 0) : nil)
        return CachePage(keys: page.keys, next: next.map { CacheCursor("\($0)-\($1)") })
    }

    /// What a tenant's values take. Costs what that tenant has, whatever others have.
    public func usage(of tenant: TenantID) async throws(TenancyError) -> CacheUsage {
        shards.reduce(into: CacheUsage()) { sum, shard in
            let part = shard.state.withLock { $0.usage(of: tenant, now()) }
            sum.entries += part.entries
            sum.bytes += part.bytes
        }
    }

    /// What the cache did so far. Entries and bytes include what has expired and was not swept up yet.
    public func statistics() -> CacheStatistics {
        shards.reduce(into: CacheStatistics()) { sum, shard in
            sum.add(shard.state.withLock(\.statistics))
        }
    }

    /// Healthy until it is shut down.
    public func health() async -> BackendHealth {
        guard isShutDown.load(ordering: .relaxed) else { return BackendHealth(isHealthy: true, latency: .zero) }
        return BackendHealth(
            isHealthy: false, latency: .zero, error: TenancyError(.shutDown, "The cache was shut down."))
    }

    /// Forgets everything. Later commands throw ``TenancyError/Code/shutDown``.
    public func shutDown() async {
        isShutDown.store(true, ordering: .relaxed)
        for shard in shards { shard.state.withLock { $0.removeAll() } }
    }
}

extension CacheSource {
    /// A cache in the process's own memory; see ``MemoryCache``.
    ///
    /// - Parameters:
    ///   - maximumBytes: What keys, values and overhead may take together.
    ///   - shards: How many parts the cache has; by default one for each 4 MiB, at most 16.
    ///   - clock: What life times are measured by.
    public static func memory(
        maximumBytes: Int = 64 << 20, shards: Int? = nil, clock: some Clock<Duration> = ContinuousClock()
    ) -> CacheSource {
        CacheSource(name: "memory") { _ throws(TenancyError) in
            try MemoryCache(maximumBytes: maximumBytes, shards: shards, clock: clock)
        }
    }
}
