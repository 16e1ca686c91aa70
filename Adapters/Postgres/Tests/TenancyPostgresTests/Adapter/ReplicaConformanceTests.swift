import Synchronization
import TenancyCore
import TenancyTesting
import TestServers
import Testing

@testable import TenancyPostgres

/// The suite of isolation and cases that read in every way, with every read outside of transactions on the replica.
@Suite("PostgreSQL's replica conforms", .serialized, .requires(.application), .requires(.replica))
struct ReplicaConformanceTests {
    private static let answered = Atomic(0)
    private static let failed = Atomic(0)

    private static func source() throws -> DatabaseSource {
        var configuration = try TestSchemas.shared.configuration()
        configuration.replicas = [PostgresReplica(try PostgresConfiguration.test(.replica).hosts[0])]
        configuration.maximumReplicaLag = .seconds(60)
        configuration.replicaInterval = .milliseconds(5)
        return RelaxedDatabase.source(configuration) {
            answered.add($0, ordering: .relaxed)
            failed.add($1, ordering: .relaxed)
        }
    }

    static let suite = DatabaseConformance(name: "PostgreSQL's replica") { try source() }
    static let isolation = IsolationSuite(name: "PostgreSQL's replica") { try source() }
    static let reading = DatabaseConformance.cases.filter {
        ["aggregates", "search", "streams"].contains($0.group)
    }

    @Test("Cases of reading hold, and replicas have answered them")
    func conforms() async throws {
        #expect(Set(Self.reading.map(\.group)).count == 3)
        for testCase in Self.reading { try await Self.suite.check(testCase) }
        let answered = Self.answered.exchange(0, ordering: .relaxed)
        #expect(answered > 2 * Self.reading.count)
        // Those that can't be answered, such as a sum that is too large, are asked of the primary as well.
        #expect(Self.failed.exchange(0, ordering: .relaxed) < answered / 20)
    }

    @Test("Tenants are kept apart, and replicas have answered")
    func isolates() async throws {
        for testCase in IsolationSuite.cases { try await Self.isolation.check(testCase) }
        #expect(Self.answered.exchange(0, ordering: .relaxed) > IsolationSuite.cases.count)
    }
}
