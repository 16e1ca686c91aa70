import TenancyCore

/// An application's value as it is cached: the format; a digest of 8 bytes of tenant, key and what follows; how the content
/// is written (``CacheForms/packed(_:form:)``); and JSON. A counter is nothing but decimal digits, because the cache itself
/// adds to it.
enum CachedValue {
    /// No digit and no sign, so that no counter is taken for a value.
    private static let format: UInt8 = 2
    private static let digestEnd = 9
    private static let headerLength = 10

    /// What bytes in the cache are.
    enum Finding {
        case json(JSON)
        /// Of another release, or written in a way that this process does not know.
        case foreign
        /// Not what anybody has stored under that key.
        case damaged
    }

    /// What to store.
    ///
    /// - Throws: ``TenancyError`` with code `invalidValue` if the value can't be encoded.
    static func bytes(
        _ value: some Encodable, tenant: TenantID, key: CacheKey, _ forms: CacheForms
    ) throws(TenancyError) -> [UInt8] {
        let form = CacheSerialization.json.identifier
        let packed = forms.packed(Array(try JSON(encoding: value).text.utf8), form: form)
        let content = [packed.mark] + packed.bytes
        var bytes = [format]
        bytes.append(littleEndian: digest(content[...], tenant, key))
        return bytes + content
    }

    /// Reads what was stored.
    static func find(in bytes: [UInt8], tenant: TenantID, key: CacheKey, _ forms: CacheForms) -> Finding {
        guard bytes.first == format else {
            let text = String(decoding: bytes, as: UTF8.self)
            return Int64(text) == nil ? .foreign : .json(JSON(trusted: text))
        }
        guard bytes.count >= headerLength,
            digest(bytes[digestEnd...], tenant, key) == UInt64(littleEndianBytes: bytes[1..<digestEnd])
        else { return .damaged }
        switch forms.unpacked(bytes[headerLength...], mark: bytes[digestEnd]) {
        case .foreign: return .foreign
        case .damaged: return .damaged
        case .content(let content, let form):
            guard form == CacheSerialization.json.identifier else { return .foreign }
            return .json(JSON(trusted: String(decoding: content, as: UTF8.self)))
        }
    }

    private static func digest(_ content: ArraySlice<UInt8>, _ tenant: TenantID, _ key: CacheKey) -> UInt64 {
        var hash = StableHash()
        hash.combine(tenant.rawValue)
        hash.combine(key.text)
        content.withUnsafeBytes { hash.combine($0) }
        return hash.value
    }
}
