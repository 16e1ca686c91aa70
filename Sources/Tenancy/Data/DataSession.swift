import TenancyCore

/// On whose behalf and through what a handle's calls are made: the tenant, how it is admitted, and the database or the
/// transaction that runs its statements.
struct DataSession: Sendable {
    /// How a call is let in.
    enum Admission: Sendable {
        /// If the tenant is active.
        case tenant(TenantEntry)
        /// As long as system access lasts, unless the tenant is deleted meanwhile.
        case system(SystemAccess, TenantEntry)
        /// Always: the SDK's own records.
        case own
    }

    let manager: DataManager
    var context: TenantContext
    let admission: Admission
    let runner: any StatementRunner
    /// The transaction that the calls belong to, if any.
    var transaction: TransactionScope?
    /// What was tracked in that transaction so far.
    var events: TrackedEvents?
    /// How old reads may be, if the handle says so.
    var consistency: ReadConsistency?

    /// Lets a call in, or throws; and says until when it may run.
    func admit() async throws(TenancyError) -> TenantContext {
        var context = context
        if context.deadline == nil { context.deadline = .after(manager.callTimeout) }
        // What a transaction does was let in with it: a shutdown waits for its end.
        if transaction == nil { try manager.requireRunning() }
        try await requireAdmission(until: context.deadline)
        try context.checkAlive()
        return context
    }

    /// Throws unless the tenant may be reached now.
    func requireAdmission(until deadline: ContinuousClock.Instant?) async throws(TenancyError) {
        switch admission {
        case .tenant(let entry): try await manager.admit(entry, until: deadline)
        case .system(let access, let entry):
            try access.requireOpen()
            try await manager.admit(entry, until: deadline, isSystem: true)
        case .own: break
        }
    }

    /// The options of a read with everything filled in.
    ///
    /// - Parameter isQuery: Whether it is no read by key.
    func resolved(_ options: ReadOptions, for entity: EntityDescription, isQuery: Bool = false) -> ReadOptions {
        let policy = manager.entityPolicies[ObjectIdentifier(entity)]
        let usesCache = isQuery ? policy?.cachesResults ?? false : policy?.usesCache ?? true
        return ReadOptions(
            usesCache: options.usesCache ?? usesCache,
            cacheTimeToLive: options.cacheTimeToLive ?? policy?.timeToLive,
            consistency: options.consistency ?? consistency ?? (isQuery ? nil : policy?.consistency)
                ?? context.consistency)
    }

    /// The cache, unless the call is part of a transaction, which neither reads from it nor fills it, or is about
    /// Tenancy's own records: a cache of this process would hide what another process changed, and a shared one is no
    /// place for keys.
    func cache(for entity: EntityDescription, _ options: ReadOptions) -> CacheAside? {
        guard transaction == nil, options.usesCache != false, !DataManager.ownEntities.contains(entity) else {
            return nil
        }
        return manager.cache
    }

    /// A record that the process itself keeps. Whatever is not as usual is left to the long way, which knows what to
    /// throw; what is kept was let through there once, so its entity and key are known to be good.
    @inline(__always)
    func local<E: Entity>(_ type: E.Type, _ key: Value, _ options: ReadOptions) -> LocalCache.Answer<E> {
        guard let local = manager.local, transaction == nil, options.usesCache != false,
            case .tenant(let entry) = admission, !Task.isCancelled
        else { return .unknown }
        let now = LocalTime.now()
        guard entry.admits(at: now) else { return .unknown }
        if let deadline = context.deadline, deadline <= .now { return .unknown }
        var consistency = options.consistency ?? consistency
        if !manager.entityPolicies.isEmpty, let policy = manager.entityPolicies[ObjectIdentifier(type)] {
            if options.usesCache == nil, !policy.usesCache { return .unknown }
            consistency = consistency ?? policy.consistency
        }
        return local.read(type, key, of: context.tenant, consistency ?? .strong, now: now)
    }
}
