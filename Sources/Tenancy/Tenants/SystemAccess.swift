import Foundation
import Synchronization
public import TenancyCore

/// Access across tenants, for the time of one ``MultiTenantSDK/withSystemAccess(reason:actor:correlationID:_:)``.
///
/// It reaches one tenant at a time, through that tenant's handle, so that every statement is still bound to a tenant.
/// Which tenants it reaches is recorded before their handles are given out.
public final class SystemAccess: Sendable {
    private struct State {
        var isOpen = true
        var touched: Set<TenantID> = []
        var first: [TenantID] = []
    }

    /// The most ids that the access's own audit record holds.
    static let maximumListedTenants = 1_000

    private let manager: DataManager
    private let origin: AuditOrigin
    private let state = Mutex(State())

    init(_ manager: DataManager, _ origin: AuditOrigin) {
        self.manager = manager
        self.origin = origin
    }

    /// The tenants there are; changes are recorded with the access's actor and reason, as part of it.
    public var tenants: TenantRegistry { TenantRegistry(manager, origin, self) }

    /// A handle for a tenant that is not deleted, suspended ones included. It works inside the closure only, and until
    /// the tenant is deleted.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/tenantNotFound``, ``TenancyError/Code/tenantDeleted``, or
    ///   ``TenancyError/Code/transactionClosed`` after the closure has ended; or if it can't be recorded.
    public func tenant(_ id: TenantID) async throws(TenancyError) -> TenantHandle {
        try requireOpen()
        let entry = try await manager.freshEntry(id, until: nil)
        try entry.tenant.status.require(id, isSystem: true)
        if state.withLock({ !$0.touched.contains(id) }) {
            let reached = AuditRecord.beginning(.tenantReached, tenant: id, by: origin).ended("completed")
            try await manager.systemHandle.create(reached)
            state.withLock { state in
                guard state.touched.insert(id).inserted else { return }
                if state.first.count < Self.maximumListedTenants { state.first.append(id) }
            }
        }
        let context = TenantContext(tenant: id, actor: origin.actor, correlationID: origin.correlationID)
        return TenantHandle(
            session: DataSession(
                manager: manager, context: context, admission: .system(self, entry), runner: manager.adapter))
    }

    /// Runs `body` with the handle of every tenant that is not deleted, one after another in the order of ids.
    public func forEachTenant(_ body: (Tenant, TenantHandle) async throws -> Void) async throws {
        var cursor: Cursor?
        repeat {
            let page = try await tenants.list(size: 100, after: cursor)
            for tenant in page.items {
                guard let handle = try await handleUnlessDeleted(tenant.id) else { continue }
                try await body(tenant, handle)
            }
            cursor = page.next
        } while cursor != nil
    }

    private func handleUnlessDeleted(_ id: TenantID) async throws(TenancyError) -> TenantHandle? {
        do throws(TenancyError) {
            return try await tenant(id)
        } catch {
            // Since the page was read, or not yet for good.
            guard error.code == .tenantDeleted else { throw error }
            return nil
        }
    }

    /// What was done across tenants and to tenants, the latest first, page by page.
    ///
    /// - Parameters:
    ///   - tenant: The tenant whose records are wanted: changes of it, and when it was reached by a system access.
    ///     `nil` for all.
    ///   - period: When it was done, or began, by the millisecond, so that one up to this moment leaves out what was
    ///     done in its millisecond; `nil` for any time.
    ///   - size: The most records of the page.
    ///   - cursor: Where the last page ended; `nil` for the first page.
    /// - Throws: ``TenancyError``.
    public func auditTrail(
        of tenant: TenantID? = nil, during period: Range<Timestamp>? = nil, size: Int = 100,
        after cursor: Cursor? = nil
    ) async throws(TenancyError) -> Page<AuditRecord> {
        try requireOpen()
        var query = manager.systemHandle.query(AuditRecord.self)
            .sorted(by: \.started, .descending).sorted(by: \.id, .descending)
        if let tenant { query = query.where { $0.tenant == tenant.rawValue } }
        if let period {
            query = query.where { $0.started >= period.lowerBound && $0.started < period.upperBound }
        }
        return try await query.page(size: size, after: cursor)
    }

    func requireOpen() throws(TenancyError) {
        guard state.withLock(\.isOpen) else {
            throw TenancyError(
                .transactionClosed, "System access is used after its closure has ended.",
                hint: "Do the work inside withSystemAccess.")
        }
    }

    /// Ends the access and returns whose handles were taken: the first of them, and how many.
    func close() -> (first: [TenantID], count: Int) {
        state.withLock { state in
            state.isOpen = false
            return (state.first, state.touched.count)
        }
    }
}
