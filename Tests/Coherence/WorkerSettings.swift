import Foundation
import Logging
import Tenancy
import TenancyPostgres
import TenancyRedis

/// What a process of the check is told when it begins, as one line on its standard input: passwords are in it, and
/// everybody sees arguments.
struct WorkerSettings: Codable, Sendable {
    /// PostgreSQL, for the role that statements run under, and for the one that makes the tables.
    var database: String
    var databaseAdmin: String
    /// A schema of the run's own.
    var schema: String
    /// Where Redis listens.
    var port: Int
    var tenants: [String]
    /// How many tasks read and write.
    var tasks = 16
    /// Where events go.
    var log: String
    var isFenced: Bool
    /// From when on the process ends itself between a commit and its invalidation; `nil` for never.
    var death: Int64?

    /// How old what a relaxed read returns may be.
    static let maximumStaleness = Duration.milliseconds(250)

    /// What the SDK is made from. Everything that ends by itself does so soon.
    func configuration() throws -> SDKConfig {
        var postgres = try PostgresConfiguration(url: database)
        let owner = try PostgresConfiguration(url: databaseAdmin)
        postgres.migration = .init(user: owner.user, password: owner.password)
        postgres.schema = schema
        postgres.applicationName = schema
        postgres.pool.minimum = 1
        postgres.pool.maximum = 8
        postgres.lanes = 1
        var redis = RedisConfiguration(host: "127.0.0.1", port: port)
        redis.clientName = schema
        redis.maximumTimeToLive = .seconds(600)
        var config = SDKConfig(database: .postgres(postgres), entities: [Mark.self], cache: source(redis))
        config.caching.blockTime = .seconds(1)
        config.caching.leaseTime = .milliseconds(500)
        config.caching.timeToLive = .seconds(3)
        config.caching.absenceTimeToLive = .seconds(2)
        config.caching.pauseTime = .milliseconds(50)
        config.callTimeout = .seconds(5)
        // Losses are what the check is about, and each of them is told of.
        config.logger.logLevel = .critical
        return config
    }

    private func source(_ redis: RedisConfiguration) -> CacheSource {
        let whole = CacheSource.redis(redis)
        return CacheSource(name: whole.name) { [isFenced, death] environment throws(TenancyError) in
            let cache = try whole.make(environment)
            let fenced = isFenced ? cache : Self.unfenced(cache)
            guard let death else { return fenced }
            return Self.mortal(fenced, death)
        }
    }

    private static func unfenced(_ cache: some CacheAdapter) -> any CacheAdapter { Unfenced(cache) }

    private static func mortal(_ cache: some CacheAdapter, _ death: Int64) -> any CacheAdapter {
        Mortal(cache: cache, death: death)
    }
}
