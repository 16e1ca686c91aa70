package import Foundation

extension Decimal {
    /// Whether the number can be stored, without rounding, with `precision` digits of which `scale` follow the point.
    package func fits(precision: Int, scale: Int) -> Bool {
        if isNaN { return false }
        var value = self
        var rounded = Decimal()
        NSDecimalRound(&rounded, &value, scale, .plain)
        guard rounded == self else { return false }
        let bound = Decimal(sign: .plus, exponent: precision - scale, significand: 1)
        return magnitude < bound
    }

    /// The number's digits without an exponent and without trailing zeros, such as `-12.5`; equal numbers give equal
    /// texts.
    package var canonicalText: String {
        var value = self
        return NSDecimalString(&value, nil)
    }

    /// Reads ``canonicalText`` and any plain decimal number; `nil` for anything else, which `Decimal(string:)` reads
    /// as far as it goes.
    package init?(canonicalText text: String) {
        var hasDigits = false
        var hasPoint = false
        for (position, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigits = true
            case UInt8(ascii: "-") where position == 0: continue
            case UInt8(ascii: ".") where !hasPoint: hasPoint = true
            default: return nil
            }
        }
        guard hasDigits else { return nil }
        self.init(string: text, locale: nil)
    }
}
