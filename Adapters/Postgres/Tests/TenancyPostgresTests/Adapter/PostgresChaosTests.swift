import Foundation
import Synchronization
import Tenancy
import TenancyCore
import TenancyTesting
import TestServers
import Testing

@testable import TenancyPostgres

/// Some thousand operations in every test run; as many as `TENANCY_CHAOS_OPERATIONS` says for one of another size, and from
/// 100,000 on by more tenants.
@Suite("Chaos on PostgreSQL", .serialized, .requires(.application))
struct PostgresChaosTests {
    private static let wanted = ProcessInfo.processInfo.environment["TENANCY_CHAOS_OPERATIONS"].flatMap { Int($0) }

    private static let operations = wanted ?? 6_000
    private static let isLong = operations >= 100_000

    private static func say(_ text: String) {
        if wanted != nil { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
    }

    private func run(
        _ configuration: PostgresConfiguration, _ disturb: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> ChaosReport {
        var configuration = configuration
        configuration.applicationName = configuration.schema
        configuration.pool.maximum = 8
        configuration.statementTimeout = .seconds(5)
        var options = ChaosSuite.Options()
        options.operations = Self.operations
        options.tenants = Self.isLong ? 200 : 40
        let report = try await ChaosSuite(database: .postgres(configuration), options: options).run(
            progress: { Self.say("\($0) operations") }, disturb: disturb)
        Self.say("\(report)")
        return report
    }

    /// A statement that ends some of the connections, and returns a row for each.
    private static func killing(_ condition: String) -> String {
        """
        SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
        WHERE \(condition) AND pid <> pg_backend_pid() AND random() < 0.3
        """
    }

    @Test("Nothing is lost, torn or another's while connections are killed, calls cancelled and deadlines pass")
    func direct() async throws {
        let configuration = try TestSchemas.shared.configuration()
        let query = Self.killing("application_name = '\(configuration.schema)'")
        let report = try await run(configuration) { _ in _ = try await administrator(query) }
        #expect(report.violations.isEmpty, "\(report)")
        #expect(report.disturbances > 0 && report.failures[.unavailable] ?? 0 > 0, "\(report)")
        #expect(report.failures[.cancelled] ?? 0 > 0 && report.failures[.timeout] ?? 0 > 0, "\(report)")
    }

    @Test("The same behind PgBouncer in transaction mode", .requires(.pooler))
    func pooled() async throws {
        let configuration = try TestSchemas.shared.configuration(.pooler)
        // The pooler gives its connections the name of whom they serve, and they serve whoever comes.
        let query = Self.killing("application_name = '\(configuration.schema)' AND state = 'idle in transaction'")
        let report = try await run(configuration) { _ in _ = try await administrator(query) }
        #expect(report.violations.isEmpty, "\(report)")
        #expect(report.failures[.cancelled] ?? 0 > 0 && report.failures[.timeout] ?? 0 > 0, "\(report)")
    }

    /// What befell the server.
    private struct Harm {
        var stops = 0
        var crashes = 0
        var kills = 0
        var mostConnections = 0
    }

    @Test(
        "What was acknowledged outlives a server that is stopped at once or killed and starts again",
        .enabled(if: OwnServer.binaries != nil))
    func restarts() async throws {
        let server = try await blocking { try OwnServer() }
        try await server.ready()
        try await server.texts("CREATE ROLE tenancy_app LOGIN; SELECT 1")
        var configuration = PostgresConfiguration(
            host: "127.0.0.1", port: server.port, database: "postgres", user: "tenancy_app")
        configuration.migration = .init(user: "tenancy_admin")
        configuration.schema = "chaos"
        configuration.pool.minimum = 0
        configuration.lanes = 1
        let harm = Mutex(Harm())
        let period = Self.isLong ? 40 : 6
        let report = try await run(configuration) { round in
            switch round % period {
            case period / 2:
                let isKilled = round / period % 2 == 0
                try await blocking {
                    if isKilled { try server.crash() } else { try server.stop() }
                    try server.start()
                }
                try await server.ready()
                harm.withLock { if isKilled { $0.crashes += 1 } else { $0.stops += 1 } }
            default:
                let connections = try await server.texts(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chaos'")
                let kills = try await server.texts(Self.killing("application_name = 'chaos'")).count
                harm.withLock {
                    $0.kills += kills
                    $0.mostConnections = max($0.mostConnections, connections.first.flatMap { Int($0[0]) } ?? 0)
                }
            }
        }
        let done = harm.withLock { $0 }
        Self.say("\(done)")
        #expect(report.violations.isEmpty, "\(report)")
        #expect(report.failures[.unavailable] ?? 0 > 0, "\(report)")
        #expect(done.stops > 0 && done.crashes > 0 && done.kills > 0, "\(done)")
        // Those of the pool and the lanes, and those that the server has not yet seen the end of.
        #expect(done.mostConnections <= 2 * (8 + ProcessInfo.processInfo.activeProcessorCount), "\(done)")
        #expect(
            try await eventually {
                try await server.texts("SELECT pid FROM pg_stat_activity WHERE application_name = 'chaos'").isEmpty
            })
    }
}
