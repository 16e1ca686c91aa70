import Foundation
import TenancyCore
import TenancyIO

@testable import TenancyRedis

/// A cluster of a test's own: three masters with a replica each, which may be killed and started again.
final class OwnCluster: @unchecked Sendable {
    // Unchecked: a test uses its cluster from one task.

    private(set) var servers: [OwnServer] = []

    private init() throws {
        for _ in 0..<6 {
            servers.append(
                try OwnServer(
                    "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1500",
                    "--cluster-port", String(OwnServer.freePort()), "--repl-diskless-sync-delay", "0",
                    "--cluster-announce-ip", "127.0.0.1"))
        }
    }

    /// A cluster that is whole. A port that was free a moment ago may not be, and then a node stays outside for ever.
    private static func whole(attempts: Int) async throws -> OwnCluster {
        let cluster = try OwnCluster()
        do {
            for server in cluster.servers { try await server.start() }
            try cluster.join()
            if try await eventually(within: .seconds(45), { try await cluster.isWhole() }) { return cluster }
            throw TenancyError(.unavailable, "the cluster does not become whole")
        } catch {
            for server in cluster.servers { server.remove() }
            guard attempts > 1 else { throw error }
            return try await whole(attempts: attempts - 1)
        }
    }

    /// Gives the body a cluster that is whole, and removes it afterwards.
    static func with<Value>(_ body: (OwnCluster) async throws -> Value) async throws -> Value {
        let cluster = try await whole(attempts: 3)
        defer { for server in cluster.servers { server.remove() } }
        return try await body(cluster)
    }

    var configuration: RedisConfiguration {
        var configuration = RedisConfiguration(.cluster(servers.prefix(3).map(\.endpoint)))
        configuration.clientName = uniqueName("test")
        // Longer than unless set: six servers and the tests share a few cores.
        configuration.commandTimeout = .seconds(3)
        configuration.maximumTimeToLive = .seconds(900)
        return configuration
    }

    private func join() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["redis-cli", "--cluster", "create"] + servers.map { "127.0.0.1:\($0.port)" }
            + ["--cluster-replicas", "1", "--cluster-yes"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw TenancyError(.unavailable, "redis-cli could not join nodes") }
    }

    /// Whether every node that runs sees all slots served, and every replica has copied its master.
    func isWhole(running: Int = 6) async throws -> Bool {
        var count = 0
        for server in servers where server.isRunning {
            guard let info = try? await server.send("CLUSTER", "INFO"),
                let replication = try? await server.send("INFO", "replication")
            else { return false }
            let isReady = replication.contains("role:master") || replication.contains("master_link_status:up")
            guard info.contains("cluster_state:ok"), info.contains("cluster_known_nodes:6"), isReady else {
                return false
            }
            count += 1
        }
        return count == running
    }

    /// What a node says of who is master of what.
    func view(of server: OwnServer) async throws -> MasterView {
        try MasterView(
            clusterNodes: try await server.send("CLUSTER", "NODES"), asked: server.endpoint, usesNames: false)
    }

    /// The master of a slot, as the first node that runs says.
    func master(of slot: Int) async throws -> OwnServer {
        guard let asked = servers.first(where: \.isRunning) else { throw TenancyError(.notFound, "no node runs") }
        let view = try await view(of: asked)
        let port = view.tenures[Int(view.owners[slot])].endpoint.port
        guard let server = servers.first(where: { $0.port == port }) else { throw TenancyError(.notFound, "no master") }
        return server
    }

    /// The replica of a master.
    func replica(of master: OwnServer) async throws -> OwnServer {
        for server in servers where server.isRunning && server.port != master.port {
            if try await server.send("INFO", "replication").contains("master_port:\(master.port)\r") {
                return server
            }
        }
        throw TenancyError(.notFound, "the master has no replica")
    }
}
