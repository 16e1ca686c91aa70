import Foundation
import Tenancy
import TenancyCore
import TenancySQLite
import TenancyTesting
import Testing

@Suite("Chaos on SQLite", .serialized)
struct SQLiteChaosTests {
    @Test("Nothing is lost, torn or another's while calls are cancelled and deadlines pass", arguments: [false, true])
    func cancellations(hasFilePerTenant: Bool) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("tenancy-chaos-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        var options = ChaosSuite.Options()
        options.settlingTime = .seconds(1)
        let database: DatabaseSource =
            hasFilePerTenant
            ? .sqlite(path: directory.path + "/tenants", model: .filePerTenant)
            : .sqlite(path: directory.path + "/tenants.sqlite")
        let report = try await ChaosSuite(database: database, options: options).run()
        #expect(report.violations.isEmpty, "\(report)")
        #expect(report.lateWrites == 0, "\(report)")
        #expect(report.failures.keys.contains(.cancelled) && report.failures.keys.contains(.timeout), "\(report)")
    }
}
