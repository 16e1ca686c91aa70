public import TenancyCore

/// What an application caches of its own for one tenant: `tenant.cache`.
///
/// ```swift
/// let quota = try await tenant.cache.increment("calls:2026-11-21", timeToLive: .seconds(86_400))
/// try await tenant.cache.set("dashboard", dashboard, timeToLive: .seconds(60))
/// let dashboard = try await tenant.cache.get("dashboard", as: Dashboard.self)
/// ```
///
/// Keys are the tenant's own: no key reaches another tenant's values, nor what ``MultiTenantSDK`` caches itself. A cache
/// may forget anything at any time. What is stored here has nothing to do with the database: a transaction that is rolled
/// back takes nothing of it back, and a cache that can't be reached makes the call fail.
///
/// Values are stored as JSON, with a digest of tenant, key and content, and compressed as
/// ``SDKConfig/CachingPolicy/compression`` says. What was damaged is a miss and removed; what has another form than the type
/// that is asked for, such as a value of an older release, is a miss.
///
/// Every call throws ``TenancyError``: the codes of admission, as every call of a handle; `unsupported` if
/// ``SDKConfig/cache`` is `nil`; `invalidValue` for an empty key or name, and `valueTooLarge` for one of more than 1,024
/// bytes; and what the cache throws, such as `unavailable` and `timeout`. After `timeout` the command may have been carried
/// out.
public struct TenantCache: Sendable {
    let session: DataSession

    /// The longest key, in bytes.
    static let maximumKeyBytes = 1_024

    // MARK: Values

