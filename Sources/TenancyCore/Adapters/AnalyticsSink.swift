public import Foundation

/// Where events about tenants' use go.
public protocol AnalyticsSink: Sendable {
    /// The sink's name, as a metric's label.
    var name: String { get }

    /// Stores a batch, whole or not at all. A batch whose id was stored before is not stored again, so that a caller
    /// who got no answer may repeat it.
    func write(_ batch: AnalyticsBatch) async throws(TenancyError)

    /// Stores what is still held and closes everything.
    func shutDown() async throws(TenancyError)
}

/// Something that happened in a tenant's use of the application.
public struct AnalyticsEvent: Sendable, Hashable {
    /// Tells the event from every other.
    public let id: UUID
    /// Whose event it is.
    public let tenant: TenantID
    /// What happened, such as `report_opened`.
    public let name: String
    /// When it happened.
    public let occurred: Timestamp
    /// Who did it.
    public let actor: String?
    /// Ties it to the request.
    public let correlationID: String?
    /// Details, an object.
    public let properties: JSON

    /// An event.
    public init(
        id: UUID = UUID(), name: String, occurred: Timestamp = .now, properties: JSON = JSON(.object([:])),
        in context: TenantContext
    ) {
        self.id = id
        self.tenant = context.tenant
        self.name = name
        self.occurred = occurred
        self.actor = context.actor
        self.correlationID = context.correlationID
        self.properties = properties
    }
}

/// Events that are stored together.
public struct AnalyticsBatch: Sendable {
    /// The same whenever the batch is sent again.
    public let id: UUID
    /// The events in the order in which they were recorded.
    public let events: [AnalyticsEvent]

    /// A batch.
    public init(id: UUID = UUID(), events: [AnalyticsEvent]) {
        self.id = id
        self.events = events
    }
}
