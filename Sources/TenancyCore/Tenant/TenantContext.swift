/// On whose behalf, by whom and until when a call is made. Every call below the SDK's surface carries one.
public struct TenantContext: Sendable, Hashable {
    /// The tenant whose data the call may touch.
    public let tenant: TenantID
    /// Who acts: a user, a service, a job. Recorded, never interpreted.
    public var actor: String?
    /// Ties together what one request caused, in logs, traces and audit records.
    public var correlationID: String?
    /// When the call must have ended, by the continuous clock.
    public var deadline: ContinuousClock.Instant?
    /// The region that the tenant's data lives in.
    public var region: String?
    /// How old what reads return may be. Writes and transactions pay no regard to it.
    public var consistency: ReadConsistency

    /// A context for one tenant.
    public init(
        tenant: TenantID, actor: String? = nil, correlationID: String? = nil,
        deadline: ContinuousClock.Instant? = nil, region: String? = nil, consistency: ReadConsistency = .strong
    ) {
        self.tenant = tenant
        self.actor = actor
        self.correlationID = correlationID
        self.deadline = deadline
        self.region = region
        self.consistency = consistency
    }

    /// Throws if the calling task was cancelled or the deadline has passed.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cancelled`` or ``TenancyError/Code/timeout``.
    public func checkAlive() throws(TenancyError) {
        if Task.isCancelled { throw TenancyError(.cancelled, "The calling task was cancelled.") }
        if let deadline, deadline <= ContinuousClock.now {
            throw TenancyError(.timeout, "The call's deadline has passed.", details: .init(tenant: tenant))
        }
    }
}
