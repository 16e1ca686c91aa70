/// Runs ours and the floor in turn, so that what else happens on the machine befalls both.
struct Comparison {
    /// How many rounds each has. The median of them counts.
    private static let rounds = 5

    let name: String
    let tasks: Int
    /// On which executor the tasks run, if the benchmark distinguishes.
    var executor: String?
    let seconds: Double

    /// How long one round may take.
    private var roundDuration: Duration { .seconds(seconds / Double(2 * Self.rounds)) }

    /// What ours is compared with.
    struct Floor {
        let name: String
        let run: (Duration) async throws -> Round

        init(_ name: String, _ run: @escaping (Duration) async throws -> Round) {
            self.name = name
            self.run = run
        }
    }

    /// Measures ours beside one floor.
    func run(
        floor: String, ours: (Duration) async throws -> Round, theirs: @escaping (Duration) async throws -> Round
    ) async throws -> Measurement {
        try await run(ours: ours, floors: [Floor(floor, theirs)])[0]
    }

    /// Measures ours beside several floors.
    ///
    /// - Returns: A result for each floor, in their order.
    func run(ours: (Duration) async throws -> Round, floors: [Floor]) async throws -> [Measurement] {
        // The first of everything is slower: files are not in memory, statements not prepared.
        _ = try await ours(roundDuration / 4)
        for floor in floors { _ = try await floor.run(roundDuration / 4) }
        ProcessUsage.resetPeak()
        var own: [Round] = []
        var theirs = floors.map { _ in [Round]() }
        for _ in 0..<Self.rounds {
            own.append(try await ours(roundDuration))
            for (place, floor) in floors.enumerated() { theirs[place].append(try await floor.run(roundDuration)) }
        }
        let peak = ProcessUsage.peakMebibytes
        let latencies = own.flatMap(\.latencies).sorted()
        let operations = own.reduce(0) { $0 + $1.operations }
        let cpu = own.reduce(Duration.zero) { $0 + $1.cpu }
        return zip(floors, theirs).map { floor, rounds in
            let waits = rounds.flatMap(\.latencies).sorted()
            return Measurement(
                name: name, tasks: tasks, executor: executor,
                operationsPerSecond: Self.median(own.map(\.operationsPerSecond)), floor: floor.name,
                floorOperationsPerSecond: Self.median(rounds.map(\.operationsPerSecond)),
                p50Microseconds: Self.percentile(latencies, 0.5), p99Microseconds: Self.percentile(latencies, 0.99),
                floorP99Microseconds: waits.isEmpty ? nil : Self.percentile(waits, 0.99),
                cpuMicrosecondsPerOperation: cpu / .microseconds(1) / Double(max(operations, 1)),
                peakMebibytes: peak)
        }
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func percentile(_ sorted: [UInt32], _ fraction: Double) -> Double {
        if sorted.isEmpty { return 0 }
        let place = min(sorted.count - 1, Int(fraction * Double(sorted.count)))
        return Double(sorted[place]) / 1_000
    }
}
