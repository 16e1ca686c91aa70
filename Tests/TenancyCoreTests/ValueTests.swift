import Foundation
import TenancyCore
import Testing

@Suite("Values")
struct ValueTests {
    private static let composed = "caf\u{E9}"
    private static let decomposed = "cafe\u{301}"

    @Test("Text is equal by code point, where String takes more for the same")
    func equality() {
        #expect(Self.composed == Self.decomposed)
        #expect(Value.string(Self.composed) != .string(Self.decomposed))
        #expect(Set([Value.string(Self.composed), .string(Self.decomposed)]).count == 2)
        #expect(Value.order(.string(Self.composed), .string(Self.decomposed)) == .orderedDescending)
        #expect(Value.string("a") != .string("A"))
        #expect(Value.string("a") != .string("a "))
    }

    @Test("Cache keys are equal by code point too")
    func cacheKeys() {
        #expect(CacheKey(Self.composed) != CacheKey(Self.decomposed))
        #expect(Set([CacheKey(Self.composed), CacheKey(Self.decomposed), CacheKey(Self.composed)]).count == 2)
        #expect(CacheKey("") == CacheKey(""))
        #expect(CacheKey("") != CacheKey("\0"))
        #expect(CacheKey(String(repeating: "k", count: 40)) == CacheKey(String(repeating: "k", count: 40)))
    }

    @Test("The order is that of code points, not of UTF-16 units or of a language")
    func order() {
        let inOrder = ["", "\u{1}", " ", "A", "Z", "a", "aa", "z", "\u{E9}", "ﬁ", "\u{FFFD}", "😀", "\u{10FFFF}"]
        for (position, left) in inOrder.enumerated() {
            for (other, right) in inOrder.enumerated() {
                let expected: ComparisonResult =
                    position < other ? .orderedAscending : (position == other ? .orderedSame : .orderedDescending)
                #expect(Value.order(.string(left), .string(right)) == expected, "\(left) \(right)")
            }
        }
    }

    @Test("Every ordered type has its order")
    func types() throws {
        let low = try #require(UUID(uuidString: "00000000-0000-0000-0000-0000000000FF"))
        let high = try #require(UUID(uuidString: "80000000-0000-0000-0000-000000000000"))
        let pairs: [(Value, Value)] = [
            (.bool(false), .bool(true)), (.int64(.min), .int64(.max)), (.double(-1), .double(0.5)),
            (.decimal(-1), .decimal(Decimal(sign: .plus, exponent: -1, significand: 1))), (.uuid(low), .uuid(high)),
            (.bytes([]), .bytes([0])), (.bytes([0x7F]), .bytes([0x80])),
            (.timestamp(.init(microsecondsSince1970: -1)), .timestamp(.init(microsecondsSince1970: 0))),
        ]
        for (less, greater) in pairs {
            #expect(Value.order(less, greater) == .orderedAscending)
            #expect(Value.order(greater, less) == .orderedDescending)
            #expect(Value.order(less, less) == .orderedSame)
        }
    }

    @Test("Null, other types and JSON have no order")
    func unordered() {
        let json = Value.json(JSON(.null))
        for (left, right) in [(Value.null, Value.null), (1, nil), (1, "1"), (1, 1.0), (json, json), (true, 1)] {
            #expect(Value.order(left, right) == nil)
        }
        #expect(Value.null == .null)
        #expect(Value.int64(1) != .double(1))
        #expect(Value.bool(true) != .int64(1))
    }

    @Test("Equal decimals hash equally, whatever their exponents")
    func decimals() throws {
        let left = try #require(Decimal(string: "1.50"))
        let right = Decimal(sign: .plus, exponent: -3, significand: 1_500)
        #expect(Value.decimal(left) == .decimal(right))
        #expect(Set([Value.decimal(left), .decimal(right)]).count == 1)
    }
}
