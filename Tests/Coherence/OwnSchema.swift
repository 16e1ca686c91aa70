import Foundation
import Tenancy
import TenancyPostgres

/// What psql does beside the SDK, as the role that owns the run's schema.
struct OwnSchema: Sendable {
    let name: String
    private let owner: PostgresConfiguration

    init(_ name: String, admin: String) throws {
        self.name = name
        owner = try PostgresConfiguration(url: admin)
    }

    /// Cuts the connections of the run's processes; not those that are about to commit, or only sometimes: which they
    /// are, nobody looks at.
    func cut() async throws {
        try await run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '\(name)'")
    }

    func drop() async throws { try await run("DROP SCHEMA IF EXISTS \(name) CASCADE") }

    private func run(_ sql: String) async throws {
        var environment: [String: String] = [:]
        if let password = owner.password { environment["PGPASSWORD"] = password.reveal() }
        _ = try await Tool.run(
            "psql",
            [
                "--no-psqlrc", "--quiet", "--no-password", "--host", owner.hosts.map(\.name).joined(separator: ","),
                "--port", owner.hosts.map { String($0.port) }.joined(separator: ","), "--username", owner.user,
                "--dbname", owner.database, "--command", "SET client_min_messages = error; \(sql)",
            ], environment: environment)
    }
}
