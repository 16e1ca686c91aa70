import Tenancy
import TenancyCore
import TenancyTesting
import Testing

@Suite("Chaos on the database in memory")
struct ChaosSuiteTests {
    private func run(
        _ defects: InMemoryDatabase.Defect = [], _ change: (inout ChaosSuite.Options) -> Void = { _ in }
    ) async throws -> ChaosReport {
        var options = ChaosSuite.Options()
        options.tenants = 20
        options.settlingTime = .milliseconds(500)
        change(&options)
        let database = DatabaseSource(name: "memory") { _ in InMemoryDatabase(defects: defects) }
        return try await ChaosSuite(database: database, options: options).run()
    }

    @Test("A sound database survives cancellations and deadlines")
    func sound() async throws {
        let report = try await run()
        #expect(report.violations.isEmpty, "\(report)")
        #expect(report.operations == 5_000)
        #expect(report.failures.keys.contains(.cancelled) && report.failures.keys.contains(.timeout), "\(report)")
    }

    @Test(
        "What is wrong is found",
        arguments: [
            InMemoryDatabase.Defect.ignoresTenantOnRead, .ignoresTenantOnSelect, .ignoresTenantOnAggregate,
            .ignoresTenantOnStream, .ignoresTenantOnUpdateMatching, .ignoresTenantOnUpsert, .ignoresTenantOnDelete,
            .ignoresTenantOnDeleteMatching, .ignoresTenantInTransaction, .uniqueAcrossTenants, .keepsRolledBackWrites,
            .returnsOneTooMany,
        ])
    func defects(defect: InMemoryDatabase.Defect) async throws {
        let report = try await run(defect) { options in
            options.operations = 2_000
            (options.cancellations, options.deadlines) = (0, 0)
        }
        #expect(!report.violations.isEmpty)
    }
}
