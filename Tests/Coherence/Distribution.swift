/// How values are distributed, to within two per cent, in a fixed amount of memory.
struct Distribution: Sendable {
    private static let steps = 64
    private var counts = [Int](repeating: 0, count: 64 * steps)
    private(set) var count = 0
    private(set) var maximum: Int64 = 0

    /// Adds a value, which is not negative.
    mutating func add(_ value: Int64) {
        counts[Self.place(value)] += 1
        count += 1
        maximum = max(maximum, value)
    }

    /// The value that a part of all lies at or below; 0 of none.
    func percentile(_ part: Double) -> Int64 {
        let wanted = max(1, Int((part * Double(count)).rounded(.up)))
        var seen = 0
        for place in counts.indices {
            seen += counts[place]
            if seen >= wanted { return min(Self.bound(place), maximum) }
        }
        return 0
    }

    /// Values below the number of steps have a place each; then each doubling has as many places.
    private static func place(_ value: Int64) -> Int {
        let value = Int(value)
        if value < steps { return value }
        let shift = Int.bitWidth - value.leadingZeroBitCount - 1 - steps.trailingZeroBitCount
        return (shift + 1) * steps + (value >> shift) - steps
    }

    /// The largest value of a place.
    private static func bound(_ place: Int) -> Int64 {
        if place < steps { return Int64(place) }
        let shift = place / steps - 1
        let (bound, overflow) = (Int64(place % steps + steps) + 1).multipliedReportingOverflow(by: Int64(1) << shift)
        return overflow ? .max : bound - 1
    }
}
