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
        let parts = DecimalParts(significand: significand, exponent: exponent, isNegative: sign == negative)
        guard let value = parts.decimal else { throw tooLong() }
        return value
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
        guard let parts = DecimalParts(value) else {
            append(wire: UInt64(Numeric.notANumber) << 16)
            return
        }
        // Groups of four digits from the least on, aligned so that the point is between two of them.
        var rest = parts.significand
        let shift = ((parts.exponent % 4) + 4) % 4
        let lowest = (parts.exponent - shift) / 4
        let header = count
        append(wire: UInt64(0))
        var groups = 0
        var skipped = 0
        if shift > 0 {
            let scale = UInt128(Numeric.power(4 - shift))
            appendGroup(UInt64(truncatingIfNeeded: rest % scale) * Numeric.power(shift), &groups, &skipped)
            rest /= scale
        }
        // Division of numbers of 128 bits is slow, so it is done for four groups at a time.
        while rest > UInt128(UInt64.max) {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10_000_000_000_000_000)
            var part = UInt64(truncatingIfNeeded: remainder)
            for _ in 0..<4 {
                appendGroup(part % 10_000, &groups, &skipped)
                part /= 10_000
            }
            rest = quotient
        }
        var part = UInt64(truncatingIfNeeded: rest)
        while part > 0 {
            appendGroup(part % 10_000, &groups, &skipped)
            part /= 10_000
        }
        // The greatest comes first on the wire, and is no zero.
        while groups > 0, self[count - 1] == 0, self[count - 2] == 0 {
            removeLast(2)
            groups -= 1
        }
        var (low, high) = (header + 8, count - 2)
        while low < high {
            swapAt(low, high)
            swapAt(low + 1, high + 1)
            low += 2
            high -= 2
        }
        let weight = groups == 0 ? 0 : Int16(clamping: lowest + skipped + groups - 1)
        let sign = parts.isNegative && groups > 0 ? Numeric.negative : 0
        overwrite(Int32(groups) << 16 | Int32(UInt16(bitPattern: weight)), at: header)
        overwrite(Int32(sign) << 16 | Int32(Swift.max(0, -parts.exponent)), at: header + 4)
    }

    /// Appends a group, unless it is one of the zeros that end the number.
    @inline(__always)
    private mutating func appendGroup(_ group: UInt64, _ groups: inout Int, _ skipped: inout Int) {
        if groups == 0, group == 0 {
            skipped += 1
            return
        }
        append(wire: UInt16(truncatingIfNeeded: group))
        groups += 1
    }
}
