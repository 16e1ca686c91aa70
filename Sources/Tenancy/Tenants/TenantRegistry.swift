import Foundation
public import TenancyCore

/// The tenants there are: kept in the configured database, remembered in this process.
///
/// Every change is audited: who made it, when, what and why. ``by(_:reason:correlationID:)`` says who and why. On a
/// database with transactions the change and its record are one transaction, so that neither is there without the other;
/// on others the record is written first and its outcome after the change, so that no change is without a record. A
/// change that is refused, because there is no such tenant or it is deleted, is recorded too.
public struct TenantRegistry: Sendable {
    let manager: DataManager
    private var origin = AuditOrigin()
    private var access: SystemAccess?

    init(_ manager: DataManager) { self.manager = manager }

    /// The registry as a system access changes it.
    init(_ manager: DataManager, _ origin: AuditOrigin, _ access: SystemAccess) {
        self.manager = manager
        self.origin = origin
        self.access = access
    }

    /// The same registry, whose changes are recorded as made by `actor`.
    ///
    /// - Parameters:
    ///   - actor: Who.
    ///   - reason: Why.
    ///   - correlationID: What ties the changes to a request.
    public func by(_ actor: String, reason: String = "", correlationID: String? = nil) -> TenantRegistry {
        var copy = self
        copy.origin.actor = actor
        if !reason.isEmpty { copy.origin.reason = reason }
        if let correlationID { copy.origin.correlationID = correlationID }
        return copy
    }

    // MARK: Reading

    /// The tenant of that id, whatever its status.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/tenantNotFound``.
    public func get(_ id: TenantID) async throws(TenancyError) -> Tenant {
        try access?.requireOpen()
        return try await manager.tenantRecord(id).tenant()
    }

    /// Tenants in the order of their ids, page by page.
    ///
    /// - Parameters:
    ///   - size: The most tenants of the page.
    ///   - cursor: Where the last page ended; `nil` for the first page.
    ///   - includingDeleted: Whether deleted tenants are listed too.
    public func list(
        size: Int = 100, after cursor: Cursor? = nil, includingDeleted: Bool = false
    ) async throws(TenancyError) -> Page<Tenant> {
        try access?.requireOpen()
        var query = manager.systemHandle.query(TenantRecord.self)
        if !includingDeleted { query = query.where { $0.status != Tenant.Status.deleted.description } }
        let page = try await query.page(size: size, after: cursor)
        return try page.map { record throws(TenancyError) in try record.tenant() }
    }

