import Foundation
public import TenancyCore

/// The tenants there are: kept in the configured database, remembered in this process.
public final class TenantRegistry: Sendable {
    private let access: EntityAccess<TenantRecord>
    private let policy: SDKConfig.RegistryPolicy
    private let entries: TenantEntries

    init(system: TenantHandle, policy: SDKConfig.RegistryPolicy) {
        access = system.entities(TenantRecord.self)
        self.policy = policy
        entries = TenantEntries(maximumCount: policy.maximumCachedTenants)
    }

    private var manager: DataManager { access.session.manager }

    /// Creates a tenant.
    ///
    /// - Parameters:
    ///   - id: The id, which is never given out again.
    ///   - name: A name for people.
    ///   - attributes: Facts such as `plan` and `country`.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/tenantAlreadyExists`` if the id is or was in use.
    @discardableResult
    public func create(
        _ id: TenantID, name: String, attributes: [String: String] = [:]
    ) async throws(TenancyError) -> Tenant {
        try Self.refuseReserved(id)
        let tenant = Tenant(
            id: id, name: name, status: .active, attributes: attributes,
            created: Timestamp.now.truncated(to: .milliseconds))
        let asked = ContinuousClock.now
        do throws(TenancyError) {
            return try remember(try await access.create(TenantRecord(tenant)), asked: asked).tenant
        } catch  where error.code == .uniqueViolation {
            throw TenancyError(
                .tenantAlreadyExists, "A tenant of that id is, or was, in the registry.", details: .init(tenant: id))
        }
    }

    /// The tenant of that id, whatever its status.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/tenantNotFound``.
    public func get(_ id: TenantID) async throws(TenancyError) -> Tenant { try await record(id).tenant() }

    /// Tenants in the order of their ids, page by page.
    ///
    /// - Parameters:
    ///   - size: The most tenants of the page.
    ///   - cursor: Where the last page ended; `nil` for the first page.
    ///   - includingDeleted: Whether deleted tenants are listed too.
    public func list(
        size: Int = 100, after cursor: Cursor? = nil, includingDeleted: Bool = false
    ) async throws(TenancyError) -> Page<Tenant> {
        var query = access.query()
        if !includingDeleted { query = query.where { $0.status != Tenant.Status.deleted.description } }
        let page = try await query.page(size: size, after: cursor)
        return try page.map { record throws(TenancyError) in try record.tenant() }
    }

    /// Gives a tenant another name for people.
    @discardableResult
    public func rename(_ id: TenantID, to name: String) async throws(TenancyError) -> Tenant {
        try await change(id) { $0.name = name }
    }

    /// Replaces a tenant's attributes.
    @discardableResult
    public func setAttributes(_ id: TenantID, _ attributes: [String: String]) async throws(TenancyError) -> Tenant {
        let json = JSON(.object(attributes.mapValues(JSONValue.string)))
        return try await change(id) { $0.attributes = json }
    }

    /// Refuses the tenant's calls from now on: at once in this process, within the refresh interval
    /// of ``SDKConfig/RegistryPolicy`` in others. Its data stays.
    @discardableResult
    public func suspend(_ id: TenantID) async throws(TenancyError) -> Tenant {
        try await change(id) { $0.status = Tenant.Status.suspended.description }
    }

    /// Admits the tenant's calls again.
    @discardableResult
    public func resume(_ id: TenantID) async throws(TenancyError) -> Tenant {
        try await change(id) { $0.status = Tenant.Status.active.description }
    }

    /// Refuses the tenant's calls for ever and removes its data. The id stays taken. Can be repeated if it fails
    /// half-way.
    public func delete(_ id: TenantID) async throws(TenancyError) {
        if try await record(id).status != Tenant.Status.deleted.description {
            _ = try await change(id) { $0.status = Tenant.Status.deleted.description }
        }
        try await manager.removeAllData(of: id)
    }

    /// An adapter or a cache sees the reserved tenant's id in its calls; here it is nobody's.
    private static func refuseReserved(_ id: TenantID) throws(TenancyError) {
        if id == .system { throw TenancyError(.tenantNotFound, "No tenant has that id.") }
    }

    private func record(
        _ id: TenantID, until deadline: ContinuousClock.Instant? = nil
    ) async throws(TenancyError) -> TenantRecord {
        try Self.refuseReserved(id)
        if let record = try await access.until(deadline).read(id.rawValue) { return record }
        throw TenancyError(.tenantNotFound, "No tenant has that id.", details: .init(tenant: id))
    }

    private func change(
        _ id: TenantID, _ body: (inout TenantRecord) -> Void
    ) async throws(TenancyError) -> Tenant {
        // Several operators may change a tenant at once; who loses reads again, so that no change is lost. One of them
        // always succeeds, and the pauses let the others' turns spread out.
        let deadline = ContinuousClock.Instant.after(manager.callTimeout)
        var pause = Duration.milliseconds(1)
        while true {
            let asked = ContinuousClock.now
            var record = try await record(id, until: deadline)
            if record.status == Tenant.Status.deleted.description {
                throw TenancyError(.tenantDeleted, "The tenant is deleted.", details: .init(tenant: id))
            }
            body(&record)
            do throws(TenancyError) {
                let changed = try await access.until(deadline).update(record)
                return try remember(changed, asked: asked).tenant
            } catch  where error.code == .staleVersion {
                try? await Task.sleep(for: pause * Double.random(in: 0...1))
                pause = min(pause * 2, .milliseconds(50))
            }
        }
    }

    // MARK: What the process remembers

    private func remember(_ record: TenantRecord, asked: ContinuousClock.Instant) throws(TenancyError) -> StoredTenant {
        let tenant = try StoredTenant(record, asked: asked)
        entries.remember(tenant)
        return tenant
    }

    /// What this process knows of a tenant, read from the database the first time.
    func entry(_ id: TenantID, until deadline: ContinuousClock.Instant?) async throws(TenancyError) -> TenantEntry {
        if let entry = entries[id] { return entry }
        let asked = ContinuousClock.now
        return entries.remember(try StoredTenant(try await record(id, until: deadline), asked: asked))
    }

    /// Throws unless the tenant's calls are admitted now.
    func admit(_ entry: TenantEntry, until deadline: ContinuousClock.Instant?) async throws(TenancyError) {
        let now = ContinuousClock.now
        switch entry.verdict(at: now, interval: policy.refreshInterval) {
        case .trusted(let status): return try status.requireActive(entry.id)
        case .aging(let status):
            do throws(TenancyError) {
                entry.update(try StoredTenant(try await record(entry.id, until: deadline), asked: now))
            } catch {
                // What is known still holds; another call tries again.
                entry.refreshFailed()
                return try status.requireActive(entry.id)
            }
        case .unknown: entry.update(try StoredTenant(try await record(entry.id, until: deadline), asked: now))
        }
        try entry.tenant.status.requireActive(entry.id)
    }
}

extension EntityAccess {
    /// The same records, for calls that must have ended by a deadline of the caller's.
    fileprivate func until(_ deadline: ContinuousClock.Instant?) -> EntityAccess {
        var session = session
        session.context.deadline = deadline
        return EntityAccess(session: session, schema: schema)
    }
}
