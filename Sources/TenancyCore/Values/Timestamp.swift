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
        Timestamp(microsecondsSince1970: -62_135_596_800_000_000)...Timestamp(
            microsecondsSince1970: 253_402_300_799_999_999)

    /// The instant cut down to a precision, towards the past.
    public func truncated(to precision: TimestampPrecision) -> Timestamp {
        switch precision {
        case .microseconds: return self
        case .milliseconds:
            let remainder = microsecondsSince1970 % 1_000
            if remainder == 0 { return self }
            let floor = microsecondsSince1970 - (remainder < 0 ? remainder + 1_000 : remainder)
            return Timestamp(microsecondsSince1970: floor)
        }
    }

    /// The order in time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microsecondsSince1970 < right.microsecondsSince1970
    }

    /// ISO 8601 in UTC with six digits of a second.
    public var description: String {
        let fraction = ((microsecondsSince1970 % 1_000_000) + 1_000_000) % 1_000_000
        let whole = Date(timeIntervalSince1970: Double((microsecondsSince1970 - fraction) / 1_000_000))
        let digits = String(fraction)
        let text = whole.formatted(.iso8601.dateTimeSeparator(.standard).timeZone(separator: .omitted))
        return text.dropLast() + "." + String(repeating: "0", count: 6 - digits.count) + digits + "Z"
    }
}

/// How finely a timestamp field is stored.
public enum TimestampPrecision: Sendable, Hashable {
    /// Thousandths of a second: what every database can hold.
    case milliseconds
    /// Millionths of a second, which MongoDB can't hold.
    case microseconds
}
