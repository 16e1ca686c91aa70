import Synchronization
import TenancyCore

/// What this process knows of one tenant, shared by all handles, so that a suspension reaches them at once.
final class TenantEntry: Sendable {
    private struct State {
        var known: StoredTenant
        var isRefreshing = false
    }

    /// What a call has to go by.
    enum Verdict {
        /// What is known is young enough.
        case trusted(Tenant.Status)
        /// It will be too old soon; the caller looks it up again, and others go by it meanwhile.
        case aging(Tenant.Status)
        /// It is too old for anyone.
        case unknown
    }

    let id: TenantID
    private let state: Mutex<State>
    /// Until when calls are admitted without a closer look, by ``LocalTime``. Kept apart, because every hit in the
    /// process's own memory reads it.
    private let admittedUntil = Atomic(Int64.min)

    init(_ tenant: StoredTenant) {
        id = tenant.tenant.id
        state = Mutex(State(known: tenant))
    }

    var tenant: Tenant { state.withLock(\.known.tenant) }

    /// Takes over what was read or written, unless something newer is known: answers may arrive in another order than
    /// the changes were made in, and an older one must not bring a suspended tenant back.
    func update(_ tenant: StoredTenant) {
        state.withLock { state in
            state.isRefreshing = false
            admittedUntil.store(.min, ordering: .relaxed)
            guard tenant.version >= state.known.version else { return }
            let asked = max(tenant.asked, state.known.asked)
            state.known = tenant
            state.known.asked = asked
        }
    }

    /// Whether a call is admitted without a closer look.
    @inline(__always)
    func admits(at now: Int64) -> Bool { now < admittedUntil.load(ordering: .relaxed) }

    /// Lets another caller refresh after one that failed.
    func refreshFailed() { state.withLock { $0.isRefreshing = false } }

    /// What a call goes by that is made now. In the second half of the interval one caller at a time is told to look
    /// the tenant up again, so that under load nobody has to wait for that; after the interval, everyone.
    func verdict(at now: ContinuousClock.Instant, interval: Duration) -> Verdict {
        state.withLock { state in
            let age = state.known.asked.duration(to: now)
            if age > interval { return .unknown }
            if age <= interval / 2 || state.isRefreshing {
                if age < interval / 2, state.known.tenant.status == .active {
                    let rest = LocalTime.nanoseconds(interval / 2 - age)
                    admittedUntil.store(LocalTime.now() + rest, ordering: .relaxed)
                }
                return .trusted(state.known.tenant.status)
            }
            state.isRefreshing = true
            return .aging(state.known.tenant.status)
        }
    }
}

/// A tenant as the database had it.
struct StoredTenant: Sendable {
    let tenant: Tenant
    /// Counts the tenant's changes.
    let version: Int64
    /// When the database was asked. What it answered may be older than the answer, never older than the question.
    var asked: ContinuousClock.Instant

    init(_ record: TenantRecord, asked: ContinuousClock.Instant) throws(TenancyError) {
        tenant = try record.tenant()
        version = record.version
        self.asked = asked
    }
}

extension Tenant.Status {
    /// Throws unless calls are admitted: those of an active tenant, or of a suspended one as part of a system access.
    func require(_ tenant: TenantID, isSystem: Bool) throws(TenancyError) {
        if self == .active || (isSystem && self == .suspended) { return }
        throw TenancyError(
            self == .suspended ? .tenantSuspended : .tenantDeleted, "The tenant is \(inWords).",
            details: .init(tenant: tenant))
    }

    var inWords: String { self == .deleting ? "being deleted" : description }
}
