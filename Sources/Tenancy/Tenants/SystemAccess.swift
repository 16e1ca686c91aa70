import Foundation
import Synchronization
public import TenancyCore

/// Access across tenants, for the time of one ``MultiTenantSDK/withSystemAccess(reason:actor:correlationID:_:)``.
///
/// It reaches one tenant at a time, through that tenant's handle, so that every statement is still bound to a tenant.
public final class SystemAccess: Sendable {
    private struct State {
        var isOpen = true
        var touched: [TenantID] = []
    }

    /// The most ids that an audit record holds.
    static let maximumAuditedTenants = 1_000

    private let sdk: MultiTenantSDK
    private let context: TenantContext
    private let state = Mutex(State())

    init(sdk: MultiTenantSDK, actor: String, correlationID: String?) {
        self.sdk = sdk
        context = TenantContext(tenant: .system, actor: actor, correlationID: correlationID)
    }

    /// A handle for a tenant that is not deleted, suspended ones included. It works inside the closure only.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/tenantNotFound``, ``TenancyError/Code/tenantDeleted``, or
    ///   ``TenancyError/Code/transactionClosed`` after the closure has ended.
    public func tenant(_ id: TenantID) async throws(TenancyError) -> TenantHandle {
        try requireOpen()
        let tenant = try await sdk.tenants.get(id)
        guard tenant.status != .deleted else {
            throw TenancyError(.tenantDeleted, "The tenant is deleted.", details: .init(tenant: id))
        }
        state.withLock { state in
            if state.touched.count < Self.maximumAuditedTenants, !state.touched.contains(id) {
                state.touched.append(id)
            }
        }
        let context = TenantContext(tenant: id, actor: context.actor, correlationID: context.correlationID)
        return TenantHandle(
            session: DataSession(
                manager: sdk.data, context: context, admission: .system(self), runner: sdk.data.adapter))
    }

    /// Runs `body` with the handle of every tenant that is not deleted, one after another in the order of ids.
    public func forEachTenant(_ body: (Tenant, TenantHandle) async throws -> Void) async throws {
        var cursor: Cursor?
        repeat {
            try requireOpen()
            let page = try await sdk.tenants.list(size: 100, after: cursor)
            for tenant in page.items { try await body(tenant, try await self.tenant(tenant.id)) }
            cursor = page.next
        } while cursor != nil
    }

    /// The accesses across tenants so far, the latest first, page by page.
    public func auditTrail(size: Int = 100, after cursor: Cursor? = nil) async throws(TenancyError) -> Page<AuditRecord>
    {
        try requireOpen()
        return try await sdk.data.systemHandle.query(AuditRecord.self).sorted(by: \.started, .descending)
            .page(size: size, after: cursor)
    }

    func requireOpen() throws(TenancyError) {
        guard state.withLock(\.isOpen) else {
            throw TenancyError(
                .transactionClosed, "System access is used after its closure has ended.",
                hint: "Do the work inside withSystemAccess.")
        }
    }

    /// Ends the access and returns whose handles were taken.
    func close() -> [TenantID] {
        state.withLock { state in
            state.isOpen = false
            return state.touched
        }
    }
}
