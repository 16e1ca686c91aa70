import Foundation

/// Time as the local cache and admission count it on every hit: nanoseconds of the continuous clock, which cost no
/// arithmetic of 128 bits.
enum LocalTime {
    /// Now.
    @inline(__always)
    static func now() -> Int64 {
        #if os(Linux)
            var time = timespec()
            clock_gettime(CLOCK_BOOTTIME, &time)
            return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
        #else
            return nanoseconds(start.duration(to: .now))
        #endif
    }

    #if !os(Linux)
        private static let start = ContinuousClock.now
    #endif

    /// A duration, cut to what 64 bits can hold: three centuries.
    static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflows { return seconds < 0 ? .min / 4 : .max / 4 }
        return max(.min / 4, min(.max / 4, whole &+ attoseconds / 1_000_000_000))
    }
}
