import Foundation
import TenancyCore

/// A decimal as a whole number times a power of ten.
struct DecimalParts: Sendable, Hashable {
    var significand: UInt128
    var exponent: Int
    var isNegative: Bool

    init(significand: UInt128, exponent: Int, isNegative: Bool) {
        self.significand = significand
        self.exponent = exponent
        self.isNegative = isNegative
    }

    /// The parts of a number; `nil` for NaN.
    init?(_ value: Decimal) {
        if value.isNaN { return nil }
        self = Self.layout.map { Self(value, $0) } ?? Self(textOf: value)
    }

    /// The number; `nil` if a decimal can't hold it exactly.
    var decimal: Decimal? {
        guard (-127...127).contains(exponent) else { return nil }
        if significand == 0 { return Decimal(0) }
        if let small = UInt64(exactly: significand) {
            return Decimal(sign: isNegative ? .minus : .plus, exponent: exponent, significand: Decimal(small))
        }
        if let layout = Self.layout { return decimal(layout) }
        return Decimal(string: "\(isNegative ? "-" : "")\(significand)e\(exponent)", locale: nil)
    }

    // MARK: Through text

    /// The text is the only public form of a decimal that has all of its digits; it takes 50 times as long to read.
    init(textOf value: Decimal) {
        var (significand, exponent, isFraction) = (UInt128(0), 0, false)
        let text = value.canonicalText
        for byte in text.utf8 {
            if byte == UInt8(ascii: ".") { isFraction = true }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { continue }
            let digit = UInt128(byte - UInt8(ascii: "0"))
            let (product, overflows) = significand.multipliedReportingOverflow(by: 10)
            // What doesn't fit are the zeros at the end of a number greater than 38 digits.
            if overflows || UInt128.max - product < digit {
                if !isFraction { exponent += 1 }
                continue
            }
            significand = product + digit
            if isFraction { exponent -= 1 }
        }
        self.init(significand: significand, exponent: exponent, isNegative: text.hasPrefix("-"))
    }

    // MARK: Through layout

    /// How a decimal lies in memory: an exponent of 8 bits, a byte with the number of words and the sign, two bytes
    /// that don't matter, and eight words of 16 bits, the least first. Apple's platforms and the others differ in the
    /// byte.
    struct Layout: Sendable {
        let lengthShift: UInt8
        let signBit: UInt8
    }

    /// The layout of this Foundation, or `nil` if it is none of those known.
    ///
    /// Nothing promises one, so they are tried, once, with numbers that tell any other from it. Reading and writing the
    /// bytes of a decimal is safe whatever they mean; if no layout holds, numbers go through text.
    static let layout: Layout? = {
        guard MemoryLayout<Decimal>.size == 20 else { return nil }
        let probes = [
            "0", "1", "-1", "65536", "-12.5", "340282366920938463463374607431768211455", "1e127", "-1e-127",
            "123456789012345678901234567890.12345678",
        ].compactMap { Decimal(string: $0, locale: nil) }
        let known = [Layout(lengthShift: 4, signBit: 0x08), Layout(lengthShift: 0, signBit: 0x10)]
        return known.first { layout in
            probes.allSatisfy { value in
                let parts = Self(value, layout)
                return parts.reduced == Self(textOf: value).reduced && parts.decimal(layout) == value
            }
        }
    }()

    /// Without zeros at the end, so that equal numbers have equal parts.
    private var reduced: Self {
        var parts = self
        while parts.significand != 0, parts.significand % 10 == 0 {
            parts.significand /= 10
            parts.exponent += 1
        }
        if parts.significand == 0 { (parts.exponent, parts.isNegative) = (0, false) }
        return parts
    }

    private init(_ value: Decimal, _ layout: Layout) {
        self = withUnsafeBytes(of: value) { bytes in
            let words = Int(bytes[1] >> layout.lengthShift & 0x0F)
            var significand: UInt128 = 0
            for index in (0..<min(words, 8)).reversed() {
                let word = bytes.loadUnaligned(fromByteOffset: 4 + index * 2, as: UInt16.self)
                significand = significand << 16 | UInt128(word)
            }
            return Self(
                significand: significand, exponent: Int(Int8(bitPattern: bytes[0])),
                isNegative: bytes[1] & layout.signBit != 0)
        }
    }

    private func decimal(_ layout: Layout) -> Decimal {
        var value = Decimal()
        withUnsafeMutableBytes(of: &value) { bytes in
            var rest = significand
            var words: UInt8 = 0
            while rest != 0 {
                let word = UInt16(truncatingIfNeeded: rest)
                bytes.storeBytes(of: word, toByteOffset: 4 + Int(words) * 2, as: UInt16.self)
                rest >>= 16
                words += 1
            }
            bytes[0] = UInt8(bitPattern: Int8(clamping: exponent))
            bytes[1] = words << layout.lengthShift | (isNegative && words > 0 ? layout.signBit : 0)
        }
        return value
    }
}
