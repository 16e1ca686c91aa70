import Foundation
import Tenancy

/// A whole run: servers, processes, disturbances, and the verdict.
package struct Check {
    /// What came of it.
    package struct Outcome: Sendable {
        package let verdict: Verdict
        /// How many processes ended between a commit and its invalidation, and how many at any other moment.
        package internal(set) var writersKilled = 0
        package internal(set) var processesKilled = 0
        package internal(set) var redisRestarts = 0
        /// How often all connections to one of the servers were cut.
        package internal(set) var cuts = 0
        package internal(set) var duration = Duration.zero
    }

    private let options: CheckOptions

    package init(_ options: CheckOptions) { self.options = options }

    /// Runs until there were enough operations and each disturbance; leaves nothing behind.
    package func run() async throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tenancy-coherence-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let schema = try OwnSchema(
            "coherence_\(String(UInt64.random(in: 0 ... .max), radix: 36))", admin: options.databaseAdmin)
        let redis = try await OwnRedis.start(in: folder)
        defer { redis.stop() }
        let outcome: Result<Outcome, any Error>
        do {
            outcome = .success(try await run(folder, schema, redis))
        } catch {
            outcome = .failure(error)
        }
        // Also of a run that was interrupted.
        try await Task { try await schema.drop() }.value
        return try outcome.get()
    }

    private func run(_ folder: URL, _ schema: OwnSchema, _ redis: OwnRedis) async throws -> Outcome {
        let settings = WorkerSettings(
            database: options.database, databaseAdmin: options.databaseAdmin, schema: schema.name, port: redis.port,
            tenants: ["north", "south", "east"], log: "", isFenced: options.isFenced)
        let sdk = try await MultiTenantSDK(config: settings.configuration())
        for tenant in settings.tenants { try await sdk.tenants.create(TenantID(tenant), name: tenant) }
        await sdk.shutDown()

        let start = ContinuousClock.now
        let crew = Crew(settings, options, folder)
        defer { crew.kill() }
        try crew.fill()
        var disturbances = Disturbances(crew: crew, redis: redis, schema: schema)
        var next = start + options.pause
        while try crew.countOperations() < options.operations || !disturbances.areComplete {
            try await Task.sleep(for: .milliseconds(20))
            try crew.fill()
            if ContinuousClock.now >= next {
                try await disturbances.next()
                next = .now + options.pause
            }
        }
        try await crew.stop()
        let duration = start.duration(to: .now)
        let verdict = try Verdict.of(
            crew.logs, bound: Int64(WorkerSettings.maximumStaleness / .nanoseconds(1)))
        return Outcome(
            verdict: verdict, writersKilled: crew.ownDeaths, processesKilled: disturbances.kills,
            redisRestarts: disturbances.restarts, cuts: disturbances.cuts, duration: duration)
    }
}

/// What is done to servers and processes, in turn.
private struct Disturbances {
    let crew: Crew
    let redis: OwnRedis
    let schema: OwnSchema
    private var turn = 0
    private(set) var cuts = 0
    private(set) var kills = 0
    private(set) var restarts = 0

    init(crew: Crew, redis: OwnRedis, schema: OwnSchema) {
        self.crew = crew
        self.redis = redis
        self.schema = schema
    }

    /// Whether each has happened, and a writer has died on its own.
    var areComplete: Bool { turn >= 4 && crew.ownDeaths > 0 }

    mutating func next() async throws {
        switch turn % 4 {
        case 0:
            try await redis.cut()
            cuts += 1
        case 1: kills += crew.killOne() ? 1 : 0
        case 2:
            try await schema.cut()
            cuts += 1
        default:
            try await redis.restart()
            restarts += 1
        }
        turn += 1
    }
}
