public import Foundation
public import TenancyCore

/// One thing that was done across tenants or to a tenant: who did it, when, what and why.
///
/// Records belong to the reserved tenant and can be read with
/// ``SystemAccess/auditTrail(of:during:size:after:)`` only.
public struct AuditRecord: Entity, Hashable {
    /// What was done.
    public struct Action: RawRepresentable, FieldValue, Hashable, CustomStringConvertible {
        /// The action as it is stored.
        public let rawValue: String

        /// An action of that name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The action as it is stored.
        public var description: String { rawValue }

        /// Access across tenants was given.
        public static let systemAccess = Action(rawValue: "system_access")
        /// A tenant's handle was taken within an access; ``AuditRecord/access`` says which.
        public static let tenantReached = Action(rawValue: "tenant_reached")
        /// A tenant was created.
        public static let tenantCreated = Action(rawValue: "tenant_created")
        /// A tenant was given another name.
        public static let tenantRenamed = Action(rawValue: "tenant_renamed")
        /// A tenant was given other attributes.
        public static let attributesChanged = Action(rawValue: "attributes_changed")
        /// A tenant was suspended.
        public static let tenantSuspended = Action(rawValue: "tenant_suspended")
        /// A tenant was resumed.
        public static let tenantResumed = Action(rawValue: "tenant_resumed")
        /// The deletion of a tenant was begun: its calls are refused from then on.
        public static let deletionBegun = Action(rawValue: "deletion_begun")
        /// A tenant's data was removed for good.
        public static let tenantDeleted = Action(rawValue: "tenant_deleted")
    }

    /// Tells the record from every other. Of records of one millisecond, the earlier one of a process has the lower id.
    public let id: UUID
    /// What was done.
    public let action: Action
    /// Who; empty if the caller named nobody.
    public let actor: String
    /// Why; empty if the caller gave no reason.
    public let reason: String
    /// Ties it to a request.
    public let correlationID: String?
    /// The tenant that was changed or reached; `nil` for a system access as a whole.
    public let tenant: String?
    /// The ``id`` of the system access that it was part of.
    public let access: UUID?
    /// When it was done, or began.
    public let started: Timestamp
    /// When it ended; `nil` while it is under way, or if the process died.
    public var ended: Timestamp?
    /// Whether the work returned (`completed`) or threw (`failed`), or a change was `refused`; `nil` while it is under
    /// way.
    public var outcome: String?
    /// Of a system access, the ids of the tenants whose handles were taken, as an array; the first 1,000. All of them
    /// have a record of ``Action/tenantReached``.
    public var tenants: JSON?
    /// Of a system access, how many tenants' handles were taken; more than ``tenants`` holds if that was cut.
    public var tenantCount: Int?
    /// Of a change, an object of what changed, `before` and `after`; of a refused one, the `error`'s code.
    public var change: JSON?

    /// How a record is stored.
    public static let schema = EntitySchema(
        "tenancy_audit",
        AuditRecord.init(
            id:action:actor:reason:correlationID:tenant:access:started:ended:outcome:tenants:tenantCount:change:),
        .key("id", \.id), .field("action", \.action, .default(.string("system_access"))), .field("actor", \.actor),
        .field("reason", \.reason), .field("correlation_id", \.correlationID), .field("tenant", \.tenant),
        .field("access", \.access), .field("started", \.started), .field("ended", \.ended),
        .field("outcome", \.outcome), .field("tenants", \.tenants), .field("tenant_count", \.tenantCount),
        .field("change", \.change),
        indexes: [.on(\.started), .on(\.tenant, \.started)])

    /// A record that begins now.
    static func beginning(_ action: Action, tenant: TenantID? = nil, by origin: AuditOrigin) -> AuditRecord {
        let now = Timestamp.now
        return AuditRecord(
            id: TimeOrderedID.next(at: now), action: action, actor: origin.actor ?? "", reason: origin.reason,
            correlationID: origin.correlationID, tenant: tenant?.rawValue, access: origin.access, started: now,
            ended: nil, outcome: nil, tenants: nil, tenantCount: nil, change: nil)
    }

    /// The record, ended now.
    func ended(_ outcome: String, change: JSON? = nil) -> AuditRecord {
        var record = self
        record.ended = .now
        record.outcome = outcome
        record.change = change
        return record
    }
}

/// On whose behalf and why something is done that is audited.
struct AuditOrigin: Sendable {
    var actor: String?
    var reason = ""
    var correlationID: String?
    /// The system access that it is part of.
    var access: UUID?
}
