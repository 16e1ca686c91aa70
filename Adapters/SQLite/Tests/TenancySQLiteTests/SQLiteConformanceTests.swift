import Foundation
import Synchronization
import Tenancy
import TenancyCore
import TenancySQLite
import TenancyTesting
import Testing

/// A directory for each case, all of them removed when the process ends.
private final class ConformanceDirectory: Sendable {
    static let shared = ConformanceDirectory()
    let path = FileManager.default.temporaryDirectory.path + "/tenancy-conformance-\(UUID().uuidString)"

    init() {
        // Objects that live as long as the process are not deinitialized, so the directory is removed by a handler.
        atexit { try? FileManager.default.removeItem(atPath: ConformanceDirectory.shared.path) }
    }

    func fresh() throws -> String {
        let directory = "\(path)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return directory
    }
}

@Suite("SQLite conforms", .serialized)
struct SQLiteConformanceTests {
    static let shared = DatabaseConformance(name: "SQLite, shared") {
        .sqlite(path: try ConformanceDirectory.shared.fresh() + "/tenants.sqlite")
    }
    static let filePerTenant = DatabaseConformance(name: "SQLite, a file for each tenant") {
        .sqlite(path: try ConformanceDirectory.shared.fresh() + "/tenants", model: .filePerTenant)
    }
    static let sharedIsolation = IsolationSuite(name: "SQLite, shared") {
        .sqlite(path: try ConformanceDirectory.shared.fresh() + "/tenants.sqlite")
    }
    static let fileIsolation = IsolationSuite(name: "SQLite, a file for each tenant") {
        .sqlite(path: try ConformanceDirectory.shared.fresh() + "/tenants", model: .filePerTenant)
    }

    @Test(arguments: DatabaseConformance.cases)
    func conformsShared(_ testCase: DatabaseConformance.Case) async throws {
        try await Self.shared.check(testCase, requiresSupport: true)
    }

    @Test(arguments: DatabaseConformance.cases)
    func conformsWithAFileForEachTenant(_ testCase: DatabaseConformance.Case) async throws {
        try await Self.filePerTenant.check(testCase, requiresSupport: true)
    }

    @Test(arguments: IsolationSuite.cases)
    func isolatesShared(_ testCase: DatabaseConformance.Case) async throws {
        try await Self.sharedIsolation.check(testCase, requiresSupport: true)
    }

    @Test(arguments: IsolationSuite.cases)
    func isolatesWithAFileForEachTenant(_ testCase: DatabaseConformance.Case) async throws {
        try await Self.fileIsolation.check(testCase, requiresSupport: true)
    }
}
