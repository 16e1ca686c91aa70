import Synchronization
import Tenancy
import TenancyCore

@testable import TenancyPostgres

/// A record to be written on a primary and read from its replicas.
struct Reading: Entity {
    var id: Int64
    var value: Int64
    var note: String

    static let schema = EntitySchema(
        "readings", Reading.init, .key("id", \.id), .field("value", \.value), .field("note", \.note),
        search: [.text(\.note)])
}

/// A primary and replicas of the test's own, which it may stop and hold up.
struct ReplicatedServers: Sendable {
    let primary: OwnServer
    var replicas: [OwnServer]
    /// What stands in front of the primary, and of each replica; none if nothing does.
    private let poolers: [OwnPooler]

    /// - Parameter isPooled: Whether everybody goes through PgBouncer, in transaction mode.
    init(replicas count: Int = 1, options: [String] = [], isPooled: Bool = false) async throws {
        (primary, replicas, poolers) = try await blocking {
            let primary = try OwnServer()
            let replicas = try (0..<count).map { _ in try OwnServer(following: primary, options: options) }
            for server in [primary] + replicas { try server.waitUntilReady() }
            return (primary, replicas, isPooled ? try ([primary] + replicas).map(OwnPooler.init(inFrontOf:)) : [])
        }
        try await primary.texts("CREATE ROLE tenancy_app LOGIN; SELECT 1")
    }

    func configuration(
        _ change: (inout PostgresConfiguration) -> Void = { _ in }
    ) -> PostgresConfiguration {
        let ports = poolers.isEmpty ? ([primary] + replicas).map(\.port) : poolers.map(\.port)
        var configuration = PostgresConfiguration(
            host: "127.0.0.1", port: ports[0], database: "postgres", user: "tenancy_app")
        if !poolers.isEmpty { configuration.pooling = .transaction }
        configuration.migration = .init(user: "tenancy_admin")
        configuration.schema = "tenancy"
        configuration.connectTimeout = .seconds(30)
        configuration.pool.acquireTimeout = .seconds(30)
        configuration.pool.minimum = 0
        configuration.pool.maximum = 8
        configuration.lanes = 1
        configuration.maximumReplicaLag = .seconds(60)
        configuration.replicaInterval = .milliseconds(10)
        configuration.replicas = ports.dropFirst().map { PostgresReplica(.init("127.0.0.1", port: $0)) }
        change(&configuration)
        return configuration
    }

    /// Runs the body with an SDK and the adapter that it made.
    func withSDK<Result>(
        _ configuration: PostgresConfiguration, _ body: (MultiTenantSDK, PostgresAdapter) async throws -> Result
    ) async throws -> Result {
        let made = Mutex<PostgresAdapter?>(nil)
        let source = DatabaseSource(name: "postgres") { environment throws(TenancyError) in
            let adapter = try PostgresAdapter(configuration, name: "postgres", environment)
            made.withLock { $0 = adapter }
            return adapter
        }
        let sdk = try await MultiTenantSDK(config: SDKConfig(database: source, entities: [Reading.self]))
        do {
            guard let adapter = made.withLock({ $0 }) else { throw CancellationError() }
            let result = try await body(sdk, adapter)
            await sdk.shutDown()
            return result
        } catch {
            await sdk.shutDown()
            throw error
        }
    }

    /// Stops a replica's replaying, and goes on with it after the body.
    func paused<Result>(_ replica: Int = 0, _ body: () async throws -> Result) async throws -> Result {
        let server = replicas[replica]
        try await server.texts("SELECT pg_wal_replay_pause()")
        let isPaused = try await eventually {
            try await server.texts("SELECT pg_get_wal_replay_pause_state()") == [["paused"]]
        }
        guard isPaused else { throw CancellationError() }
        do {
            let result = try await body()
            try await server.texts("SELECT pg_wal_replay_resume()")
            return result
        } catch {
            try await server.texts("SELECT pg_wal_replay_resume()")
            throw error
        }
    }
}

extension PostgresAdapter {
    /// Whether a tenant's relaxed reads go to a replica.
    func readsFromReplica(_ id: TenantID, _ staleness: Duration = .seconds(60)) -> Bool {
        replicas?.visit(for: TenantContext(tenant: id, consistency: .relaxed(maximumStaleness: staleness))) != nil
    }

    /// How many reads replicas have answered, and how many the primary has because a replica failed.
    var replicaCounts: (answered: Int, failed: Int) { replicas?.counts ?? (0, 0) }
}
