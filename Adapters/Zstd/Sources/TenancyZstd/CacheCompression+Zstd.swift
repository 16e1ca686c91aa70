internal import CZstd
public import TenancyCore

extension CacheCompression {
    /// Zstandard: `config.caching.compression = .zstd()`.
    ///
    /// - Parameter level: How much time is taken for smaller values, 1 to 19; another number is taken for the nearest.
    ///   Values of every level are read. Default 1, by which JSON of some kilobytes shrinks to about a third.
    public static func zstd(level: Int = 1) -> CacheCompression {
        let level = Int32(min(max(level, 1), 19))
        return CacheCompression(
            name: "zstd", identifier: 1, compress: { Zstd.compress($0, level: level) },
            decompress: { Zstd.decompress($0, maximumBytes: $1) })
    }
}

/// Bytes through libzstd's simple interface, each call a frame of its own that says how long it is.
enum Zstd {
    static func compress(_ bytes: [UInt8], level: Int32) -> [UInt8]? {
        let bound = ZSTD_compressBound(bytes.count)
        guard ZSTD_isError(bound) == 0 else { return nil }
        var isCompressed = false
        let compressed = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            let length = bytes.withUnsafeBytes {
                ZSTD_compress(buffer.baseAddress, bound, $0.baseAddress, $0.count, level)
            }
            isCompressed = ZSTD_isError(length) == 0
            count = isCompressed ? length : 0
        }
        return isCompressed ? compressed : nil
    }

    static func decompress(_ bytes: ArraySlice<UInt8>, maximumBytes: Int) -> [UInt8]? {
        bytes.withUnsafeBytes { source in
            // Two numbers stand for an unknown and a wrong length, which are larger than any maximum.
            let length = ZSTD_getFrameContentSize(source.baseAddress, source.count)
            guard length <= UInt64(clamping: maximumBytes) else { return nil }
            var isWhole = false
            let content = [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
                let written = ZSTD_decompress(buffer.baseAddress, Int(length), source.baseAddress, source.count)
                isWhole = ZSTD_isError(written) == 0 && written == Int(length)
                count = isWhole ? written : 0
            }
            return isWhole ? content : nil
        }
    }
}
