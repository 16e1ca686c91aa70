import Tenancy

/// Loads the flights, each through the handle of its airline.
struct Loader {
    /// What was loaded.
    struct Outcome {
        var flights = 0
        var facts: [String: AirlineFacts] = [:]
        var rejections: [Rejection] = []
        var duration = Duration.zero

        var flightsPerSecond: Double { Double(flights) / max(duration.seconds, 1e-9) }
    }

    fileprivate struct Written: Sendable {
        let airline: String
        var facts = AirlineFacts()
        var rejections: [Rejection] = []
    }

    /// While one batch is written another is made ready; a third is read meanwhile.
    private static let concurrentWrites = 2
    private static let batchSize = 4_000

    let sdk: MultiTenantSDK
    let dataset: Dataset
    let airlines: [Airline]

    func run(_ progress: ProgressLine) async throws -> Outcome {
        var handles: [String: TenantHandle] = [:]
        for airline in airlines { handles[airline.id] = try await sdk.tenant(airline.id) }
        let start = ContinuousClock.now
        var batches = try FlightBatches(dataset.flights(), airlines: airlines, size: Self.batchSize)
        var outcome = Outcome()
        for airline in airlines { outcome.facts[airline.id] = AirlineFacts() }
        try await withThrowingTaskGroup(of: Written.self) { group in
            var pending = 0
            while let batch = try batches.next() {
                guard let handle = handles[batch.airline] else { continue }
                if pending == Self.concurrentWrites, let written = try await group.next() {
                    outcome.add(written)
                    pending -= 1
                }
                group.addTask { try await Self.write(batch, to: handle) }
                pending += 1
                progress.update(batches.fraction, rows: outcome.flights, since: start)
            }
            for try await written in group {
                outcome.add(written)
                progress.update(batches.fraction, rows: outcome.flights, since: start)
            }
        }
        outcome.duration = start.duration(to: .now)
        outcome.rejections = (outcome.rejections + batches.rejections).sorted { $0.line < $1.line }
        progress.finish(rows: outcome.flights, since: start)
        return outcome
    }

    /// Writes a batch. What the database refuses is reported, and the rest is written.
    private static func write(_ batch: FlightBatches.Batch, to handle: TenantHandle) async throws -> Written {
        let options = BulkOptions(batchSize: batchSize, atomicity: .row)
        let result = try await handle.bulkCreate(batch.flights, options: options)
        var written = Written(airline: batch.airline)
        let failures = Dictionary(result.failures.map { ($0.row, $0.error) }, uniquingKeysWith: { first, _ in first })
        for (row, flight) in batch.flights.enumerated() {
            if let error = failures[row] {
                let reason = error.code == .uniqueViolation ? "flight '\(flight.id)' is there already" : error.message
                written.rejections.append(Rejection(file: "flights.csv", line: batch.lines[row], reason: reason))
            } else {
                written.facts.add(flight)
            }
        }
        return written
    }
}

extension Loader.Outcome {
    fileprivate mutating func add(_ written: Loader.Written) {
        flights += written.facts.flights
        facts[written.airline, default: AirlineFacts()].add(written.facts)
        rejections += written.rejections
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
    var microseconds: Double { self / .microseconds(1) }
}
