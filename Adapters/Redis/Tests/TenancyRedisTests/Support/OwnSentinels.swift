import Foundation
import TenancyCore
import TenancyIO

@testable import TenancyRedis

/// A master, two replicas and three sentinels of a test's own.
final class OwnSentinels: @unchecked Sendable {
    // Unchecked: a test uses its servers from one task.

    let data: [OwnServer]
    let sentinels: [OwnServer]

    private init() throws {
        data = try (0..<3).map { _ in try OwnServer("--repl-diskless-sync-delay", "0") }
        sentinels = try (0..<3).map { _ in try OwnServer() }
    }

    static func with<Value>(_ body: (OwnSentinels) async throws -> Value) async throws -> Value {
        let set = try OwnSentinels()
        defer { for server in set.data + set.sentinels { server.remove() } }
        for server in set.data { try await server.start() }
        for replica in set.data.dropFirst() {
            try await replica.send("REPLICAOF", "127.0.0.1", String(set.data[0].port))
        }
        for sentinel in set.sentinels {
            try sentinel.beSentinel([
                "sentinel monitor shop 127.0.0.1 \(set.data[0].port) 2", "sentinel down-after-milliseconds shop 1000",
                "sentinel failover-timeout shop 4000",
            ])
            try await sentinel.start()
        }
        guard try await eventually(within: .seconds(45), { try await set.isWhole() }) else {
            throw TenancyError(.unavailable, "the sentinels do not find each other")
        }
        return try await body(set)
    }

    var configuration: RedisConfiguration {
        // One is enough to find the others.
        var configuration = RedisConfiguration(.sentinel([sentinels[0].endpoint], master: "shop"))
        configuration.clientName = uniqueName("test")
        // Longer than unless set: six servers and the tests share a few cores.
        configuration.commandTimeout = .seconds(3)
        configuration.maximumTimeToLive = .seconds(900)
        return configuration
    }

    private func isWhole() async throws -> Bool {
        for sentinel in sentinels {
            let info = try await sentinel.send("INFO", "sentinel")
            guard info.contains("status=ok"), info.contains("slaves=2,sentinels=3") else { return false }
        }
        return true
    }

    /// The master, as a sentinel says.
    func master() async throws -> OwnServer {
        let text = try await sentinels[1].send("INFO", "sentinel")
        guard let server = data.first(where: { text.contains("address=127.0.0.1:\($0.port),") }) else {
            throw TenancyError(.notFound, "no master")
        }
        return server
    }
}
