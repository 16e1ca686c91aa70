/// Runs ours and the floor in turn, so that what else happens on the machine befalls both.
struct Comparison {
    /// How many rounds each has. The median of them counts.
    private static let rounds = 5

    let name: String
    let tasks: Int
    let floor: String
    let seconds: Double

    /// How long one round may take.
    private var roundDuration: Duration { .seconds(seconds / Double(2 * Self.rounds)) }

    func run(
        ours: (Duration) async throws -> Round, theirs: (Duration) async throws -> Round
    ) async throws -> Measurement {
        // The first of everything is slower: files are not in memory, statements not prepared.
        _ = try await ours(roundDuration / 4)
        _ = try await theirs(roundDuration / 4)
        ProcessUsage.resetPeak()
        var own: [Round] = []
        var floors: [Round] = []
        for _ in 0..<Self.rounds {
            own.append(try await ours(roundDuration))
            floors.append(try await theirs(roundDuration))
        }
        let latencies = own.flatMap(\.latencies).sorted()
        let operations = own.reduce(0) { $0 + $1.operations }
        let cpu = own.reduce(Duration.zero) { $0 + $1.cpu }
        return Measurement(
            name: name, tasks: tasks, operationsPerSecond: Self.median(own.map(\.operationsPerSecond)), floor: floor,
            floorOperationsPerSecond: Self.median(floors.map(\.operationsPerSecond)),
            p50Microseconds: Self.percentile(latencies, 0.5), p99Microseconds: Self.percentile(latencies, 0.99),
            cpuMicrosecondsPerOperation: cpu / .microseconds(1) / Double(max(operations, 1)),
            peakMebibytes: ProcessUsage.peakMebibytes)
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func percentile(_ sorted: [UInt32], _ fraction: Double) -> Double {
        if sorted.isEmpty { return 0 }
        let place = min(sorted.count - 1, Int(fraction * Double(sorted.count)))
        return Double(sorted[place]) / 1_000
    }
}
