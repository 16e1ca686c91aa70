import Foundation
import Synchronization
import TenancyCore
import TestServers

@testable import TenancyPostgres

/// Schemas for tests of the adapter, all of them dropped when the process ends.
final class TestSchemas: Sendable {
    static let shared = TestSchemas()
    private let names = Mutex<[String]>([])

    init() {
        // Objects that live as long as the process are not deinitialized, so they are dropped by a handler.
        atexit { TestSchemas.shared.drop() }
    }

    /// A configuration for a schema that is not there yet.
    func configuration(_ server: TestServer = .application) throws -> PostgresConfiguration {
        let name = uniqueName("tenancy_adapter")
        names.withLock { $0.append(name) }
        var configuration = try PostgresConfiguration.test(server)
        let admin = try PostgresConfiguration(url: TestServer.admin.address())
        configuration.migration = .init(user: admin.user, password: admin.password)
        configuration.schema = name
        configuration.pool.minimum = 0
        configuration.pool.maximum = 16
        configuration.lanes = 1
        if server.variable == TestServer.pooler.variable { configuration.pooling = .transaction }
        return configuration
    }

    private func drop() {
        let names = names.withLock { $0 }
        guard !names.isEmpty, let admin = try? TestConnection(.admin) else { return }
        for name in names { _ = try? admin.execute("DROP SCHEMA IF EXISTS \(name) CASCADE") }
    }
}
