import Foundation
import Tenancy
import TenancyCore
import TenancyTesting
import TestServers
import Testing

@testable import TenancyPostgres

/// Some thousand operations in every test run; as many as `TENANCY_CHAOS_OPERATIONS` says for a long one.
@Suite("Chaos on PostgreSQL", .serialized, .requires(.application))
struct PostgresChaosTests {
    private func run(
        on server: TestServer, _ disturb: @escaping @Sendable (_ application: String) async throws -> Void
    ) async throws -> ChaosReport {
        var configuration = try TestSchemas.shared.configuration(server)
        configuration.applicationName = configuration.schema
        configuration.pool.maximum = 8
        configuration.statementTimeout = .seconds(5)
        var options = ChaosSuite.Options()
        let wanted = ProcessInfo.processInfo.environment["TENANCY_CHAOS_OPERATIONS"].flatMap { Int($0) }
        options.operations = wanted ?? 6_000
        options.tenants = wanted == nil ? 40 : 200
        let name = configuration.applicationName
        let report = try await ChaosSuite(database: .postgres(configuration), options: options).run(
            progress: { done in if wanted != nil { FileHandle.standardError.write(Data("\(done) operations\n".utf8)) }
            },
            disturb: { _ in try await disturb(name) })
        if wanted != nil { FileHandle.standardError.write(Data("\(report)\n".utf8)) }
        return report
    }

    /// Ends some of an application's connections on the server.
    private static func killConnections(_ condition: String) async throws {
        // libpq waits, so not on a thread of the pool.
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        try TestConnection(.admin).execute(
                            """
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                            WHERE \(condition) AND pid <> pg_backend_pid() AND random() < 0.3
                            """)
                    })
            }
        }
    }

    @Test("Nothing is lost, torn or another's while connections are killed, calls cancelled and deadlines pass")
    func direct() async throws {
        let report = try await run(on: .application) { application in
            try await Self.killConnections("application_name = '\(application)'")
        }
        #expect(report.violations.isEmpty, "\(report)")
        #expect(report.disturbances > 0 && report.failures[.unavailable] ?? 0 > 0, "\(report)")
        #expect(report.failures[.cancelled] ?? 0 > 0 && report.failures[.timeout] ?? 0 > 0, "\(report)")
    }

    @Test("The same behind PgBouncer in transaction mode", .requires(.pooler))
    func pooled() async throws {
        let report = try await run(on: .pooler) { _ in
            try await Self.killConnections(
                "usename = '\(try PostgresConfiguration(url: TestServer.pooler.address()).user)' AND state = 'idle in transaction'"
            )
        }
        #expect(report.violations.isEmpty, "\(report)")
        #expect(report.failures[.cancelled] ?? 0 > 0 && report.failures[.timeout] ?? 0 > 0, "\(report)")
    }
}
