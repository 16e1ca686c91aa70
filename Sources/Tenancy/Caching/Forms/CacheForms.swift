import TenancyCore

/// How an SDK writes what it caches: a form, and whether what is large is made smaller.
struct CacheForms: Sendable {
    /// How records are written.
    var serialization = CacheSerialization.compact
    /// What is read, and written from the threshold on.
    var compression: CacheCompression?
    /// From how many bytes on content is compressed; 0 for never.
    var compressionThreshold = 0

    init() {}

    init(_ policy: SDKConfig.CachingPolicy) {
        serialization = policy.serialization
        compression = policy.compression
        compressionThreshold = policy.compressionThreshold
    }

    /// The most bytes that content is made of again: more than any record or value can have.
    static let maximumBytes = 1 << 30

    /// Content of a form as it is stored, and the byte that says how: the form in its lower half, and in its upper half the
    /// compression, or 0.
    func packed(_ content: [UInt8], form: UInt8) -> (mark: UInt8, bytes: [UInt8]) {
        guard let compression, compressionThreshold > 0, content.count >= compressionThreshold,
            let compressed = compression.compress(content)
        else { return (form, content) }
        return (compression.identifier << 4 | form, compressed)
    }

    /// What ``unpacked(_:mark:)`` makes of stored bytes.
    enum Unpacked {
        case content(ArraySlice<UInt8>, form: UInt8)
        /// Of a compression that this process does not have.
        case foreign
        case damaged
    }

    func unpacked(_ bytes: ArraySlice<UInt8>, mark: UInt8) -> Unpacked {
        if mark >> 4 == 0 { return .content(bytes, form: mark & 15) }
        guard let compression, compression.identifier == mark >> 4 else { return .foreign }
        guard let content = compression.decompress(bytes, maximumBytes: Self.maximumBytes) else { return .damaged }
        return .content(content[...], form: mark & 15)
    }
}
