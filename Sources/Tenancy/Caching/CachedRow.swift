import TenancyCore

/// What is stored for a key: a record, its absence, or what a query returned, under the generation in which it was read.
///
/// Form: format version 4; digest, the entity's form, generation, nonce, when it was stored and how long it is good for, 8
/// bytes each; what it cost to load, 4; how the record is written, or 0 for its absence (``CacheForms/packed(_:form:)``);
/// the record, or how many rows a query returned, 4 bytes, and the rows as ``RowBuffer`` writes them. The nonce makes no two fills equal, so that a compare-and-set can't take one for another.
///
/// The digest covers everything after it, and whose and which record it is, of which nothing is stored. So bytes that were
/// damaged are found out, and so are another tenant's or another key's, whatever mistake in a cache or in a connection to
/// one may hand them out.
struct CachedRow {
    /// What a record must belong to: the part of the digest that is the reader's.
    struct Identity {
        fileprivate let seed: StableHash
        /// Tells the form of an entity from that of another release.
        fileprivate let form: UInt64

        init(_ tenant: TenantID, _ key: CacheKey, _ entity: EntityDescription) {
            var hash = StableHash()
            hash.combine(entity.fingerprint)
            form = hash.value
            hash.combine(tenant.rawValue)
            hash.combine(key.text)
            seed = hash
        }
    }

    /// What bytes in the cache are.
    enum Finding {
        case record(CachedRow)
        /// Of another release, of another form of the entity, or written in a way that this process does not know.
        case foreign
        /// Not what anybody has stored under that key.
        case damaged
    }

    private static let format: UInt8 = 4
    private static let digestEnd = 9
    private static let formEnd = 17
    private static let markPosition = 53
    /// What tells rows from a record in any ``CacheSerialization``.
    private static let rowsForm: UInt8 = 15
    private static let headerLength = 54

    /// The generation in which the record was read.
    let generation: CacheGeneration
    /// How old it may become.
    let age: CachedAge
    /// The record, or the rows; `nil` for none.
    let row: RowBuffer?
    /// How many bytes it takes when it is not compressed.
    let size: Int

    /// Reads what was stored.
    ///
    /// - Parameter types: Of what types the columns are of what a query returned; `nil` for a record.
    static func find(
        in bytes: [UInt8], of entity: EntityDescription, types: [FieldType]? = nil, identity: Identity,
        _ forms: CacheForms
    ) -> Finding {
        guard bytes.first == format, bytes.count >= headerLength,
            UInt64(littleEndianBytes: bytes[digestEnd..<formEnd]) == identity.form
        else { return .foreign }
        guard digest(bytes, identity) == UInt64(littleEndianBytes: bytes[1..<digestEnd]) else { return .damaged }
        if bytes[markPosition] == 0 {
            return bytes.count == headerLength ? .record(CachedRow(header: bytes, nil, size: headerLength)) : .damaged
        }
        switch forms.unpacked(bytes[headerLength...], mark: bytes[markPosition]) {
        case .foreign: return .foreign
        case .damaged: return .damaged
        case .content(let content, let form):
            let size = headerLength + content.count
            if let types {
                guard form == rowsForm, content.count >= 4 else { return .damaged }
                let (count, wire) = (Int(UInt64(littleEndianBytes: content.prefix(4))), content.dropFirst(4))
                guard let rows = RowBuffer(wire: wire, columnCount: types.count, rowCount: count) else {
                    return .damaged
                }
                return .record(CachedRow(header: bytes, rows, size: size))
            }
            if form != forms.serialization.identifier { return .foreign }
            guard let row = RecordForm.row(content, of: entity, form: form) else { return .damaged }
            return .record(CachedRow(header: bytes, row, size: size))
        }
    }

    private init(header bytes: [UInt8], _ row: RowBuffer?, size: Int) {
        generation = CacheGeneration(rawValue: UInt64(littleEndianBytes: bytes[Self.formEnd..<25]))
        age = CachedAge(bytes[33..<Self.markPosition])
        self.row = row
        self.size = size
    }

    /// What to store, and how many bytes it would be if it was not compressed.
    static func bytes(
        _ row: RowView?, of entity: EntityDescription, identity: Identity, generation: CacheGeneration,
        age: CachedAge = CachedAge(storedAt: 0, life: .max, cost: 0), _ forms: CacheForms
    ) throws(TenancyError) -> (bytes: [UInt8], size: Int) {
        let form = forms.serialization.identifier
        guard let row else { return sealed(nil, form, identity, generation, age, forms) }
        let content = try RecordForm.bytes(row, of: entity, forms.serialization)
        return sealed(content, form, identity, generation, age, forms)
    }

    /// What to store of what a query returned, and how many bytes it would be if it was not compressed.
    static func bytes(
        _ rows: [RowView], types: [FieldType], identity: Identity, generation: CacheGeneration, age: CachedAge,
        _ forms: CacheForms
    ) throws(TenancyError) -> (bytes: [UInt8], size: Int) {
        var content: [UInt8] = []
        withUnsafeBytes(of: UInt32(clamping: rows.count).littleEndian) { content.append(contentsOf: $0) }
        content += try RowBuffer.wire(rows, types: types)
        return sealed(content, rowsForm, identity, generation, age, forms)
    }

    private static func sealed(
        _ content: [UInt8]?, _ form: UInt8, _ identity: Identity, _ generation: CacheGeneration, _ age: CachedAge,
        _ forms: CacheForms
    ) -> (bytes: [UInt8], size: Int) {
        var bytes = [format]
        bytes.append(contentsOf: repeatElement(0, count: 8))
        bytes.append(littleEndian: identity.form)
        bytes.append(contentsOf: generation.bytes)
        bytes.append(littleEndian: .random(in: 0 ... .max))
        age.write(to: &bytes)
        var size = headerLength
        if let content {
            let packed = forms.packed(content, form: form)
            bytes.append(packed.mark)
            bytes += packed.bytes
            size += content.count
        } else {
            bytes.append(0)
        }
        withUnsafeBytes(of: digest(bytes, identity).littleEndian) { digest in
            bytes.replaceSubrange(1..<digestEnd, with: digest)
        }
        return (bytes, size)
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
