import Crypto
import Foundation
import TenancyCore

/// A fact about the database as a whole.
struct MetaRecord: Entity {
    var id: String
    var value: [UInt8]

    static let schema = EntitySchema(
        "tenancy_meta", MetaRecord.init(id:value:), .key("name", \.id), .field("value", \.value))

    /// The secret that the key of cursors is derived from: made by the first process that asks, and the same for all.
    static func cursorKey(in system: TenantHandle) async throws(TenancyError) -> SymmetricKey {
        let name = "cursor_key"
        if let stored = try await system.read(MetaRecord.self, name) { return SymmetricKey(data: stored.value) }
        let fresh = SymmetricKey(size: .bits256).withUnsafeBytes { [UInt8]($0) }
        do throws(TenancyError) {
            return SymmetricKey(data: try await system.create(MetaRecord(id: name, value: fresh)).value)
        } catch  where error.code == .uniqueViolation {
            guard let stored = try await system.read(MetaRecord.self, name) else { throw error }
            return SymmetricKey(data: stored.value)
        }
    }
}
