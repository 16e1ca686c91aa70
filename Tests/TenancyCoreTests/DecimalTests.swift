import Foundation
import TenancyCore
import Testing

@Suite("Decimals")
struct DecimalTests {
    private func decimal(_ text: String) throws -> Decimal { try #require(Decimal(string: text)) }

    @Test(
        "A number fits if it needs no rounding and is below the bound",
        arguments: [
            ("0", 1, 0, true), ("9", 1, 0, true), ("10", 1, 0, false), ("-9", 1, 0, true), ("-10", 1, 0, false),
            ("0.1", 1, 1, true), ("1", 1, 1, false), ("0.9", 1, 1, true), ("0.95", 2, 1, false), ("12.50", 3, 1, true),
            ("12.55", 4, 1, false), ("9999999999999999999999999999999999", 34, 0, true),
            ("10000000000000000000000000000000000", 34, 0, false), ("0.000000000000000000000000000001", 34, 30, true),
            ("0.0000000000000000000000000000001", 34, 30, false), ("1e40", 34, 0, false), ("-0.5", 1, 1, true),
        ])
    func fits(_ text: String, _ precision: Int, _ scale: Int, _ expected: Bool) throws {
        #expect(try decimal(text).fits(precision: precision, scale: scale) == expected)
    }

    @Test("NaN never fits")
    func nan() { #expect(!Decimal.nan.fits(precision: 34, scale: 0)) }

    @Test(
        "Equal numbers give equal texts, without exponent and trailing zeros",
        arguments: [
            ("1.50", "1.5"), ("1.5", "1.5"), ("100", "100"), ("1e2", "100"), ("-0.0", "0"), ("0.000", "0"),
            ("1e-12", "0.000000000001"), ("-12.5", "-12.5"), ("1e30", "1000000000000000000000000000000"),
            ("1234567890123456789012345678901234", "1234567890123456789012345678901234"),
        ])
    func canonicalText(_ text: String, _ expected: String) throws {
        let value = try decimal(text)
        #expect(value.canonicalText == expected)
        #expect(Decimal(canonicalText: value.canonicalText) == value)
    }

    @Test("A sum has the same text as the number that it equals")
    func computed() throws {
        let sum = try decimal("0.75") + decimal("0.75")
        #expect(sum.canonicalText == "1.5")
        let product = try decimal("2.5") * decimal("4")
        #expect(product.canonicalText == "10")
        #expect((try decimal("1.5") - decimal("1.5")).canonicalText == "0")
    }

    @Test(
        "Text that is no plain decimal number is not read",
        arguments: ["", "-", ".", "-.", "1e5", " 1", "1 ", "+1", "1,5", "NaN", "0x1", "1.2.3", "--1", "1-", "٣", "1\0"])
    func refuses(_ text: String) { #expect(Decimal(canonicalText: text) == nil) }

    @Test("Random numbers survive their text")
    func roundTrip() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let digits = (0..<Int.random(in: 1...34)).map { _ in String(Int.random(in: 0...9, using: &generator)) }
            let value =
                try decimal(digits.joined()) * Decimal(sign: .minus, exponent: -.random(in: 0...12), significand: 1)
            #expect(Decimal(canonicalText: value.canonicalText) == value)
        }
    }
}
