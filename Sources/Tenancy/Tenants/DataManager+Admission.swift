import TenancyCore

// Which tenants this process knows, and which it lets in.
extension DataManager {
    /// What this process knows of a tenant, read from the database the first time.
    func entry(_ id: TenantID, until deadline: ContinuousClock.Instant?) async throws(TenancyError) -> TenantEntry {
        if let entry = entries[id] { return entry }
        return try await freshEntry(id, until: deadline)
    }

    /// What the database knows of a tenant now.
    func freshEntry(
        _ id: TenantID, until deadline: ContinuousClock.Instant?
    ) async throws(TenancyError) -> TenantEntry {
        let asked = ContinuousClock.now
        return entries.remember(try StoredTenant(try await tenantRecord(id, until: deadline), asked: asked))
    }

    /// Throws unless the tenant's calls are admitted now.
    ///
    /// - Parameter isSystem: Whether the call is part of a system access, which a suspended tenant admits.
    func admit(
        _ entry: TenantEntry, until deadline: ContinuousClock.Instant?, isSystem: Bool = false
    ) async throws(TenancyError) {
        let now = ContinuousClock.now
        switch entry.verdict(at: now, interval: registryPolicy.refreshInterval) {
        case .trusted(let status): return try status.require(entry.id, isSystem: isSystem)
        case .aging(let status):
            do throws(TenancyError) {
                entry.update(try StoredTenant(try await tenantRecord(entry.id, until: deadline), asked: now))
            } catch {
                // What is known still holds; another call tries again.
                entry.refreshFailed()
                return try status.require(entry.id, isSystem: isSystem)
            }
        case .unknown: entry.update(try StoredTenant(try await tenantRecord(entry.id, until: deadline), asked: now))
        }
        try entry.tenant.status.require(entry.id, isSystem: isSystem)
    }

    /// A tenant's record in the registry.
    func tenantRecord(
        _ id: TenantID, until deadline: ContinuousClock.Instant? = nil
    ) async throws(TenancyError) -> TenantRecord {
        try refuseReserved(id)
        if let record = try await system(until: deadline).read(TenantRecord.self, id.rawValue) { return record }
        throw TenancyError(.tenantNotFound, "No tenant has that id.", details: .init(tenant: id))
    }

    /// An adapter or a cache sees the reserved tenant's id in its calls; here it is nobody's.
    func refuseReserved(_ id: TenantID) throws(TenancyError) {
        if id == .system { throw TenancyError(.tenantNotFound, "No tenant has that id.") }
    }

    /// The reserved tenant's handle, for calls that must have ended by a deadline of the caller's.
    func system(until deadline: ContinuousClock.Instant?) -> TenantHandle {
        var session = systemHandle.session
        session.context.deadline = deadline
        return TenantHandle(session: session)
    }
}
