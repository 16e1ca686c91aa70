import Foundation
import Synchronization
public import TenancyCore

/// The tenants there are: kept in the configured database, remembered in this process.
public final class TenantRegistry: Sendable {
    private let access: EntityAccess<TenantRecord>
    private let policy: SDKConfig.RegistryPolicy
    private let entries = Mutex<[TenantID: TenantEntry]>([:])

    init(system: TenantHandle, policy: SDKConfig.RegistryPolicy) {
        access = system.entities(TenantRecord.self)
        self.policy = policy
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
        let tenant = Tenant(
            id: id, name: name, status: .active, attributes: attributes,
            created: Timestamp.now.truncated(to: .milliseconds))
        do throws(TenancyError) {
            _ = try await access.create(TenantRecord(tenant))
        } catch where error.code == .uniqueViolation {
            throw TenancyError(
                .tenantAlreadyExists, "A tenant of that id is, or was, in the registry.", details: .init(tenant: id))
        }
        remember(tenant)
        return tenant
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

    /// Refuses the tenant's calls from now on: at once in this process, within ``SDKConfig/RegistryPolicy`` 's refresh
    /// interval in others. Its data stays.
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

    private func record(_ id: TenantID) async throws(TenancyError) -> TenantRecord {
        // Past the cache: one that lives in this process would not see what another process changed.
        if let record = try await access.read(id.rawValue, options: .uncached) { return record }
        throw TenancyError(.tenantNotFound, "No tenant has that id.", details: .init(tenant: id))
    }

    private func change(
        _ id: TenantID, _ body: (inout TenantRecord) -> Void
    ) async throws(TenancyError) -> Tenant {
        // Two operators may change a tenant at once; the loser reads again, so that neither change is lost.
        var attempt = 1
        while true {
            var record = try await record(id)
            if record.status == Tenant.Status.deleted.description {
                throw TenancyError(.tenantDeleted, "The tenant is deleted.", details: .init(tenant: id))
            }
            body(&record)
            do throws(TenancyError) {
                let tenant = try await access.update(record).tenant()
                remember(tenant)
                return tenant
            } catch where error.code == .staleVersion && attempt < 5 {
                attempt += 1
            }
        }
    }

    // MARK: What the process remembers

    private func remember(_ tenant: Tenant) {
        entries.withLock { entries in
            if let entry = entries[tenant.id] { return entry.update(tenant) }
            if entries.count >= policy.maximumCachedTenants, let victim = entries.keys.first { entries[victim] = nil }
            entries[tenant.id] = TenantEntry(tenant)
        }
    }

    /// What this process knows of a tenant, read from the database the first time.
    func entry(_ id: TenantID) async throws(TenancyError) -> TenantEntry {
        if let entry = entries.withLock({ $0[id] }) { return entry }
        remember(try await record(id).tenant())
        if let entry = entries.withLock({ $0[id] }) { return entry }
        return TenantEntry(try await record(id).tenant())
    }

    /// Throws unless the tenant's calls are admitted now.
    func admit(_ entry: TenantEntry, at now: ContinuousClock.Instant) async throws(TenancyError) {
        let (status, mustRefresh) = entry.status(at: now, interval: policy.refreshInterval)
        guard mustRefresh else { return try status.requireActive(entry.id) }
        do throws(TenancyError) {
            entry.update(try await record(entry.id).tenant())
        } catch {
            entry.refreshFailed()
            throw error
        }
        try entry.tenant.status.requireActive(entry.id)
    }
}
