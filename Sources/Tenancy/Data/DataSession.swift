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

    /// The cache, unless the call is part of a transaction, which neither reads from it nor fills it, or is about
    /// Tenancy's own records: a cache of this process would hide what another process changed, and a shared one is no
    /// place for keys.
    func cache(for entity: EntityDescription, _ options: ReadOptions) -> CacheAside? {
        guard transaction == nil, options.usesCache, !DataManager.ownEntities.contains(entity) else { return nil }
        return manager.cache
    }
}
