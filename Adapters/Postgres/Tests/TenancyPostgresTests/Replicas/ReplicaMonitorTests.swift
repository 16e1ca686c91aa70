import Foundation
import TenancyCore
import TenancyIO
import TestServers
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: replicas", .serialized)
struct ReplicaMonitorTests {
    private func relaxed(_ id: String, _ staleness: Duration = .seconds(2)) -> TenantContext {
        TenantContext(tenant: tenant(id), consistency: .relaxed(maximumStaleness: staleness))
    }

    private func withMonitor(
        _ configuration: PostgresConfiguration, _ body: (ReplicaMonitor) async throws -> Void
    ) async throws {
        try await withReactor { reactor in
            let monitor = ReplicaMonitor(
                configuration, LinkFactory(configuration), on: reactor, interval: .milliseconds(10),
                backoff: Backoff(minimum: .milliseconds(10), maximum: .milliseconds(100)))
            monitor.start()
            do { try await body(monitor) } catch {
                await monitor.stop()
                throw error
            }
            await monitor.stop()
            #expect(monitor.route(for: relaxed("a"))?.replica == nil)
        }
    }

    private func replicated(_ name: String = uniqueName("replica")) throws -> PostgresConfiguration {
        let replica = try PostgresConfiguration.test(.replica).hosts[0]
        return try .test {
            $0.applicationName = name
            $0.replicas = [PostgresReplica(replica)]
        }
    }

    /// Asks a server of the test's choice as the administrator.
    @discardableResult
    private func ask(_ port: Int, _ query: String) async throws -> [[String]] {
        let configuration = try PostgresConfiguration.test(.admin) { $0.hosts[0].port = port }
        return try await blocking {
            guard let parameters = ConnectionParameters(configuration, for: .tenants) else { return [] }
            return try TestConnection(parameters).texts(query)
        }
    }

    @Test(
        "A replica that stands still gets no reads once it lags, and those of a tenant that wrote at once",
        .requires(.replica))
    func paused() async throws {
        let configuration = try replicated()
        let port = configuration.replicas[0].host.port
        try await withMonitor(configuration) { monitor in
            #expect(await eventually { monitor.route(for: relaxed("a"))?.replica == 0 })
            #expect(monitor.route(for: TenantContext(tenant: tenant("a")))?.replica == nil)
            try await ask(port, "SELECT pg_wal_replay_pause()")
            do {
                let isPaused = try await eventually {
                    try await ask(port, "SELECT pg_get_wal_replay_pause_state()") == [["paused"]]
                }
                #expect(isPaused)
                let main = configuration.hosts[0].port
                try await ask(main, "SELECT pg_logical_emit_message(true, 'tenancy_test', 'x')")
                monitor.noteWrite(tenant("a"))
                for _ in 0..<20 {
                    #expect(monitor.route(for: relaxed("a"))?.replica == nil)
                    try await Task.sleep(for: .milliseconds(5))
                }
                #expect(await eventually { monitor.route(for: relaxed("b", .milliseconds(200)))?.replica == nil })
                #expect(await eventually { monitor.route(for: relaxed("b"))?.replica == nil })
            } catch {
                try await ask(port, "SELECT pg_wal_replay_resume()")
                throw error
            }
            try await ask(port, "SELECT pg_wal_replay_resume()")
            #expect(await eventually { monitor.route(for: relaxed("a"))?.replica == 0 })
        }
    }

    @Test(
        "A replica whose connection is ended comes back, and one that fails a read is left alone until then",
        .requires(.replica))
    func killed() async throws {
        let name = uniqueName("replica")
        let configuration = try replicated(name)
        try await withMonitor(configuration) { monitor in
            #expect(await eventually { monitor.route(for: relaxed("a"))?.replica == 0 })
            monitor.lost(0, TenancyError(.unavailable, "The connection was lost."))
            #expect(await eventually { monitor.route(for: relaxed("a"))?.replica == 0 })
            for port in [configuration.replicas[0].host.port, configuration.hosts[0].port] {
                try await ask(
                    port,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(name)'")
                #expect(await eventually { monitor.route(for: relaxed("a", .milliseconds(500)))?.replica == 0 })
            }
        }
    }

    @Test("A primary and a server that nobody runs are no replicas", .requires(.replica))
    func refused() async throws {
        let configuration = try PostgresConfiguration.test {
            $0.replicas = [PostgresReplica($0.hosts[0]), PostgresReplica(.init("127.0.0.1", port: 1))]
        }
        try await withMonitor(configuration) { monitor in
            #expect(await eventually { monitor.error(of: 0)?.code == .invalidConfiguration })
            #expect(await eventually { monitor.error(of: 1)?.code == .unavailable })
            #expect(monitor.route(for: relaxed("a"))?.replica == nil)
        }
    }

    @Test("A replica of another system is refused", .enabled(if: OwnServer.binaries != nil), .requires(.admin))
    func foreign() async throws {
        let server = try await blocking { try OwnServer(isStandby: true) }
        let configuration = try PostgresConfiguration.test(.admin) {
            $0.database = "postgres"
            $0.replicas = [PostgresReplica(.init("127.0.0.1", port: server.port))]
        }
        try await withMonitor(configuration) { monitor in
            let isRefused = await eventually {
                monitor.error(of: 0)?.message == "A server that is named as a replica follows another primary."
            }
            #expect(isRefused, "\(String(describing: monitor.error(of: 0)))")
            #expect(monitor.route(for: relaxed("a"))?.replica == nil)
        }
    }
}
