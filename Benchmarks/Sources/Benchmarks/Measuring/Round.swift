/// What one stretch of work took.
struct Round: Sendable {
    var operations = 0
    var duration = Duration.zero
    /// How long single operations took, in nanoseconds: all of them, or a sample.
    var latencies: [UInt32] = []
    var cpu = Duration.zero

    var operationsPerSecond: Double { Double(operations) / (duration / .seconds(1)) }

    /// Runs work and measures what it costs.
    ///
    /// - Parameter body: Does the work, and returns how many operations it was and how long single ones took.
    static func measure(_ body: () async throws -> (operations: Int, latencies: [UInt32])) async throws -> Round {
        let cpu = ProcessUsage.cpu
        let start = ContinuousClock.now
        let (operations, latencies) = try await body()
        let duration = start.duration(to: .now)
        return Round(
            operations: operations, duration: duration, latencies: latencies, cpu: ProcessUsage.cpu - cpu)
    }
}
