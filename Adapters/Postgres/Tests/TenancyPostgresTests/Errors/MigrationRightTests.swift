import Tenancy
import TenancyCore
import TestServers
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: rights to make tables", .requires(.application), .requires(.admin))
struct MigrationRightTests {
    /// Starts with a role of migration of its own, after `prepare` has been run; `$` stands for the schema, `@` for the
    /// role.
    private func start(after prepare: [String]) async throws -> (error: TenancyError?, schema: String, role: String) {
        let role = uniqueName("tenancy_test_maker")
        var configuration = try TestSchemas.shared.configuration()
        configuration.migration = .init(user: role, password: Secret("x"))
        let schema = configuration.schema
        func run(_ statements: [String]) async throws {
            try await blocking {
                let admin = try TestConnection(.admin)
                for text in statements {
                    try admin.execute(text.replacing("$", with: schema).replacing("@", with: role))
                }
            }
        }
        try await run(["CREATE ROLE @ LOGIN PASSWORD 'x'"] + prepare)
        let error = await failureOf {
            let config = SDKConfig(database: .postgres(configuration), entities: [Reading.self])
            await (try MultiTenantSDK(config: config)).shutDown()
        }
        try await run(["DROP SCHEMA IF EXISTS $ CASCADE", "DROP OWNED BY @", "DROP ROLE @"])
        return (error, schema, role)
    }

    @Test(
        "A role of migration that lacks a right is told which, and who it is",
        arguments: [[], ["CREATE SCHEMA $"]])
    func missing(_ prepare: [String]) async throws {
        let outcome = try await start(after: prepare)
        let error = try #require(outcome.error)
        #expect(error.code == .invalidConfiguration && error.details.backendCode == "42501", "\(error)")
        #expect(error.message == "The role of migration has no right to make or change tables.", "\(error)")
        #expect(error.hint.contains("GRANT USAGE, CREATE ON SCHEMA \"\(outcome.schema)\" TO \"\(outcome.role)\""))
    }

    @Test("What the hint names is enough")
    func granted() async throws {
        let outcome = try await start(after: [
            "CREATE SCHEMA $", "GRANT USAGE, CREATE ON SCHEMA $ TO @ WITH GRANT OPTION",
        ])
        #expect(outcome.error == nil, "\(String(describing: outcome.error))")
    }
}
