import CTenancyIO

/// Nanoseconds by the continuous clock: what a reactor reckons in, because `Duration` costs more to compare and to add.
struct ReactorTime {
    private static let anchor = (instant: ContinuousClock.now, nanoseconds: tenancy_clock())

    static var now: UInt64 { tenancy_clock() }

    /// The same moment; moments out of range are the nearest one in range.
    static func nanoseconds(_ instant: ContinuousClock.Instant) -> UInt64 {
        let distance = nanoseconds(anchor.instant.duration(to: instant))
        if distance < 0 { return anchor.nanoseconds - min(anchor.nanoseconds, distance.magnitude) }
        let (sum, overflow) = anchor.nanoseconds.addingReportingOverflow(UInt64(distance))
        return overflow ? .max : sum
    }

    /// The same duration, rounded up; durations out of range are the nearest one in range.
    static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let part = attoseconds / 1_000_000_000 + (attoseconds % 1_000_000_000 > 0 ? 1 : 0)
        let (sum, overflowed) = whole.addingReportingOverflow(part)
        return overflowed ? (whole < 0 ? .min : .max) : sum
    }
}
