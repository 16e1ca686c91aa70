/// A 64-bit hash that is the same in every process, which `Hasher` is not, and takes eight bytes at a time.
///
/// It finds damage and mistakes. It proves nothing against somebody who writes to the cache on purpose.
struct StableHash {
    private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// The hash of what was combined so far.
    var value: UInt64 { Self.mix(state) }

    mutating func combine(_ text: String) {
        var text = text
        text.withUTF8 { combine(UnsafeRawBufferPointer($0)) }
    }

    /// Adds bytes and their number, so that where one part ends and the next begins matters.
    mutating func combine(_ bytes: UnsafeRawBufferPointer) {
        var position = 0
        while bytes.count - position >= 8 {
            add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
            position += 8
        }
        var rest: UInt64 = 0
        for byte in bytes[position...].reversed() { rest = rest << 8 | UInt64(byte) }
        add(rest)
        add(UInt64(bytes.count))
    }

    private mutating func add(_ word: UInt64) {
        // A bijection of the state for every word, and of the word for every state: one changed word always shows.
        state = Self.mix(state ^ word) &+ 0x9e37_79b9_7f4a_7c15
    }

    /// The finalizer of SplitMix64.
    private static func mix(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

extension UInt64 {
    /// The number that eight bytes are, the least significant first.
    init(littleEndianBytes bytes: ArraySlice<UInt8>) {
        self = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension [UInt8] {
    mutating func append(littleEndian number: UInt64) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