    // MARK: Changing

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
        return try await audited(id, .tenantCreated) { records throws(TenancyError) in
            do throws(TenancyError) {
                return (nil, try await records.create(TenantRecord(tenant)))
            } catch {
                guard error.code == .uniqueViolation else { throw error }
                throw TenancyError(
                    .tenantAlreadyExists, "A tenant of that id is, or was, in the registry.", details: .init(tenant: id)
                )
            }
        }
    }

    /// Gives a tenant another name for people.
    @discardableResult
    public func rename(_ id: TenantID, to name: String) async throws(TenancyError) -> Tenant {
        try await change(id, .tenantRenamed) { $0.name = name }
    }

    /// Replaces a tenant's attributes.
    @discardableResult
    public func setAttributes(_ id: TenantID, _ attributes: [String: String]) async throws(TenancyError) -> Tenant {
        let json = JSON(.object(attributes.mapValues(JSONValue.string)))
        return try await change(id, .attributesChanged) { $0.attributes = json }
    }

    /// Refuses the tenant's calls from now on: at once in this process, within the refresh interval
    /// of ``SDKConfig/RegistryPolicy`` in others. Its data stays.
    @discardableResult
    public func suspend(_ id: TenantID) async throws(TenancyError) -> Tenant {
        try await change(id, .tenantSuspended) { $0.status = Tenant.Status.suspended.description }
    }

    /// Admits the tenant's calls again.
    @discardableResult
    public func resume(_ id: TenantID) async throws(TenancyError) -> Tenant {
        try await change(id, .tenantResumed) { $0.status = Tenant.Status.active.description }
    }

    /// Refuses the tenant's calls for ever and removes its data. The id stays taken.
    ///
    /// The tenant is `deleting` first, and refused from then on as a suspended one is. Its data is removed, from the
    /// database and from the cache; and once more after ``SDKConfig/RegistryPolicy/deletionGrace``, when no process can
    /// still be busy with a call that it admitted before. Only then is it `deleted`. So the call takes as long as the
    /// grace period, and when it returns, nothing of the tenant's is left. The one thing that can come back is a write of a
    /// process that lets calls run for longer than the grace period.
    ///
    /// If it fails, is cancelled or dies at any point, call it again: it goes on from the beginning of the removal.
    public func delete(_ id: TenantID) async throws(TenancyError) {
        try access?.requireOpen()
        let status = try await storedStatus(id)
        // Asked to change a tenant that is not there, the change refuses and records it.
        if status == nil || status == .active || status == .suspended {
            try await change(id, .deletionBegun, unlessDone: .deleting) {
                $0.status = Tenant.Status.deleting.description
            }
        }
        try await manager.removeAllData(of: id)
        if status == .deleted { return }
        let grace = manager.deletionGrace
        if grace > .zero {
            do {
                try await Task.sleep(for: grace)
            } catch {
                throw TenancyError(
                    .cancelled, "The calling task was cancelled.", hint: "Call delete again to finish the deletion.",
                    details: .init(tenant: id))
            }
            try await manager.removeAllData(of: id)
        }
        try await change(id, .tenantDeleted, unlessDone: .deleted) { $0.status = Tenant.Status.deleted.description }
    }

    private func storedStatus(_ id: TenantID) async throws(TenancyError) -> Tenant.Status? {
        do throws(TenancyError) {
            return try await manager.tenantRecord(id).tenant().status
        } catch {
            guard error.code == .tenantNotFound else { throw error }
            return nil
        }
    }

    /// - Parameter goal: The status that somebody else may have given the tenant already, which is then left alone.
    @discardableResult
    private func change(
        _ id: TenantID, _ action: AuditRecord.Action, unlessDone goal: Tenant.Status? = nil,
        _ body: @escaping @Sendable (inout TenantRecord) -> Void
    ) async throws(TenancyError) -> Tenant {
        try await audited(id, action) { records throws(TenancyError) in
            guard var record = try await records.read(id.rawValue) else {
                throw TenancyError(.tenantNotFound, "No tenant has that id.", details: .init(tenant: id))
            }
            let status = try record.tenant().status
            if let goal, status == goal { return (record, record) }
            if status == .deleted || (status == .deleting && goal != .deleted) {
                throw TenancyError(.tenantDeleted, "The tenant is \(status.inWords).", details: .init(tenant: id))
            }
            let before = record
            body(&record)
            return (before, try await records.update(record))
        }
    }

    // MARK: Auditing

    private typealias Change =
        @Sendable (
            EntityAccess<TenantRecord>
        ) async throws(TenancyError) -> (before: TenantRecord?, after: TenantRecord)

    private func audited(
        _ id: TenantID, _ action: AuditRecord.Action, _ change: @escaping Change
    ) async throws(TenancyError) -> Tenant {
        try access?.requireOpen()
        try manager.refuseReserved(id)
        // Several operators may change a tenant at once; who loses reads again, so that no change is lost. One of them
        // always succeeds, and the pauses let the others' turns spread out.
        let system = manager.system(until: .after(manager.callTimeout))
        let record = AuditRecord.beginning(action, tenant: id, by: origin)
        var pause = Duration.milliseconds(1)
        while true {
            let asked = ContinuousClock.now
            switch await attempt(record, in: system, change) {
            case .success(let changed):
                let tenant = try StoredTenant(changed, asked: asked)
                manager.entries.remember(tenant)
                return tenant.tenant
            case .failure(let error):
                guard [.staleVersion, .serializationFailure, .deadlock].contains(error.code) else {
                    await refused(record, error, in: system)
                    throw error
                }
                try system.context.checkAlive()
                try? await Task.sleep(for: pause * Double.random(in: 0...1))
                pause = min(pause * 2, .milliseconds(50))
            }
        }
    }

    private func attempt(
        _ record: AuditRecord, in system: TenantHandle, _ change: @escaping Change
    ) async -> Result<TenantRecord, TenancyError> {
        do {
            guard manager.adapter.capabilities.hasTransactions else {
                return .success(try await attemptWithoutTransaction(record, in: system, change))
            }
            let changed = try await system.transaction(retry: .never) { transaction in
                let changed = try await change(transaction.entities(TenantRecord.self))
                if changed.before?.version != changed.after.version {
                    try await transaction.create(record.ended("completed", change: Self.difference(changed)))
                }
                return changed.after
            }
            return .success(changed)
        } catch {
            return .failure(TenancyError.wrap(error))
        }
    }

    private func attemptWithoutTransaction(
        _ record: AuditRecord, in system: TenantHandle, _ change: Change
    ) async throws(TenancyError) -> TenantRecord {
        // The record may be there already, from an attempt that lost against another operator.
        try await system.upsert(record)
        let changed = try await change(system.entities(TenantRecord.self))
        try await system.upsert(record.ended("completed", change: Self.difference(changed)))
        return changed.after
    }

    /// Records a change that was not made, as far as that is possible: what was not done needs no proof.
    private func refused(_ record: AuditRecord, _ error: TenancyError, in system: TenantHandle) async {
        let codes: [TenancyError.Code] = [
            .tenantNotFound, .tenantDeleted, .tenantAlreadyExists, .invalidValue, .valueTooLarge,
        ]
        guard codes.contains(error.code) else { return }
        let change = JSON(.object(["error": .string(error.code.name)]))
        _ = try? await system.upsert(record.ended("refused", change: change))
    }

    private static func difference(_ change: (before: TenantRecord?, after: TenantRecord)) -> JSON {
        var before: [String: JSONValue] = [:]
        var after: [String: JSONValue] = [:]
        func note(_ name: String, _ value: (TenantRecord) -> JSONValue) {
            let values = (change.before.map(value), value(change.after))
            if values.0 == values.1 { return }
            before[name] = values.0
            after[name] = values.1
        }
        note("name") { .string($0.name) }
        note("status") { .string($0.status) }
        note("attributes") { (try? $0.attributes.value()) ?? .null }
        return JSON(
            .object(
                change.before == nil
                    ? ["after": .object(after)] : ["before": .object(before), "after": .object(after)]))
    }
}
