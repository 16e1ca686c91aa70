import Crypto
import Foundation
import TenancyCore

/// Makes and checks cursors: the sort values of the last record, encrypted, and bound to tenant, entity and query.
///
/// Form, before Base64url (RFC 4648, without padding): version byte 2; a random nonce of 12 bytes; the values as
/// ``RowBuffer`` writes them, encrypted with AES-256-GCM; its tag of 16 bytes. The tag covers what is not in the cursor
/// too, so that a cursor of another tenant or query is as wrong as one that was altered. The key is derived (HKDF,
/// RFC 5869) from the database's secret, so that the secret can serve other purposes without one key having two uses.
///
/// Nonces are random: after 2^32 cursors of one database the odds that two were equal are 1 in 2^33, and what two equal
/// ones would give away are the sort values of two records.
struct CursorCodec: Sendable {
    private static let version: UInt8 = 2
    private static let nonceLength = 12
    private static let tagLength = 16
    /// The most bytes of a cursor, which travels in addresses and headers.
    private static let maximumLength = 64 * 1_024

    private let key: SymmetricKey

    init(secret: SymmetricKey) {
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: secret, info: Data("tenancy cursor 2".utf8), outputByteCount: 32)
    }

    /// A cursor after the record with those sort values.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/valueTooLarge`` if the record's sort values are too long for a
    ///   cursor, or with ``TenancyError/Code/backendFailure`` if the cryptographic library fails.
    func encode(
        _ values: [Value], _ query: Query, _ entity: EntityDescription, for tenant: TenantID
    ) throws(TenancyError) -> Cursor {
        let sealed: AES.GCM.SealedBox
        do {
            sealed = try AES.GCM.seal(
                RowBuffer.wire(values), using: key, authenticating: Self.binding(query, entity, tenant))
        } catch {
            throw TenancyError(.backendFailure, "A cursor could not be encrypted.", details: .init(entity: entity.name))
        }
        let text = Self.text(
            of: [Self.version] + Array(sealed.nonce) + Array(sealed.ciphertext) + Array(sealed.tag))
        guard text.utf8.count <= Self.maximumLength else {
            throw TenancyError(
                .valueTooLarge, "The sort values of a page's last record are too long for a cursor.",
                hint: "Sort by a shorter field, or read a stream.",
                details: .init(tenant: tenant, entity: entity.name))
        }
        return Cursor(rawValue: text)
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
            data.count > 1 + Self.nonceLength + Self.tagLength
        else { throw invalid }
        let bytes = [UInt8](data)
        guard bytes[0] == Self.version else {
            throw TenancyError(
                .invalidCursor, "The cursor has the form of another version of Tenancy, or was altered.",
                details: .init(tenant: tenant, entity: entity.name))
        }
        // Base64 has several texts for the same bytes; only the one that was given out is the cursor.
        guard Self.text(of: bytes).utf8.elementsEqual(cursor.rawValue.utf8),
            let sealed = try? AES.GCM.SealedBox(combined: bytes[1...]),
            let payload = try? AES.GCM.open(sealed, using: key, authenticating: Self.binding(query, entity, tenant)),
            let row = RowBuffer(wire: [UInt8](payload)[...], columnCount: order.count)
        else { throw invalid }
        var values: [Value] = []
        for (position, term) in order.enumerated() {
            values.append(try RowView(row, row: 0).value(position, as: entity.fields[term.column].type))
        }
        return values
    }

    /// What a cursor is for, and does not hold.
    private static func binding(_ query: Query, _ entity: EntityDescription, _ tenant: TenantID) -> [UInt8] {
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
        return writer.bytes
    }
}
