import TenancyCore

/// What is stored for a key: a record or its absence, under the generation in which it was read.
///
/// Form: format version 3; digest, generation, nonce, when it was stored and how long it is good for, 8 bytes each; what
/// it cost to load, 4; 1 for a record or 0 for its absence; the record as ``RowBuffer`` writes it. The nonce makes no two
/// fills equal, so that a compare-and-set can't take one for another.
///
/// The digest covers everything after it, and whose, which and what form of record it is, of which nothing is stored.
/// So bytes that were damaged are a miss, and so are another tenant's or another key's, whatever mistake in a cache or
/// in a connection to one may hand them out.
struct CachedRow {
    /// What a record must belong to: the part of the digest that is the reader's.
    struct Identity {
        fileprivate let seed: StableHash

        init(_ tenant: TenantID, _ key: CacheKey, _ entity: EntityDescription) {
            var hash = StableHash()
            hash.combine(tenant.rawValue)
            hash.combine(key.text)
            hash.combine(entity.fingerprint)
            seed = hash
        }
    }

    private static let format: UInt8 = 3
    private static let digestEnd = 9
    private static let headerLength = 46

    /// The generation in which the record was read.
    let generation: CacheGeneration
    /// How old it may become.
    let age: CachedAge
    /// The record; `nil` for its absence.
    let row: RowBuffer?

    /// Reads what was stored; `nil` if it is not what ``bytes(_:of:identity:generation:)`` made for the same record.
    init?(_ bytes: [UInt8], of entity: EntityDescription, identity: Identity) {
        guard bytes.count >= Self.headerLength, bytes[0] == Self.format else { return nil }
        guard Self.digest(bytes, identity) == UInt64(littleEndianBytes: bytes[1..<Self.digestEnd]) else { return nil }
        generation = CacheGeneration(rawValue: UInt64(littleEndianBytes: bytes[9..<17]))
        age = CachedAge(bytes[25..<45])
        switch bytes[45] {
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
        _ row: RowView?, of entity: EntityDescription, identity: Identity, generation: CacheGeneration,
        age: CachedAge = CachedAge(storedAt: 0, life: .max, cost: 0)
    ) throws(TenancyError) -> [UInt8] {
        var bytes = [format]
        bytes.append(contentsOf: repeatElement(0, count: 8))
        bytes.append(contentsOf: generation.bytes)
        bytes.append(littleEndian: .random(in: 0 ... .max))
        age.write(to: &bytes)
        bytes.append(row == nil ? 0 : 1)
        if let row { bytes += try RowBuffer.wire(row, of: entity) }
        withUnsafeBytes(of: digest(bytes, identity).littleEndian) { digest in
            bytes.replaceSubrange(1..<digestEnd, with: digest)
        }
        return bytes
    }

    private static func digest(_ bytes: [UInt8], _ identity: Identity) -> UInt64 {
        var hash = identity.seed
        bytes.withUnsafeBytes { hash.combine(UnsafeRawBufferPointer(rebasing: $0[digestEnd...])) }
        return hash.value
    }
}

/// Which writes by filter a cached record has seen: a random number that each such write makes void.
struct CacheGeneration: Sendable, Hashable {
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    static func random() -> CacheGeneration { CacheGeneration(rawValue: .random(in: 0 ... .max)) }

    /// Reads what was stored; `nil` if it has another form.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == 8 else { return nil }
        rawValue = UInt64(littleEndianBytes: bytes[...])
    }

    /// What to store.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: rawValue)
        return bytes
    }
}
