import TenancyCore

/// What is stored for a key: a record or its absence, under the generation in which it was read.
///
/// Form: format version 1; generation and nonce, 8 bytes each; 1 for a record or 0 for its absence; the record as
/// ``RowBuffer`` writes it. The nonce makes no two fills equal, so that a compare-and-set can't take one for another.
struct CachedRow {
    private static let format: UInt8 = 1
    private static let headerLength = 18

    /// The generation's bytes.
    let generation: ArraySlice<UInt8>
    /// The record; `nil` for its absence.
    let row: RowBuffer?

    /// Reads what was stored; `nil` if it has another form.
    init?(_ bytes: [UInt8], of entity: EntityDescription) {
        guard bytes.count >= Self.headerLength, bytes[0] == Self.format else { return nil }
        generation = bytes[1..<9]
        switch bytes[17] {
        case 0 where bytes.count == Self.headerLength: row = nil
        case 1:
            guard let row = RowBuffer(wire: bytes[Self.headerLength...], columnCount: entity.fields.count) else {
                return nil
            }
            self.row = row
        default: return nil
        }
    }

    /// What to store.
    static func bytes(
        _ row: RowView?, of entity: EntityDescription, generation: [UInt8]
    ) throws(TenancyError) -> [UInt8] {
        var bytes = [format]
        bytes += generation
        withUnsafeBytes(of: UInt64.random(in: 0 ... .max)) { bytes.append(contentsOf: $0) }
        bytes.append(row == nil ? 0 : 1)
        if let row { bytes += try RowBuffer.wire(row, of: entity) }
        return bytes
    }
}
