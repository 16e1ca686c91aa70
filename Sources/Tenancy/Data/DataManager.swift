import Logging
import Synchronization
public import TenancyCore

/// The data layer: what every handle's calls pass through on their way to cache and database.
///
/// It has no call that takes data and no tenant; ``TenantHandle`` binds one. What it offers itself is about the whole:
/// which entities there are, and how the cache fares.
public final class DataManager: Sendable {
    let adapter: any DatabaseAdapter
    let cache: CacheAside?
    /// What the process itself keeps of the cache.
    let local: LocalCache?
    /// What is different for some entities, by their types and by their descriptions.
    let entityPolicies: [ObjectIdentifier: SDKConfig.EntityPolicy]
    let limits: SDKConfig.Limits
    let callTimeout: Duration
    let recorder: AnalyticsRecorder
    private let registered: Set<EntityDescription>
    private let byName: [String: EntityDescription]
    let registryPolicy: SDKConfig.RegistryPolicy
    let entries: TenantEntries
    private let cursors = Mutex<CursorCodec?>(nil)
    private let isRunning = Mutex(true)

    init(
        _ config: SDKConfig, adapter: any DatabaseAdapter, cache: CacheAside?, entries: TenantEntries,
        recorder: AnalyticsRecorder
    ) {
        self.adapter = adapter
        self.cache = cache
        local = cache?.local
        var policies: [ObjectIdentifier: SDKConfig.EntityPolicy] = [:]
        for type in config.entities {
            guard let policy = config.caching.entities[type.entityDescription.name] else { continue }
            policies[ObjectIdentifier(type)] = policy
            policies[ObjectIdentifier(type.entityDescription)] = policy
        }
        entityPolicies = policies
        self.recorder = recorder
        limits = config.limits
        callTimeout = config.callTimeout
        registryPolicy = config.registry
        self.entries = entries
        byName = Dictionary(
            config.entities.map { ($0.entityDescription.name, $0.entityDescription) }, uniquingKeysWith: { $1 })
        registered = Set(byName.values)
    }

    /// Tenancy's own records, which belong to the reserved tenant.
    static let ownEntities = [
        TenantRecord.schema.description, AuditRecord.schema.description, MetaRecord.schema.description,
    ]

    /// The entities that the SDK was configured with, in the order of their names.
    public var entities: [EntityDescription] { byName.values.sorted { $0.name < $1.name } }

    /// The entity of that name.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/entityNotRegistered``.
    public func entity(named name: String) throws(TenancyError) -> EntityDescription {
        if let entity = byName[name] { return entity }
        throw TenancyError(.entityNotRegistered, "No entity of that name is registered.")
    }

    /// What the cache did so far; `nil` if none is configured. Look-ups are counted by records, and by values of
    /// ``TenantHandle/cache``.
    public var cacheStatistics: CacheStatistics? { cache?.statistics }

    /// The same by ``SDKConfig/tenantClass``, as far as it is a tenant's doing: look-ups, damage, bytes read and written, and
    /// latencies. At most 33 classes; what comes after is `other`, as is what was done before the tenant was known.
    public var cacheStatisticsByClass: [String: CacheStatistics] { cache?.meters.byClass ?? [:] }

    /// How caching fares, and whether it is degraded; `nil` if no cache is configured.
    public var cachingStatus: CachingStatus? { cache?.status }

    /// What the process's own copies in front of the cache did so far; `nil` if there are none. A read that they answer
    /// is not counted by ``cacheStatistics``.
    public var localCacheStatistics: CacheStatistics? { local?.statistics }

    /// How long after a tenant is refused here another process may still work for it.
    var deletionGrace: Duration {
        registryPolicy.deletionGrace ?? registryPolicy.refreshInterval + callTimeout
    }

    /// The handle of the reserved tenant.
    var systemHandle: TenantHandle {
        TenantHandle(
            session: DataSession(
                manager: self, context: TenantContext(tenant: .system), admission: .own, runner: adapter))
    }

    /// Throws unless the entity may be used: an application's own, or, by the SDK itself, one of Tenancy's.
    func require(_ entity: EntityDescription, _ admission: DataSession.Admission) throws(TenancyError) {
        if case .own = admission, Self.ownEntities.contains(entity) { return }
        guard registered.contains(entity) else {
            throw TenancyError(
                .entityNotRegistered, "The entity is not registered.",
                hint: "Add it to SDKConfig.entities, and declare its schema as 'static let'.",
                details: .init(entity: entity.name))
        }
    }

    func builder(_ entity: EntityDescription) -> StatementBuilder {
        StatementBuilder(
            entity, maximumValueBytes: limits.maximumValueBytes, ignoresCase: adapter.capabilities.ignoresCase)
    }

    func requireRunning() throws(TenancyError) {
        guard isRunning.withLock(\.self) else { throw TenancyError(.shutDown, "The SDK has shut down.") }
    }

    func stop() {
        isRunning.withLock { $0 = false }
        // Copies are handed out without asking whether the SDK runs.
        local?.close()
    }

    /// What makes and checks cursors, with a key that all processes of the database share.
    func cursorCodec() async throws(TenancyError) -> CursorCodec {
        if let codec = cursors.withLock(\.self) { return codec }
        let codec = CursorCodec(secret: try await MetaRecord.cursorKey(in: systemHandle))
        cursors.withLock { $0 = codec }
        return codec
    }

    /// Removes a tenant's records, for as long as it takes: each step has the database's own bounds, and a task that is
    /// cancelled ends it. The cache is not blocked meanwhile, because nobody is let in to read from it; it is emptied
    /// behind.
    func removeAllData(of tenant: TenantID) async throws(TenancyError) {
        try await adapter.removeAllData(in: TenantContext(tenant: tenant))
        try await cache?.flush(tenant)
    }
}