    /// The value under a key; `nil` if there is none of that type. A counter is an integer.
    public func get<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) async throws(TenancyError)
        -> Value?
    {
        try await get([key], as: type)[key]
    }

    /// The values under keys, in one round trip; those that are absent or of another type are left out.
    public func get<Value: Decodable>(
        _ keys: [String], as type: Value.Type = Value.self
    ) async throws(TenancyError) -> [String: Value] {
        var commands: [CacheCommand] = []
        for key in keys { commands.append(.get(try Self.key(key))) }
        return try await found(try await run(commands), keys)
    }

    /// The value under a key, which lives for that long from now on; `nil` if there is none of that type.
    public func get<Value: Decodable>(
        _ key: String, as type: Value.Type = Value.self, extendingTo timeToLive: Duration
    ) async throws(TenancyError) -> Value? {
        try await found(try await run([.getAndExpire(try Self.key(key), timeToLive)]), [key])[key]
    }

    /// Stores a value. If there is no room for it, it is not kept, and nor is what it replaces.
    ///
    /// - Parameters:
    ///   - timeToLive: How long it lives; ``SDKConfig/CachingPolicy/timeToLive`` if `nil`.
    ///   - jitter: By which part of the time it lives shorter or longer, by chance, 0 to 0.5, so that what was stored
    ///     together doesn't expire together; ``SDKConfig/CachingPolicy/jitter`` if `nil`.
    public func set<Value: Encodable>(
        _ key: String, _ value: Value, timeToLive: Duration? = nil, jitter: Double? = nil
    ) async throws(TenancyError) {
        try await set([key: value], timeToLive: timeToLive, jitter: jitter)
    }

    /// Stores values, in one round trip. See ``set(_:_:timeToLive:jitter:)-(_,Value,_,_)``.
    public func set<Value: Encodable>(
        _ values: [String: Value], timeToLive: Duration? = nil, jitter: Double? = nil
    ) async throws(TenancyError) {
        var commands: [CacheCommand] = []
        for (key, value) in values { commands.append(try store(key, value, timeToLive, jitter, .always)) }
        _ = try await run(commands)
    }

    /// Stores a value if there is none under the key.
    ///
    /// - Returns: Whether it was stored.
    public func setIfAbsent<Value: Encodable>(
        _ key: String, _ value: Value, timeToLive: Duration? = nil, jitter: Double? = nil
    ) async throws(TenancyError) -> Bool {
        try await run([try store(key, value, timeToLive, jitter, .ifAbsent)]) == [.done]
    }

    /// Stores a value if the one under the key equals another, atomically.
    ///
    /// - Parameter expected: What must be there; `nil` is nothing.
    /// - Returns: Whether it was stored.
    public func compareAndSet<Value: Codable & Equatable>(
        _ key: String, from expected: Value?, to value: Value, timeToLive: Duration? = nil, jitter: Double? = nil
    ) async throws(TenancyError) -> Bool {
        let name = try Self.key(key)
        if expected == nil, try await setIfAbsent(key, value, timeToLive: timeToLive, jitter: jitter) { return true }
        // Compared as values, because the same value may have been stored in several forms. Then the bytes are compared.
        guard case .value(let bytes) = try await run([.get(name)]).first,
            try await decoded(bytes, name, Value.self) == expected
        else { return false }
        return try await run([try store(key, value, timeToLive, jitter, .ifEqual(bytes))]) == [.done]
    }

    /// Removes what is under a key.
    ///
    /// - Returns: Whether something was.
    @discardableResult
    public func remove(_ key: String) async throws(TenancyError) -> Bool { try await remove([key]) == 1 }

    /// Removes what is under keys, in one round trip.
    ///
    /// - Returns: Under how many something was.
    @discardableResult
    public func remove(_ keys: [String]) async throws(TenancyError) -> Int {
        var commands: [CacheCommand] = []
        for key in keys { commands.append(.delete(try Self.key(key))) }
        return try await run(commands).count { $0 == .count(1) }
    }

    /// Gives a value a new life time, from now on.
    ///
    /// - Returns: Whether there is one.
    @discardableResult
    public func extend(_ key: String, to timeToLive: Duration) async throws(TenancyError) -> Bool {
        try await run([.expire(try Self.key(key), timeToLive)]) == [.count(1)]
    }

    /// Adds to a counter, atomically; one that is absent is 0. To read one, `get(key, as: Int64.self)`.
    ///
    /// - Parameters:
    ///   - amount: What to add; may be negative.
    ///   - timeToLive: How long a counter lives from when it is made; ``SDKConfig/CachingPolicy/timeToLive`` if `nil`.
    /// - Returns: The sum.
    /// - Throws: ``TenancyError`` with code `typeMismatch` if the value is no integer, the sum leaves 64 bits, or there is no
    ///   room.
    @discardableResult
    public func increment(
        _ key: String, by amount: Int64 = 1, timeToLive: Duration? = nil
    ) async throws(TenancyError) -> Int64 {
        let life = try self.life(timeToLive, jitter: 0)
        guard case .count(let sum) = try await run([.increment(try Self.key(key), by: amount, timeToLive: life)]).first
        else {
            throw TenancyError(
                .typeMismatch, "What is cached under the key can't be added to.",
                hint: "Use a key for a counter only, and keep it within 64 bits.", details: .init(tenant: tenant))
        }
        return sum
    }

    // MARK: All

    /// The next of the keys under which the application has stored something, in no order.
    ///
    /// Each call is a bounded amount of work for the cache, so a page may be empty although there are more. A key that is
    /// there from the first page to the last is in one of them, or in several.
    ///
    /// - Parameters:
    ///   - prefix: What the keys begin with, by bytes; nothing in it has a meaning as a pattern.
    ///   - cursor: ``Page/next`` of the page before; `nil` for the first page.
    /// - Throws: ``TenancyError`` with code `invalidCursor` if the cursor is none, or the server at which the scan was is no
    ///   longer there.
    public func scan(prefix: String = "", after cursor: CacheCursor? = nil) async throws(TenancyError) -> Page {
        let page = try await call { cache throws(TenancyError) in
            try await cache.adapter.scan(tenant, prefix: CacheName.applicationPrefix + prefix, after: cursor)
        }
        return Page(keys: page.keys.compactMap(CacheName.applicationKey), next: page.next)
    }

    /// Some of the application's keys.
    public struct Page: Sendable, Hashable {
        /// The keys; none does not mean that there are no more.
        public let keys: [String]
        /// Where the next page begins; `nil` if this is the last.
        public let next: CacheCursor?
    }

    /// How many values the tenant has in the cache and what they take, those that ``MultiTenantSDK`` caches included. Goes
    /// through all of the tenant's keys; with a shared cache, of all tenants' keys.
    public func usage() async throws(TenancyError) -> CacheUsage {
        try await call { cache throws(TenancyError) in try await cache.adapter.usage(of: tenant) }
    }

    /// Removes everything that is cached of the tenant, by the application and by ``MultiTenantSDK``. Locks stay.
    public func removeAll() async throws(TenancyError) {
        try await call { cache throws(TenancyError) in try await cache.flush(tenant) }
    }

    // MARK: Calls

    var tenant: TenantID { session.context.tenant }

    func run(_ commands: [CacheCommand]) async throws(TenancyError) -> [CacheReply] {
        try await call { cache throws(TenancyError) in try await cache.exchange(commands, tenant) }
    }

    private func call<Result>(
        _ body: (CacheAside) async throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        let context = try await session.admit()
        guard let cache = session.manager.cache else { throw missing }
        let result = try await body(cache)
        try context.checkAlive()
        return result
    }

    private var missing: TenancyError {
        TenancyError(
            .unsupported, "No cache is configured.", hint: "Set SDKConfig.cache.", details: .init(tenant: tenant))
    }

    static func key(_ key: String) throws(TenancyError) -> CacheKey {
        guard !key.isEmpty else {
            throw TenancyError(.invalidValue, "A cached value's key is empty.", hint: "Say what is cached.")
        }
        guard key.utf8.count <= maximumKeyBytes else {
            throw TenancyError(
                .valueTooLarge, "A cached value's key is longer than \(maximumKeyBytes) bytes.",
                hint: "Use a digest of it.")
        }
        return CacheName.application(key)
    }

    // MARK: Forms

    private func store(
        _ key: String, _ value: some Encodable, _ timeToLive: Duration?, _ jitter: Double?, _ condition: CacheCondition
    ) throws(TenancyError) -> CacheCommand {
        let name = try Self.key(key)
        let life = try life(timeToLive, jitter: jitter)
        let forms = session.manager.cache?.forms ?? CacheForms()
        let bytes = try CachedValue.bytes(value, tenant: tenant, key: name, forms)
        let maximum = session.manager.limits.maximumValueBytes
        guard bytes.count <= maximum else {
            throw TenancyError(
                .valueTooLarge, "A value for the cache is larger than the limit of \(maximum) bytes.",
                details: .init(tenant: tenant))
        }
        return .set(name, bytes, timeToLive: life, condition: condition)
    }

    private func life(_ timeToLive: Duration?, jitter: Double?) throws(TenancyError) -> Duration {
        let policy = session.manager.cache?.policy ?? .init()
        let (life, jitter) = (timeToLive ?? policy.timeToLive, jitter ?? policy.jitter)
        guard life > .zero, (0...0.5).contains(jitter) else {
            throw TenancyError(
                .invalidValue, "A cached value's life time is not positive, or its jitter is not in 0…0.5.",
                hint: "Remove what is to be gone at once.")
        }
        return life.varied(by: jitter)
    }

    private func found<Value: Decodable>(
        _ replies: [CacheReply], _ keys: [String]
    ) async throws(TenancyError) -> [String: Value] {
        var values: [String: Value] = [:]
        for (key, reply) in zip(keys, replies) {
            guard case .value(let bytes) = reply else { continue }
            values[key] = try await decoded(bytes, CacheName.application(key), Value.self)
        }
        session.manager.cache?.meters.count(for: tenant) {
            $0.hits += values.count
            $0.misses += keys.count - values.count
        }
        return values
    }

    private func decoded<Value: Decodable>(
        _ bytes: [UInt8], _ key: CacheKey, _ type: Value.Type
    ) async throws(TenancyError) -> Value? {
        guard let cache = session.manager.cache else { return nil }
        switch CachedValue.find(in: bytes, tenant: tenant, key: key, cache.forms) {
        case .json(let json): return try? json.decode(type)
        case .foreign: return nil
        case .damaged:
            cache.meters.count(for: tenant) { $0.damaged += 1 }
            _ = try? await run([.delete(key)])
            return nil
        }
    }
}

extension TenantHandle {
    /// What the application caches for the tenant.
    public var cache: TenantCache { TenantCache(session: session) }
}
