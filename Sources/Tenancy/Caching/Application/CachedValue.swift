import TenancyCore

/// An application's value as it is cached: the format; a digest of 8 bytes of tenant, key and what follows; and JSON. A
/// counter is nothing but decimal digits, because the cache itself adds to it.
enum CachedValue {
    /// No digit and no sign, so that no counter is taken for a value.
    private static let format: UInt8 = 1
    private static let headerLength = 9

    /// What to store.
    ///
    /// - Throws: ``TenancyError`` with code `invalidValue` if the value can't be encoded.
    static func bytes(_ value: some Encodable, tenant: TenantID, key: CacheKey) throws(TenancyError) -> [UInt8] {
        let content = Array(try JSON(encoding: value).text.utf8)
        var bytes = [format]
        bytes.append(littleEndian: digest(content[...], tenant, key))
        return bytes + content
    }

    /// What was stored; `nil` if it is neither what ``bytes(_:tenant:key:)`` made for the same tenant and key nor a counter.
    static func json(_ bytes: [UInt8], tenant: TenantID, key: CacheKey) -> JSON? {
        guard bytes.first == format else {
            let text = String(decoding: bytes, as: UTF8.self)
            return Int64(text).map { _ in JSON(trusted: text) }
        }
        guard bytes.count >= headerLength else { return nil }
        let content = bytes[headerLength...]
        guard digest(content, tenant, key) == UInt64(littleEndianBytes: bytes[1..<headerLength]) else { return nil }
        return JSON(trusted: String(decoding: content, as: UTF8.self))
    }

    private static func digest(_ content: ArraySlice<UInt8>, _ tenant: TenantID, _ key: CacheKey) -> UInt64 {
        var hash = StableHash()
        hash.combine(tenant.rawValue)
        hash.combine(key.text)
        content.withUnsafeBytes { hash.combine($0) }
        return hash.value
    }
}
