import TenancyCore

/// Where entries stand in a cluster.
///
/// Each entry has a slot of its own, not each tenant, so that a tenant with much data is spread over all masters. What
/// decides is tenant and key and not the epoch, because that is known only when the slot's master is.
enum HashSlot {
    /// How many slots a cluster has.
    static let count = 16_384

    /// The slot of a name that has no hash tag, or of what stands between a name's first braces.
    static func slot(of bytes: some Sequence<UInt8>) -> Int { Int(checksum(bytes, 0)) & (count - 1) }

    /// The hash tag of an entry: four characters, so that all slots are equally likely.
    struct Tag: Sendable, Equatable {
        let rawValue: UInt16

        init(rawValue: UInt16) { self.rawValue = rawValue }

        init(_ tenant: TenantID, _ key: CacheKey) {
            let first = HashSlot.checksum(tenant.rawValue.utf8, 0)
            rawValue = HashSlot.checksum(key.text.utf8, HashSlot.checksum(CollectionOfOne(UInt8(ascii: ":")), first))
        }

        /// The characters, of an alphabet whose checksums are spread evenly.
        var bytes: [UInt8] { stride(from: 12, through: 0, by: -4).map { 0x40 + UInt8(rawValue >> $0 & 15) } }

        var slot: Int { HashSlot.slot(of: bytes) }

        /// One of the tags of a slot.
        static func first(of slot: Int) -> Tag { Tag(rawValue: firstTags[slot]) }

        private static let firstTags: [UInt16] = {
            var tags = [UInt16](repeating: 0, count: HashSlot.count)
            for value in (0...UInt16.max).reversed() { tags[Tag(rawValue: value).slot] = value }
            return tags
        }()
    }

    /// The checksum that the cluster's specification names: CRC-16 of XMODEM.
    private static func checksum(_ bytes: some Sequence<UInt8>, _ start: UInt16) -> UInt16 {
        bytes.reduce(start) { $0 << 8 ^ table[Int($0 >> 8 ^ UInt16($1))] }
    }

    private static let table: [UInt16] = (0..<256).map { byte in
        (0..<8).reduce(UInt16(byte) << 8) { sum, _ in sum & 0x8000 == 0 ? sum << 1 : sum << 1 ^ 0x1021 }
    }
}
