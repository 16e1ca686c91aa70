import Crypto
import Foundation
import TenancyCore

/// Makes and checks cursors: the sort values of the last record, signed together with tenant, entity and query.
///
/// Form, before Base64url (RFC 4648, without padding): version byte 1; 16 bytes of HMAC-SHA-256 (RFC 2104); the values
/// as ``RowBuffer`` writes them. The signature covers what is not in the cursor too, so that a cursor of another tenant
/// or query is as wrong as one that was altered.
struct CursorCodec: Sendable {
    private static let version: UInt8 = 1
    private static let tagLength = 16
    /// No cursor of ours is longer: a few values of bounded length.
    private static let maximumLength = 64 * 1_024

    private let key: SymmetricKey

    init(key: SymmetricKey) { self.key = key }

    /// A cursor after the record with those sort values.
    func encode(_ values: [Value], _ query: Query, _ entity: EntityDescription, for tenant: TenantID) -> Cursor {
        let payload = RowBuffer.wire(values)
        var bytes = [Self.version]
        bytes += tag(payload[...], query, entity, tenant)
        bytes += payload
        return Cursor(rawValue: Self.text(of: bytes))
    }

    private static func text(of bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    /// The sort values in a cursor.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidCursor``.
    func decode(
        _ cursor: Cursor, _ query: Query, _ order: [SelectStatement.OrderTerm], _ entity: EntityDescription,
        for tenant: TenantID
    ) throws(TenancyError) -> [Value] {
        let invalid = TenancyError(
            .invalidCursor, "The cursor was altered, or made for another tenant or another query.",
            details: .init(tenant: tenant, entity: entity.name))
        let padding = String(repeating: "=", count: (4 - cursor.rawValue.utf8.count % 4) % 4)
        let text = cursor.rawValue.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        guard cursor.rawValue.utf8.count <= Self.maximumLength, let data = Data(base64Encoded: text + padding),
            data.count > 1 + Self.tagLength, data.first == Self.version
        else { throw invalid }
        let bytes = [UInt8](data)
        // Base64 has several texts for the same bytes; only the one that was given out is the cursor.
        guard Self.text(of: bytes).utf8.elementsEqual(cursor.rawValue.utf8) else { throw invalid }
        let payload = bytes[(1 + Self.tagLength)...]
        let expected = tag(payload, query, entity, tenant)
        // Every byte is looked at, so that the time taken tells nothing about a guess.
        let difference = zip(expected, bytes[1...Self.tagLength]).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
        guard difference == 0, let row = RowBuffer(wire: payload, columnCount: order.count) else { throw invalid }
        var values: [Value] = []
        for (position, term) in order.enumerated() {
            values.append(try RowView(row, row: 0).value(position, as: entity.fields[term.column].type))
        }
        return values
    }

    private func tag(
        _ payload: ArraySlice<UInt8>, _ query: Query, _ entity: EntityDescription, _ tenant: TenantID
    ) -> [UInt8] {
        var writer = CanonicalWriter()
        writer.write("tenancy cursor")
        writer.write(tenant.rawValue)
        writer.write(entity.name)
        writer.write(entity.fingerprint)
        writer.write(query.filter)
        for sort in query.sort {
            writer.write(sort.field)
            writer.write(sort.direction == .ascending ? "ascending" : "descending")
        }
        writer.write(bytes: payload)
        return Array(HMAC<SHA256>.authenticationCode(for: writer.bytes, using: key).prefix(Self.tagLength))
    }
}
