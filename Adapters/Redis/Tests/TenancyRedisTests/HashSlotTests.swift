import TenancyCore
import Testing

@testable import TenancyRedis

@Suite("Hash slots")
struct HashSlotTests {
    @Test("Slots are those of the cluster's specification")
    func checksum() {
        #expect(HashSlot.slot(of: "123456789".utf8) == 0x31c3)
        #expect(HashSlot.slot(of: "foo".utf8) == 12_182)
    }

    @Test("Every slot has as many tags as every other, and a tag leads to it")
    func tags() {
        var counts = [Int](repeating: 0, count: HashSlot.count)
        for value in 0...UInt16.max { counts[HashSlot.Tag(rawValue: value).slot] += 1 }
        #expect(counts.allSatisfy { $0 == 4 })
        #expect(HashSlot.Tag.first(of: 77).slot == 77)
    }

    @Test("One tenant's entries are spread over all slots, and tenants do not share their spread")
    func spread() throws {
        let (one, other) = (try TenantID("one"), try TenantID("other"))
        let keys = (0..<20_000).map { CacheKey("r:flights:\($0)") }
        let slots = keys.map { HashSlot.Tag(one, $0).slot }
        // Of 16,384 slots 20,000 keys miss e^-1.22, so about 11,500 are hit.
        #expect(Set(slots).count > 10_500)
        #expect(zip(keys, slots).count { HashSlot.Tag(other, $0).slot == $1 } < 50)
    }
}
