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
        var batches = try FlightBatches(dataset, airlines: airlines, size: Self.batchSize)
        var outcome = Outcome()
        for airline in airlines { outcome.facts[airline.id] = AirlineFacts() }
        try await withThrowingTaskGroup(of: Written.self) { group in
            var pending = 0
            while let batch = try batches.next() {
                try Task.checkCancellation()
                guard let handle = handles[batch.tenant] else { continue }
                if pending == Self.concurrentWrites, let written = try await group.next() {
                    outcome.add(written)
                    pending -= 1
                }
                group.addTask { Written(try await batch.write(to: handle)) }
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
}

/// What is kept of a batch that was written: figures, so that its flights are held no longer than they must be.
private struct Written: Sendable {
    let airline: String
    var facts = AirlineFacts()
    let rejections: [Rejection]

    init(_ written: FileBatch<Flight>.Written) {
        airline = written.tenant
        rejections = written.rejections
        for flight in written.stored { facts.add(flight) }
    }
}

extension Loader.Outcome {
    fileprivate mutating func add(_ written: Written) {
        flights += written.facts.flights
        facts[written.airline, default: AirlineFacts()].add(written.facts)
        rejections += written.rejections
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
    var microseconds: Double { self / .microseconds(1) }
}
