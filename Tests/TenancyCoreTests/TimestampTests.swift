import Foundation
import TenancyCore
import Testing

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "Truncation goes towards the past, before 1970 too",
        arguments: [
            (Int64(1_234_567), Int64(1_234_000)), (1_000, 1_000), (999, 0), (0, 0), (-1, -1_000), (-999, -1_000),
            (-1_000, -1_000), (-1_001, -2_000), (-1_234_567, -1_235_000),
        ])
    func truncation(_ microseconds: Int64, _ expected: Int64) {
        let timestamp = Timestamp(microsecondsSince1970: microseconds)
        #expect(timestamp.truncated(to: .milliseconds).microsecondsSince1970 == expected)
        #expect(timestamp.truncated(to: .microseconds) == timestamp)
    }

    @Test(
        "The text is ISO 8601 with six digits of a second",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000000Z"), (1, "1970-01-01T00:00:00.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"), (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (-2_203_977_600_000_000, "1900-02-28T00:00:00.000000Z"),
            (-2_203_891_200_000_000, "1900-03-01T00:00:00.000000Z"),
            (Timestamp.range.lowerBound.microsecondsSince1970, "0001-01-01T00:00:00.000000Z"),
            (Timestamp.range.upperBound.microsecondsSince1970, "9999-12-31T23:59:59.999999Z"),
        ])
    func text(_ microseconds: Int64, _ expected: String) {
        #expect(Timestamp(microsecondsSince1970: microseconds).description == expected)
    }

    @Test("Dates of any size can be taken, cut and shown", arguments: [-1e300, -1e19, -1e13, 1e13, 1e19, 1e300, .nan])
    func extremes(_ seconds: Double) {
        let timestamp = Timestamp(Date(timeIntervalSince1970: seconds))
        #expect(!Timestamp.range.contains(timestamp))
        #expect(!Timestamp.range.contains(timestamp.truncated(to: .milliseconds)))
        #expect(!timestamp.description.isEmpty)
    }

    @Test("The ends of the range of integers can be cut and shown")
    func integerExtremes() {
        for microseconds in [Int64.min, .min + 1, .max] {
            let timestamp = Timestamp(microsecondsSince1970: microseconds)
            #expect(timestamp.truncated(to: .milliseconds) <= timestamp || microseconds < .min + 1_000)
            #expect(!timestamp.description.isEmpty)
        }
    }

    @Test("Dates keep their microsecond")
    func dates() {
        for microseconds in [Int64(1_700_000_000_123_456), -1_234_567, 0, 253_402_300_799_999_000] {
            let timestamp = Timestamp(microsecondsSince1970: microseconds)
            #expect(abs(Timestamp(timestamp.date).microsecondsSince1970 - microseconds) < 100)
        }
        #expect(Timestamp(Date(timeIntervalSince1970: -0.25)).microsecondsSince1970 == -250_000)
    }
}
