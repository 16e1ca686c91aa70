import Foundation
import TenancyCore

/// The server's binary form of a decimal number: groups of four digits with the weight of the first, a sign, and how
/// many digits follow the point.
enum Numeric {
    static let negative: UInt16 = 0x4000
    static let notANumber: UInt16 = 0xC000

    /// 10 to the power of 0, 1, 2, 3.
    @inline(__always)
    static func power(_ exponent: Int) -> UInt64 {
        switch exponent {
        case 0: 1
        case 1: 10
        case 2: 100
        default: 1_000
        }
    }

    /// The number that some bytes mean.
    ///
    /// - Returns: `nil` if the bytes are malformed.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidValue`` if a `Decimal` can't hold the number exactly.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(TenancyError) -> Decimal? {
        guard bytes.count >= 8 else { return nil }
        func word(_ index: Int) -> UInt16 { UInt16(bytes[index * 2]) << 8 | UInt16(bytes[index * 2 + 1]) }
        let count = Int(word(0))
        let weight = Int(Int16(bitPattern: word(1)))
        let sign = word(2)
        guard bytes.count == 8 + count * 2, sign == 0 || sign == negative else {
            if bytes.count == 8, count == 0, sign == notANumber || sign == 0xD000 || sign == 0xF000 {
                throw tooLong()
            }
            return nil
        }
        if count == 0 { return Decimal(0) }
        var significand: UInt128 = 0
        var exponent = (weight - count + 1) * 4
        for index in 0..<count {
            var digits = UInt64(word(4 + index))
            guard digits < 10_000 else { return nil }
            var width = 4
            if index == count - 1 {
                // Zeros at the end would take room that the digits before may need.
                while width > 0, digits % 10 == 0 {
                    digits /= 10
                    width -= 1
                }
                exponent += 4 - width
            }
            let scale: UInt128 = width == 4 ? 10_000 : UInt128(power(width))
            let (product, tooGreat) = significand.multipliedReportingOverflow(by: scale)
            let (sum, overflows) = product.addingReportingOverflow(UInt128(digits))
            guard !tooGreat, !overflows else { throw tooLong() }
            significand = sum
        }
        guard let value = decimal(significand, exponent: exponent, isNegative: sign == negative) else {
            throw tooLong()
        }
        return value
    }

    private static func decimal(_ significand: UInt128, exponent: Int, isNegative: Bool) -> Decimal? {
        guard (-127...127).contains(exponent) else { return nil }
        if let small = UInt64(exactly: significand) {
            return Decimal(sign: isNegative ? .minus : .plus, exponent: exponent, significand: Decimal(small))
        }
        return Decimal(string: "\(isNegative ? "-" : "")\(significand)e\(exponent)", locale: nil)
    }

    private static func tooLong() -> TenancyError {
        TenancyError(
            .invalidValue, "A number has more digits than a decimal can hold, which are 38.",
            hint: "Narrow the filter of a sum, or group.")
    }
}

extension [UInt8] {
    /// Appends a decimal in the server's binary form.
    mutating func append(numeric value: Decimal) {
        if value.isNaN {
            append(wire: UInt64(Numeric.notANumber) << 16)
            return
        }
        // The text is the only public form of a decimal that has all of its digits.
        var text = value.canonicalText
        text.withUTF8 { append(numericDigits: $0) }
    }

    /// Appends the number that a plain decimal text such as `-12.5` means.
    private mutating func append(numericDigits text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { start = 1 }
        let point = text.firstIndex(of: UInt8(ascii: ".")) ?? text.count
        let whole = point - start
        let fraction = Swift.max(0, text.count - point - 1)
        let header = count
        append(wire: UInt64(0))
        // The first group holds what is left over of the digits before the point, so that the point is between groups.
        var group: UInt64 = 0
        var groups: Int16 = 0
        var weight = Int16((whole + 3) / 4 - 1)
        var left = whole % 4 == 0 ? 4 : whole % 4
        var trailingZeros: Int16 = 0
        func digit(_ index: Int) -> UInt64 { UInt64(text[index] - UInt8(ascii: "0")) }
        func finish(_ bytes: inout [UInt8], _ group: UInt64) {
            if groups == 0, group == 0 {
                weight -= 1
                return
            }
            bytes.append(wire: UInt16(group))
            groups += 1
            trailingZeros = group == 0 ? trailingZeros + 1 : 0
        }
        for index in start..<point {
            group = group * 10 + digit(index)
            left -= 1
            if left == 0 {
                finish(&self, group)
                (group, left) = (0, 4)
            }
        }
        for index in 0..<fraction {
            group = group * 10 + digit(point + 1 + index)
            left -= 1
            if left == 0 {
                finish(&self, group)
                (group, left) = (0, 4)
            }
        }
        if left < 4 {
            for _ in 0..<left { group *= 10 }
            finish(&self, group)
        }
        removeLast(Int(trailingZeros) * 2)
        groups -= trailingZeros
        if groups == 0 { weight = 0 }
        let sign = isNegative && groups > 0 ? Numeric.negative : 0
        overwrite(Int32(groups) << 16 | Int32(UInt16(bitPattern: weight)), at: header)
        overwrite(Int32(sign) << 16 | Int32(fraction), at: header + 4)
    }
}
