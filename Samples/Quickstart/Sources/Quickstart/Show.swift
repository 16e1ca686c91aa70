import Foundation
import Logging
import Tenancy

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
    let place: any DatabasePlace
    let cache: any CachePlace
    let report: Report
    let terminal: Terminal

    func run() async throws -> Outcome {
        report.section("Real flights, one tenant for each airline")
        report.line("Flights   \(dataset.directory.path)")
        report.line("Database  \(place.explanation)")
        report.line("Cache     \(cache.explanation)")
        let tenants = try RowTable<Airline>(dataset).rows.keys.compactMap { try? TenantID($0) }
        try await cache.clear(tenants)
        do {
            let outcome = try await showAndShutDown()
            try await cache.clear(tenants)
            return outcome
        } catch {
            // The error that ended the run is the one to show.
            try? await cache.clear(tenants)
            throw error
        }
    }

    private func showAndShutDown() async throws -> Outcome {
        var config = SDKConfig(
            database: place.source, entities: [Flight.self, Airport.self, Plane.self], cache: cache.source)
        // That it has connected is seen by what follows.
        config.logger.logLevel = .warning
        let sdk = try await MultiTenantSDK(config: config)
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
        let (airlines, refusedAirlines) = try await AirlineLoader(sdk: sdk, dataset: dataset).run()

        report.section("Loading, with bulkCreate through each airline's handle")
        let loader = Loader(sdk: sdk, dataset: dataset, airlines: airlines)
        let loaded = try await loader.run(ProgressLine(isTerminal: terminal.isInteractive))
        let references = try await ReferenceLoader(sdk: sdk, dataset: dataset).run(loaded.facts)
        var outcome = Outcome()
        outcome.tenants = airlines.count
        outcome.flights = loaded.flights
        outcome.flightsPerSecond = loaded.flightsPerSecond
        outcome.loadDuration = loaded.duration
        outcome.rejections = refusedAirlines + references.rejections + loaded.rejections
        tell(outcome.rejections)

        let stage = Stage(sdk: sdk, report: report, airlines: airlines, facts: loaded.facts, references: references)
        try await CountCheck(stage: stage, dataset: dataset).run(rejected: Set(loaded.rejections.map(\.line)))
        (outcome.attempts, outcome.leaks) = try await IsolationCheck(stage: stage).run()
        try await QueryDemo(stage: stage).run()
        try await TransactionDemo(stage: stage).run()
        outcome.cache = try await CacheDemo(stage: stage).run()
        return outcome
    }

    /// The most rejected rows that are shown one by one.
    private static let shownRejections = 20

    private func tell(_ rejections: [Rejection]) {
        guard !rejections.isEmpty else { return }
        report.section("Rows that were not loaded: \(Text.number(rejections.count))")
        for rejection in rejections.prefix(Self.shownRejections) { report.rejection(rejection) }
        if rejections.count > Self.shownRejections {
            report.line("… and \(Text.number(rejections.count - Self.shownRejections)) more")
        }
    }
}
