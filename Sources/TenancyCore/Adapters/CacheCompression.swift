/// How large values are made smaller before they are cached. A product of its own brings a library's, such as
/// `CacheCompression.zstd()` of `TenancyZstd`, so that an application links only what it uses.
public struct CacheCompression: Sendable, Hashable {
    /// The name, such as `zstd`.
    public let name: String
    /// What tells its values from others', 1 to 15. Zstandard's is 1.
    public let identifier: UInt8
    private let makeSmaller: @Sendable ([UInt8]) -> [UInt8]?
    private let restore: @Sendable (ArraySlice<UInt8>, _ maximumBytes: Int) -> [UInt8]?

    /// A compression.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - identifier: What tells its values from others', 1 to 15. Of another number the last four bits count, and 15
    ///     if they are 0.
    ///   - compress: Makes bytes smaller; `nil` if that can't be done.
    ///   - decompress: Gives the bytes back that `compress` was given; `nil` if it was not what `compress` made, or of more
    ///     bytes than the maximum, which is to be found out before that much memory is taken.
    public init(
        name: String, identifier: UInt8, compress: @escaping @Sendable ([UInt8]) -> [UInt8]?,
        decompress: @escaping @Sendable (ArraySlice<UInt8>, _ maximumBytes: Int) -> [UInt8]?
    ) {
        self.name = name
        self.identifier = identifier & 15 == 0 ? 15 : identifier & 15
        makeSmaller = compress
        restore = decompress
    }

    /// The bytes made smaller; `nil` if they don't get smaller.
    public func compress(_ bytes: [UInt8]) -> [UInt8]? {
        guard let compressed = makeSmaller(bytes), compressed.count < bytes.count else { return nil }
        return compressed
    }

    /// What ``compress(_:)`` was given; `nil` if the bytes are not what it made, or would be more than the maximum.
    public func decompress(_ bytes: ArraySlice<UInt8>, maximumBytes: Int) -> [UInt8]? { restore(bytes, maximumBytes) }

    /// Whether both have the same name and number.
    public static func == (left: CacheCompression, right: CacheCompression) -> Bool {
        left.name == right.name && left.identifier == right.identifier
    }

    /// Hashes name and number.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(identifier)
    }
}
