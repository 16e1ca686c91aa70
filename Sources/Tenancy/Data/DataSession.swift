import TenancyCore

/// On whose behalf and through what a handle's calls are made: the tenant, how it is admitted, and the database or the
/// transaction that runs its statements.
struct DataSession: Sendable {
    /// How a call is let in.
    enum Admission: Sendable {
        /// If the tenant is active.
        case tenant(TenantEntry)
        /// As long as system access lasts, whatever the tenant's status.
        case system(SystemAccess)
        /// Always: the SDK's own records.
        case own
    }

    let manager: DataManager
    var context: TenantContext
    let admission: Admission
    let runner: any StatementRunner
    /// The transaction that the calls belong to, if any.
    var transaction: TransactionScope?

    /// Lets a call in, or throws; and says until when it may run.
    func admit() async throws(TenancyError) -> TenantContext {
        let now = ContinuousClock.now
        try manager.requireRunning()
        switch admission {
        case .tenant(let entry): try await manager.admit(entry, at: now)
        case .system(let access): try access.requireOpen()
        case .own: break
        }
        var context = context
        if context.deadline == nil { context.deadline = now.advanced(by: manager.callTimeout) }
        try context.checkAlive()
        return context
    }

    /// The cache, unless the call is part of a transaction, which neither reads from it nor fills it.
    func cache(for entity: EntityDescription, _ options: ReadOptions) -> CacheAside? {
        guard transaction == nil, options.usesCache else { return nil }
        return manager.cache
    }
}
