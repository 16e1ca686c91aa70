import Foundation
import TenancyCore

/// A record that is searched.
struct Article: Entity {
    var id: Int64
    var title = ""
    var body: String?
    var section = "news"

    static let schema = EntitySchema(
        "conformance_articles", Article.init(id:title:body:section:),
        .key("id", \.id), .field("title", \.title), .field("body", \.body), .field("section", \.section),
        search: [.text(\.title, weight: 4), .text(\.body)])
}

/// A record with a UUID as its key.
struct Badge: Entity {
    var id: UUID
    var owner = ""

    static let schema = EntitySchema(
        "conformance_badges", Badge.init(id:owner:), .key("id", \.id), .field("owner", \.owner))
}

/// A record whose fields claim to say whose it is, and whose other names are words of query languages.
struct Impostor: Entity {
    var id: String
    var tenant = ""
    var tenantName: String?
    var order: Int64 = 0
    var select: String?
    var group: String?

    static let schema = EntitySchema(
        "conformance_impostors", Impostor.init(id:tenant:tenantName:order:select:group:),
        .key("id", \.id), .field("tenant", \.tenant), .field("tenantid", \.tenantName), .field("order", \.order),
        .field("select", \.select), .field("group", \.group), indexes: [.on(\.tenant, \.order)])
}
