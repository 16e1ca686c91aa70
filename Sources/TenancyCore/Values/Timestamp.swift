public import Foundation

/// An instant as a whole number of microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// `Date` counts in binary fractions of a second and cannot hold microseconds exactly far from 2001; this can.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Microseconds since the beginning of 1970, negative before.
    public let microsecondsSince1970: Int64

    /// An instant from microseconds since the beginning of 1970.
    public init(microsecondsSince1970: Int64) { self.microsecondsSince1970 = microsecondsSince1970 }

    /// The microsecond in which `date` lies; dates outside ``range`` become its nearest bound's neighbour, which
    /// validation refuses.
    public init(_ date: Date) {
        let microseconds = (date.timeIntervalSince1970 * 1_000_000).rounded()
        if microseconds >= 9e18 {
            microsecondsSince1970 = .max
        } else if microseconds <= -9e18 || microseconds.isNaN {
            microsecondsSince1970 = .min
        } else {
            microsecondsSince1970 = Int64(microseconds)
        }
    }

    /// The present instant by the system's clock.
    public static var now: Timestamp { Timestamp(Date()) }

    /// The instant as a `Date`, within that type's precision.
    public var date: Date { Date(timeIntervalSince1970: Double(microsecondsSince1970) / 1_000_000) }

    /// What every database can hold: the years 1 to 9999.
    public static let range =
        Timestamp(
            microsecondsSince1970: -62_135_596_800_000_000)...Timestamp(
            microsecondsSince1970: 253_402_300_799_999_999)

    /// The instant cut down to a precision, towards the past.
    public func truncated(to precision: TimestampPrecision) -> Timestamp {
        switch precision {
        case .microseconds: return self
        case .milliseconds:
            let remainder = microsecondsSince1970 % 1_000
            if remainder == 0 { return self }
            // The first instants that an integer can hold have no whole millisecond before them.
            let (floor, overflows) = microsecondsSince1970.subtractingReportingOverflow(
                remainder < 0 ? remainder + 1_000 : remainder)
            return overflows ? self : Timestamp(microsecondsSince1970: floor)
        }
    }

    /// The order in time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microsecondsSince1970 < right.microsecondsSince1970
    }

    /// ISO 8601 in UTC with six digits of a second.
    public var description: String {
        let (days, ofDay) = Self.divide(microsecondsSince1970, by: 86_400_000_000)
        let (year, month, day) = Self.date(ofDay: days)
        let seconds = ofDay / 1_000_000
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
            + "T\(Self.padded(seconds / 3_600, 2)):\(Self.padded(seconds / 60 % 60, 2)):\(Self.padded(seconds % 60, 2))"
            + ".\(Self.padded(ofDay % 1_000_000, 6))Z"
    }

    /// The date of a day counted from 1970-01-01, by the Gregorian calendar before its introduction too.
    ///
    /// The year is taken to begin in March, so that the leap day is its last, and days are counted in eras of 400 years,
    /// which are all alike. Foundation's formatter switches calendars in 1582 and costs fifty times as much.
    private static func date(ofDay days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, ofEra) = divide(days + 719_468, by: 146_097)
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * ofYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * monthFromMarch + 2) / 5 + 1
        )
    }

    /// Quotient and remainder, the remainder never negative.
    private static func divide(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number.magnitude)
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// How finely a timestamp field is stored.
public enum TimestampPrecision: Sendable, Hashable {
    /// Thousandths of a second: what every database can hold.
    case milliseconds
    /// Millionths of a second, which MongoDB can't hold.
    case microseconds
}
