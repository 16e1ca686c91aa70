/// How long calls took: counts of durations, each within an eighth of its own length, from 1 µs to a minute.
public struct LatencyHistogram: Sendable, Hashable {
    /// Durations up to a bound that is longer than any bucket's before it.
    public struct Bucket: Sendable, Hashable {
        /// What the durations are less than.
        public let bound: Duration
        /// How many there were that are not less than the bound before.
        public let count: Int
    }

    /// By bucket; empty as long as nothing was recorded.
    private var counts: [Int] = []
    /// How many durations were recorded.
    public private(set) var count = 0
    /// What they add up to.
    public private(set) var total = Duration.zero

    private static let last = position(of: 60_000_000)

    /// A histogram of nothing.
    public init() {}

    /// Adds a duration. Longer ones than a minute count among those of a minute.
    public mutating func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let microseconds = min(max(seconds, 0), 60) * 1_000_000 + max(attoseconds, 0) / 1_000_000_000_000
        if counts.isEmpty { counts = Array(repeating: 0, count: Self.last + 1) }
        counts[min(Self.position(of: Int(microseconds)), Self.last)] += 1
        count += 1
        total += duration
    }

    /// Adds what another histogram has.
    public mutating func add(_ other: LatencyHistogram) {
        if counts.isEmpty {
            counts = other.counts
        } else {
            for (position, count) in other.counts.enumerated() { counts[position] += count }
        }
        count += other.count
        total += other.total
    }

    /// A duration that a part of the recorded ones is not longer than, an eighth too long at most; zero of nothing.
    ///
    /// - Parameter part: Which part, 0 to 1: 0.99 for what one in a hundred exceeds.
    public func quantile(_ part: Double) -> Duration {
        let wanted = Int((Double(count) * min(max(part, 0), 1)).rounded(.up))
        var seen = 0
        for (position, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen >= wanted { return .microseconds(Self.bound(of: position)) }
        }
        return .zero
    }

    /// The buckets that hold something, the shortest durations first.
    public var buckets: [Bucket] {
        counts.enumerated().filter { $0.element > 0 }.map {
            Bucket(bound: .microseconds(Self.bound(of: $0.offset)), count: $0.element)
        }
    }

    // Up to 16 µs each has a bucket of its own; from there on each doubling has eight.

    private static func position(of microseconds: Int) -> Int {
        guard microseconds >= 16 else { return microseconds }
        let doublings = Int.bitWidth - 1 - microseconds.leadingZeroBitCount - 4
        return 16 + doublings * 8 + (microseconds >> (doublings + 1)) - 8
    }

    private static func bound(of position: Int) -> Int {
        guard position >= 16 else { return position + 1 }
        let (doublings, part) = (position - 16).quotientAndRemainder(dividingBy: 8)
        return (part + 9) << (doublings + 1)
    }
}
