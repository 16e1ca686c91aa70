public import Foundation
public import TenancyCore

/// Who had access across tenants, when and why.
public struct AuditRecord: Entity, Hashable {
    /// Tells the access from every other.
    public let id: UUID
    /// Who.
    public let actor: String
    /// Why.
    public let reason: String
    /// Ties the access to a request.
    public let correlationID: String?
    /// When it began.
    public let started: Timestamp
    /// When it ended; `nil` while it is under way, or if the process died.
    public var ended: Timestamp?
    /// Whether the work returned (`completed`) or threw (`failed`); `nil` while it is under way.
    public var outcome: String?
    /// The ids of the tenants whose handles were taken, as an array; the first 1,000.
    public var tenants: JSON?

    /// How an access is stored.
    public static let schema = EntitySchema(
        "tenancy_audit", AuditRecord.init(id:actor:reason:correlationID:started:ended:outcome:tenants:),
        .key("id", \.id), .field("actor", \.actor), .field("reason", \.reason),
        .field("correlation_id", \.correlationID), .field("started", \.started), .field("ended", \.ended),
        .field("outcome", \.outcome), .field("tenants", \.tenants),
        indexes: [.on(\.started)])
}
