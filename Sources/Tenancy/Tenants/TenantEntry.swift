import Synchronization
import TenancyCore

/// What this process knows of one tenant, shared by all handles, so that a suspension reaches them at once.
final class TenantEntry: Sendable {
    private struct State {
        var tenant: Tenant
        var loaded: ContinuousClock.Instant
        var isRefreshing = false
    }

    let id: TenantID
    private let state: Mutex<State>

    init(_ tenant: Tenant, loaded: ContinuousClock.Instant = .now) {
        id = tenant.id
        state = Mutex(State(tenant: tenant, loaded: loaded))
    }

    var tenant: Tenant { state.withLock(\.tenant) }

    /// Takes over what was read or written just now.
    func update(_ tenant: Tenant) {
        state.withLock { state in
            state.tenant = tenant
            state.loaded = .now
            state.isRefreshing = false
        }
    }

    /// Lets another caller refresh after one that failed.
    func refreshFailed() { state.withLock { $0.isRefreshing = false } }

    /// The tenant's status, and whether the caller is the one who has to look it up again.
    func status(at now: ContinuousClock.Instant, interval: Duration) -> (Tenant.Status, mustRefresh: Bool) {
        state.withLock { state in
            guard !state.isRefreshing, state.loaded.advanced(by: interval) < now else {
                return (state.tenant.status, false)
            }
            state.isRefreshing = true
            return (state.tenant.status, true)
        }
    }
}

extension Tenant.Status {
    /// Throws unless calls are admitted.
    func requireActive(_ tenant: TenantID) throws(TenancyError) {
        if self == .active { return }
        throw TenancyError(
            self == .suspended ? .tenantSuspended : .tenantDeleted, "The tenant is \(self).",
            details: .init(tenant: tenant))
    }
}
