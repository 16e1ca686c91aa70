import Foundation
import TenancyCore

/// A tenant as it is stored: a record of the reserved tenant, under the same locks as everyone's data.
struct TenantRecord: Entity {
    var id: String
    var name: String
    var status: String
    var attributes: JSON
    var created: Timestamp
    var version: Int64

    static let schema = EntitySchema(
        "tenancy_tenants", TenantRecord.init,
        .key("id", \.id), .field("name", \.name), .field("status", \.status), .field("attributes", \.attributes),
        .field("created", \.created), .version("version", \.version))

    init(id: String, name: String, status: String, attributes: JSON, created: Timestamp, version: Int64) {
        self.id = id
        self.name = name
        self.status = status
        self.attributes = attributes
        self.created = created
        self.version = version
    }

    init(_ tenant: Tenant) {
        self.init(
            id: tenant.id.rawValue, name: tenant.name, status: tenant.status.description,
            attributes: JSON(.object(tenant.attributes.mapValues(JSONValue.string))), created: tenant.created,
            version: 0)
    }

    /// The tenant that is stored.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/corrupted`` if the record was not written by a registry.
    func tenant() throws(TenancyError) -> Tenant {
        guard let status = Tenant.Status(status), let attributes = try? attributes.decode([String: String].self) else {
            throw TenancyError(.corrupted, "A tenant's record in the registry can't be read.")
        }
        return Tenant(id: try TenantID(id), name: name, status: status, attributes: attributes, created: created)
    }
}
