import Foundation

/// When a record was stored, and how long it is good for: 20 bytes of it, in microseconds.
///
/// Processes' clocks may differ. By that much they differ over when a record is to be loaded again, and over nothing else:
/// what a writer has replaced is gone, however young it is.
struct CachedAge: Sendable, Hashable {
    /// Microseconds since 1970.
    let storedAt: Int64
    /// After how many microseconds it is to be loaded again.
    let life: Int64
    /// How many microseconds it took to load.
    let cost: UInt32

    init(storedAt: Int64, life: Int64, cost: UInt32) {
        self.storedAt = storedAt
        self.life = life
        self.cost = cost
    }

    /// What a reader makes of a record.
    enum Verdict {
        case fresh
        /// Good, and this reader is the one to load it again before it is not.
        case early
        /// To be loaded again.
        case over
    }

    /// Decides by the rule of optimal probabilistic early refresh (XFetch): the nearer the end, and the longer a load
    /// takes, the likelier a reader begins before it. So a record that is asked for often is loaded again by one reader,
    /// while the others still have it.
    ///
    /// - Parameter eagerness: How much before the end is meant, in costs of a load; 0 for never before it.
    func verdict(at now: Int64, eagerness: Double) -> Verdict {
        let age = Double(now) - Double(storedAt)
        if age >= Double(life) { return .over }
        guard eagerness > 0, cost > 0 else { return .fresh }
        let lead = Double(cost) * eagerness * -log(Double.random(in: Double.leastNonzeroMagnitude..<1))
        return age + lead >= Double(life) ? .early : .fresh
    }

    // MARK: As bytes

    init(_ bytes: ArraySlice<UInt8>) {
        let start = bytes.startIndex
        storedAt = Int64(bitPattern: UInt64(littleEndianBytes: bytes[start..<start + 8]))
        life = Int64(bitPattern: UInt64(littleEndianBytes: bytes[start + 8..<start + 16]))
        cost = UInt32(truncatingIfNeeded: UInt64(littleEndianBytes: bytes[start + 16..<start + 20]))
    }

    func write(to bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt64(bitPattern: storedAt))
        bytes.append(littleEndian: UInt64(bitPattern: life))
        Swift.withUnsafeBytes(of: cost.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// A duration in microseconds, cut to what the form can hold.
    static func microseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflows ? .max / 2 : min(.max / 2, whole + attoseconds / 1_000_000_000_000)
    }

    /// The time of day, in microseconds since 1970.
    static func timeOfDay() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
