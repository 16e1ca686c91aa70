/// A short digest that is the same in every process, which `Hasher` is not. It tells forms apart; it proves nothing.
enum StableDigest {
    /// The digest of some texts as 16 hexadecimal digits: FNV-1a, 64 bits (RFC 9923).
    static func of(_ parts: String...) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in parts {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            hash = (hash ^ 0xff) &* 0x0000_0100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
