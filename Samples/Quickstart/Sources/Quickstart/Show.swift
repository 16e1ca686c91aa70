import Foundation
import Tenancy
import TenancySQLite

/// The whole run, from an empty database on.
struct Show {
    /// What is left to say in the end.
    struct Outcome {
        var tenants = 0
        var flights = 0
        var flightsPerSecond = 0.0
        var loadDuration = Duration.zero
        var rejections: [Rejection] = []
        var attempts = 0
        var leaks = 0
        var cache = CacheDemo.Outcome()
    }

    let dataset: Dataset
    let place: DatabasePlace
    let report: Report
    let isTerminal: Bool

    func run() async throws -> Outcome {
        report.section("Real flights, one tenant for each airline")
        report.line("Flights:  \(dataset.directory.path)")
        report.line(
            "Database: SQLite, \(place.model.explanation), \(place.path)\(place.isTemporary ? " (removed)" : "")")
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(
                database: .sqlite(path: place.path, model: place.model.model),
                entities: [Flight.self, Airport.self, Plane.self], cache: .memory()))
        do {
            let outcome = try await show(sdk)
            await sdk.shutDown()
            return outcome
        } catch {
            await sdk.shutDown()
            throw error
        }
    }

    private func show(_ sdk: MultiTenantSDK) async throws -> Outcome {
        var outcome = Outcome()
        let airlines = try Airline.read(dataset)
        let sorted = airlines.rows.values.sorted { $0.id < $1.id }
        for airline in sorted { try await sdk.tenants.create(TenantID(airline.id), name: airline.name) }

        report.section("Loading, with bulkCreate through each airline's handle")
        let loader = Loader(sdk: sdk, dataset: dataset, airlines: sorted)
        let loaded = try await loader.run(ProgressLine(isTerminal: isTerminal))
        let reference = try await ReferenceLoader(sdk: sdk, dataset: dataset).run(loaded.facts)
        outcome.tenants = sorted.count
        outcome.flights = loaded.flights
        outcome.flightsPerSecond = loaded.flightsPerSecond
        outcome.loadDuration = loaded.duration
        outcome.rejections = airlines.rejections + loaded.rejections + reference.rejections
        explain(reference, outcome.rejections)

        let stage = Stage(sdk: sdk, report: report, airlines: sorted, facts: loaded.facts)
        try await CountCheck(stage: stage, dataset: dataset).run(rejected: Set(loaded.rejections.map(\.line)))
        (outcome.attempts, outcome.leaks) = try await IsolationCheck(stage: stage).run()
        try await QueryDemo(stage: stage).run()
        try await TransactionDemo(stage: stage).run()
        outcome.cache = try await CacheDemo(stage: stage).run()
        return outcome
    }

    private func explain(_ reference: ReferenceLoader.Outcome, _ rejections: [Rejection]) {
        report.line(
            "Each airline also got the airports it serves (\(Text.number(reference.airports)) records in all) and the "
                + "planes it flies (\(Text.number(reference.planes))).")
        if !reference.unknown.isEmpty {
            report.line("\(Text.number(reference.unknown.count)) airports and planes that flights name are in no file.")
        }
        for rejection in rejections.prefix(20) {
            report.line("Not loaded: \(rejection.file) line \(rejection.line): \(rejection.reason)")
        }
        if rejections.count > 20 { report.line("Not loaded: \(Text.number(rejections.count - 20)) rows more.") }
    }
}
