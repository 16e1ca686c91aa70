/// How old what a read returns may be.
public struct ReadConsistency: Sendable, Hashable, CustomStringConvertible {
    /// How much older than the newest it may be; `nil` for not at all.
    public let maximumStaleness: Duration?

    private init(maximumStaleness: Duration?) { self.maximumStaleness = maximumStaleness }

    /// What was written and acknowledged before the read began is seen. What every read is unless it asks for less.
    public static let strong = ReadConsistency(maximumStaleness: nil)

    /// What was acknowledged less than `maximumStaleness` ago may be missing, unless the same SDK wrote it for the same
    /// tenant. Such reads may go to replicas. An adapter bounds the time by its own configuration, and one without
    /// replicas reads as if ``strong`` had been asked for.
    ///
    /// - Parameter maximumStaleness: Negative means zero.
    public static func relaxed(maximumStaleness: Duration) -> ReadConsistency {
        ReadConsistency(maximumStaleness: max(.zero, maximumStaleness))
    }

    /// `strong` or `relaxed`.
    public var description: String { maximumStaleness == nil ? "strong" : "relaxed" }
}
