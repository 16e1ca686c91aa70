import Foundation
import TenancyCore
import Testing

@testable import TenancyRedis

@Suite("A cluster and sentinels over TLS", .serialized)
struct RedisSecureTopologyTests {
    /// A server that speaks TLS on a port of its own; the other port is for the test.
    private struct SecureServer {
        let server: OwnServer
        let port: Int

        var endpoint: RedisEndpoint { RedisEndpoint(host: "127.0.0.1", port: port) }
    }

    /// A certificate for 127.0.0.1 that is its own authority, in a folder of its own. Nodes of a cluster show it to each
    /// other as clients too.
    private final class Certificate {
        let folder = FileManager.default.temporaryDirectory.path + "/" + uniqueName("tenancy-tls")
        var authority: String { folder + "/server.crt" }

        init() throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days",
                "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                folder + "/server.key", "-out", authority,
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw TenancyError(.unavailable, "openssl made no certificate")
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }
    }

    private let certificate: Certificate

    init() throws { certificate = try Certificate() }

    /// The lines of a server's configuration.
    private func settings(port: Int) -> [String] {
        [
            "tls-port \(port)", "tls-cert-file \(certificate.authority)",
            "tls-key-file \(certificate.folder)/server.key", "tls-ca-cert-file \(certificate.authority)",
            "tls-auth-clients no", "tls-replication yes",
        ]
    }

    private func secureServer(_ more: [String] = []) throws -> SecureServer {
        let port = try OwnServer.freePort()
        let options = (settings(port: port) + more).flatMap { line -> [String] in
            let words = line.split(separator: " ").map(String.init)
            return ["--" + words[0]] + words.dropFirst()
        }
        return SecureServer(server: try OwnServer(options: options), port: port)
    }

    private func configuration(_ topology: RedisConfiguration.Topology) -> RedisConfiguration {
        var configuration = RedisConfiguration(topology)
        configuration.tls = .verify(authorityFile: certificate.authority)
        configuration.clientName = uniqueName("test")
        configuration.maximumTimeToLive = .seconds(900)
        return configuration
    }

    /// Expects values to be stored and found over TLS, and a client that does not know the authority to be refused.
    private func check(_ topology: RedisConfiguration.Topology, of data: [SecureServer]) async throws {
        let configuration = configuration(topology)
        let tenant = try uniqueTenant()
        try await withCache(configuration) { cache in
            let isHealthy = try await eventually(within: .seconds(45)) { await cache.health().isHealthy }
            #expect(isHealthy)
            let keys = (0..<60).map { CacheKey("k\($0)") }
            let stored = try await cache.run(
                keys.map { .set($0, Array($0.text.utf8), timeToLive: nil, condition: .always) }, for: tenant)
            #expect(stored == keys.map { _ in .done })
            #expect(try await cache.run(keys.map { .get($0) }, for: tenant) == keys.map { .value(Array($0.text.utf8)) })
            #expect(try await cache.usage(of: tenant).entries == 60)
            for member in data {
                #expect(Int(try await member.server.send("DBSIZE")) ?? 0 > 10)
                let clients = try await member.server.send("CLIENT", "LIST").split(separator: "\n")
                    .filter { $0.contains(" name=\(configuration.clientName) ") }
                #expect(!clients.isEmpty)
                #expect(clients.allSatisfy { $0.contains(" laddr=127.0.0.1:\(member.port) ") })
            }
            #expect(try await cache.flush(tenant) == 60)
        }
        var stranger = configuration
        stranger.tls = .verify()
        let cache = try RedisCache(stranger, reactors: TestReactors.shared.get())
        let outcome = await timed { try await cache.start() }
        #expect(outcome.error?.code == .invalidConfiguration, "\(String(describing: outcome.error))")
        await cache.shutDown()
    }

    @Test("A cluster's nodes are found and used over TLS", .timeLimit(.minutes(2)))
    func cluster() async throws {
        let nodes = try (0..<2).map { _ in
            try secureServer([
                "cluster-enabled yes", "cluster-config-file nodes.conf", "tls-cluster yes",
                "cluster-port \(try OwnServer.freePort())", "cluster-announce-ip 127.0.0.1",
            ])
        }
        defer { for node in nodes { node.server.remove() } }
        for (number, node) in nodes.enumerated() {
            try await node.server.start()
            try await node.server.send("CLUSTER", "SET-CONFIG-EPOCH", String(number + 1))
            try await node.server.send(
                "CLUSTER", "ADDSLOTSRANGE", String(number * 8_192), String(number * 8_192 + 8_191))
        }
        let bus = try #require(try await nodes[1].server.send("CLUSTER", "NODES").firstMatch(of: /@(\d+)/)).1
        try await nodes[0].server.send("CLUSTER", "MEET", "127.0.0.1", String(nodes[1].port), String(bus))
        for node in nodes {
            let isWhole = try await eventually(within: .seconds(45)) {
                let info = try await node.server.send("CLUSTER", "INFO")
                return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:2")
            }
            #expect(isWhole)
        }
        // The other is found by what this one says.
        try await check(.cluster([nodes[0].endpoint]), of: nodes)
    }

    @Test("A master is found by its sentinel and used over TLS", .timeLimit(.minutes(2)))
    func sentinel() async throws {
        let (master, sentinel) = (try secureServer(), try OwnServer())
        defer { for server in [master.server, sentinel] { server.remove() } }
        try await master.server.start()
        let port = try OwnServer.freePort()
        try sentinel.beSentinel(settings(port: port) + ["sentinel monitor shop 127.0.0.1 \(master.port) 1"])
        try await sentinel.start()
        let sees = try await eventually(within: .seconds(45)) {
            try await sentinel.send("INFO", "sentinel").contains("status=ok")
        }
        #expect(sees)
        try await check(.sentinel([RedisEndpoint(host: "127.0.0.1", port: port)], master: "shop"), of: [master])
    }
}
