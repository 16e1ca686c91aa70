#if Postgres
    import Foundation
    import Tenancy
    import TenancyPostgres
    import Testing

    @testable import Quickstart

    /// The built program on a real server. The addresses come from `scripts/services env postgres`.
    @Suite(.enabled(if: Servers.areThere, "TENANCY_TEST_POSTGRES_URL is not set"))
    struct ProgramPostgresTests {
        @Test("On PostgreSQL the same claims are true, and the schema is removed")
        func sample() async throws {
            let place = try Place()
            let outcome = try await Program(["--json"] + Servers.arguments(), in: place).outcome()
            #expect(outcome.code == 0)
            #expect(outcome.errors.isEmpty)
            #expect(outcome.lines.count { $0.hasPrefix("  ✓ ") } == 41)
            let json = try outcome.json()
            #expect(json["ok"] as? Bool == true)
            #expect(json["leaks"] as? Int == 0)
            #expect(json["database"] as? String == "postgres")
            #expect(try await !Self.hasSchema(outcome))
        }

        @Test("An interrupted run leaves no schema", arguments: [SIGINT, SIGTERM])
        func interrupted(signal: Int32) async throws {
            let place = try Place()
            var sample = try SampleFiles()
            sample.multiplyFlights(by: 30)
            let program = try Program(
                ["--json", "--data", place.data(sample.files)] + Servers.arguments(), in: place)
            try await program.prints("25 %")
            program.send(signal)
            let outcome = try await program.outcome()
            #expect(outcome.code == 128 + signal)
            #expect(try outcome.json()["error"] as? String == "interrupted")
            #expect(try await !Self.hasSchema(outcome))
        }

        @Test("Addresses that can't work are refused without showing a password")
        func refusals() async throws {
            let place = try Place()
            let (app, admin) = try Servers.addresses()
            let elsewhere = "postgres://owner:s3cret@127.0.0.1:1/other"
            for (arguments, code, expected) in [
                (["--database", app, "--database-admin", ""], 1 as Int32, "postgres://"),
                (["--database", app, "--database-admin", app], 1, "must not own the tables"),
                (["--database", app, "--database-admin", elsewhere], 1, "not the same database"),
                (["--database", app, "--database-admin", admin, "--model", "shared"], 64, "for SQLite only"),
            ] {
                let outcome = try await Program(arguments, in: place).outcome()
                #expect(outcome.code == code)
                #expect(outcome.errors.contains(expected))
                #expect(!(outcome.errors + outcome.output).contains("secret"))
                #expect(!(outcome.errors + outcome.output).contains("s3cret"))
            }
        }

        /// Whether the schema that a run names is there.
        private static func hasSchema(_ outcome: Program.Outcome) async throws -> Bool {
            let line = try #require(outcome.lines.first { $0.contains("Database") })
            let schema = try #require(line.firstMatch(of: /quickstart_[0-9a-z]+/)).output
            let psql = Process()
            psql.executableURL = URL(filePath: "/usr/bin/env")
            psql.arguments = [
                "psql", "--no-psqlrc", "--tuples-only", "--no-align", try Servers.addresses().admin,
                "--command", "SELECT count(*) FROM pg_namespace WHERE nspname = '\(schema)'",
            ]
            let output = Pipe()
            psql.standardOutput = output
            try psql.run()
            let answer = try output.fileHandleForReading.readToEnd() ?? Data()
            psql.waitUntilExit()
            let count = String(decoding: answer, as: UTF8.self).filter(\.isNumber)
            try #require(["0", "1"].contains(count))
            return count == "1"
        }
    }

    private enum Servers {
        private static let environment = ProcessInfo.processInfo.environment

        static var areThere: Bool {
            environment["TENANCY_TEST_POSTGRES_URL"] != nil || environment["CI"] == "true"
        }

        static func addresses() throws -> (app: String, admin: String) {
            (
                try #require(environment["TENANCY_TEST_POSTGRES_URL"]),
                try #require(environment["TENANCY_TEST_POSTGRES_ADMIN_URL"])
            )
        }

        static func arguments() throws -> [String] {
            let (app, admin) = try addresses()
            return ["--database", app, "--database-admin", admin]
        }
    }
#endif
