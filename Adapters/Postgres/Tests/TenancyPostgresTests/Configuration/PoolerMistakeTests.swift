import Tenancy
import TenancyCore
import TestServers
import Testing

@testable import TenancyPostgres

/// PgBouncer in transaction mode, and nobody has said so.
@Suite("PostgreSQL: a pooler that is not configured", .serialized, .requires(.pooler), .timeLimit(.minutes(2)))
struct PoolerMistakeTests {
    private func configuration(_ servers: ReplicatedServers, _ pooler: OwnPooler) -> PostgresConfiguration {
        servers.configuration {
            $0.hosts = [.init("127.0.0.1", port: pooler.port)]
            $0.maximumStatements = 16
        }
    }

    @Test("One that refuses settings is explained at the start")
    func refused() async throws {
        let servers = try await ReplicatedServers(replicas: 0)
        let pooler = try await blocking { try OwnPooler(inFrontOf: servers.primary) }
        let error = await failureOf { try await servers.withSDK(configuration(servers, pooler)) { _, _ in } }
        #expect(error?.code == .invalidConfiguration, "\(String(describing: error))")
        #expect(error?.hint.contains("pooling") == true, "\(String(describing: error))")
    }

    @Test("One that takes settings and loses them is explained by the first statement that is not there")
    func ignored() async throws {
        let servers = try await ReplicatedServers(replicas: 0)
        let pooler = try await blocking { try OwnPooler(inFrontOf: servers.primary, ignoring: "options") }
        let error = await failureOf {
            try await servers.withSDK(configuration(servers, pooler)) { sdk, _ in
                try await sdk.tenants.create(tenant("UA"), name: "United")
                let handle = try await sdk.tenant(tenant("UA"))
                // Several at once, so that the pooler gives their transactions different connections.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for id in 0..<64 {
                        group.addTask {
                            for round in 0..<20 {
                                let key = Int64(id * 100 + round)
                                try await handle.bulkUpsert([Reading(id: key, value: 1, note: "x")])
                                _ = try await handle.read(Reading.self, key)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
        #expect(error?.code == .backendFailure, "\(String(describing: error))")
        #expect(["26000", "42P05"].contains(error?.details.backendCode), "\(String(describing: error))")
        #expect(error?.hint.contains("pooling") == true, "\(String(describing: error))")
    }
}
