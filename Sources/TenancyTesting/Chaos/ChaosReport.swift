public import TenancyCore

/// What a ``ChaosSuite`` saw.
public struct ChaosReport: Sendable, CustomStringConvertible {
    /// The operations that ended, well or not.
    public var operations = 0
    /// Those that failed, by the error's code.
    public var failures: [TenancyError.Code: Int] = [:]
    /// How often the database was disturbed.
    public var disturbances = 0
    /// Writes that failed without an answer and had taken effect all the same.
    public var unansweredWrites = 0
    /// Of those, the ones that took effect only after a later write of the same record had been acknowledged.
    public var lateWrites = 0
    /// The longest that a call lasted beyond its deadline or its cancellation.
    public var longestOverrun: Duration = .zero
    /// How long all of it took.
    public var elapsed: Duration = .zero
    /// How long the SDK took to shut down afterwards: a connection that nobody gives back would hold it up.
    public var shutdown: Duration = .zero
    /// What must not happen, and did; the first hundred.
    public var violations: [String] = []

    /// The figures, and each violation.
    public var description: String {
        let codes = failures.sorted { $0.key.name < $1.key.name }.map { "\($0.value) \($0.key)" }
        var lines = [
            "\(operations) operations in \(elapsed), \(disturbances) disturbances",
            "failed: " + (codes.isEmpty ? "none" : codes.joined(separator: ", ")),
            "\(unansweredWrites) writes without an answer took effect, \(lateWrites) of them late",
            "longest overrun: \(longestOverrun), shutdown: \(shutdown)",
            "\(violations.count) violations",
        ]
        lines += violations
        return lines.joined(separator: "\n")
    }
}
