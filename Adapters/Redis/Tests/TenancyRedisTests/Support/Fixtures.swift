import Foundation
import TenancyCore
import TenancyIO
import TestServers
import Testing

@testable import TenancyRedis

/// What the tests' caches live on.
enum TestReactors {
    static let shared = Result { try ReactorGroup(name: "redis-test", count: 2) }
}

/// A configuration for tests: machines that are busy with other tests are slow, and what is left behind goes soon.
func testConfiguration(_ server: TestServer = .application) throws -> RedisConfiguration {
    var configuration = try RedisConfiguration(url: server.address())
    if case .verify = configuration.tls.mode {
        configuration.tls = .verify(authorityFile: TestServer.environment("TENANCY_TEST_REDIS_TLS_CA_FILE"))
    }
    configuration.commandTimeout = .seconds(10)
    configuration.idleTimeout = .seconds(10)
    configuration.maximumTimeToLive = .seconds(900)
    configuration.clientName = uniqueName("test")
    return configuration
}

/// The cluster of `scripts/services`.
func clusterConfiguration() throws -> RedisConfiguration { try topologyConfiguration(.cluster) { .cluster($0) } }

/// The sentinels of `scripts/services`, and the master that they watch.
func sentinelConfiguration() throws -> RedisConfiguration {
    let name = TestServer.environment("TENANCY_TEST_REDIS_SENTINEL_MASTER") ?? "tenancy"
    let sentinel = try RedisConfiguration(url: firstURL(.sentinel))
    return try topologyConfiguration(.sentinel) {
        .sentinel($0, master: name, user: sentinel.user, password: sentinel.password)
    }
}

private func firstURL(_ server: TestServer) throws -> String {
    String(try server.address().split(separator: ",")[0])
}

private func topologyConfiguration(
    _ server: TestServer, _ topology: ([RedisEndpoint]) -> RedisConfiguration.Topology
) throws -> RedisConfiguration {
    var endpoints: [RedisEndpoint] = []
    var configuration = try RedisConfiguration(url: firstURL(server))
    for url in try server.address().split(separator: ",") {
        let parsed = try RedisConfiguration(url: String(url))
        endpoints.append(RedisEndpoint(host: parsed.host, port: parsed.port))
    }
    configuration.topology = topology(endpoints)
    configuration.commandTimeout = .seconds(10)
    configuration.idleTimeout = .seconds(10)
    configuration.maximumTimeToLive = .seconds(900)
    configuration.clientName = uniqueName("test")
    return configuration
}

/// Gives the body a started cache and shuts it down afterwards.
func withCache<Value>(
    _ configuration: RedisConfiguration, _ body: (RedisCache) async throws -> Value
) async throws -> Value {
    let cache = try RedisCache(configuration, reactors: TestReactors.shared.get())
    do {
        try await cache.start()
        let value = try await body(cache)
        await cache.shutDown()
        return value
    } catch {
        await cache.shutDown()
        throw error
    }
}

/// The first client of servers that nobody has used since their masters changed waits some seconds, and no other.
func waitUntilSettled(_ configuration: RedisConfiguration) async throws {
    try await withCache(configuration) { cache in
        let isHealthy = try await eventually(within: .seconds(45)) { await cache.health().isHealthy }
        #expect(isHealthy)
    }
}

/// A name that no other run uses.
func uniqueName(_ prefix: String) -> String {
    "\(prefix)-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
}

func uniqueTenant(_ prefix: String = "t") throws -> TenantID { try TenantID(uniqueName(prefix)) }

extension RedisCache {
    func text(_ key: String, of tenant: TenantID) async throws -> String? {
        guard case .value(let bytes) = try await run([.get(CacheKey(key))], for: tenant).first else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    @discardableResult
    func store(_ text: String, _ key: String, of tenant: TenantID) async throws -> CacheReply? {
        let command = CacheCommand.set(CacheKey(key), Array(text.utf8), timeToLive: nil, condition: .always)
        return try await run([command], for: tenant).first
    }
}

/// Waits until the condition holds, thirty seconds at most.
func eventually(
    within time: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + time
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return false
}

/// How long the body takes, and what it throws.
func timed(_ body: () async throws -> Void) async -> (time: Duration, error: TenancyError?) {
    let start = ContinuousClock.now
    do {
        try await body()
        return (.now - start, nil)
    } catch {
        return (.now - start, TenancyError.wrap(error))
    }
}

/// A client that may do everything, for what the tests do to servers.
struct Administrator {
    let connection: RedisConnection

    init(_ configuration: RedisConfiguration) async throws {
        var configuration = configuration
        configuration.commandTimeout = .seconds(30)
        configuration.idleTimeout = .seconds(30)
        let reactor = try TestReactors.shared.get().next()
        connection = try await RedisConnector(configuration: configuration, tls: nil, reactor: reactor).open()
    }

    static func ofServices() async throws -> Administrator {
        try await Administrator(testConfiguration(.admin))
    }

    /// Sends a command without waiting for its reply.
    func begin(_ arguments: String...) throws -> RedisCall {
        let call = try Self.call(arguments)
        Task { try await connection.run(call) }
        return call
    }

    /// Sends a command; returns the reply as text.
    @discardableResult
    func send(_ arguments: String...) async throws -> String { try await send(arguments) }

    /// Sends a command; returns the reply as text.
    @discardableResult
    func send(_ arguments: [String]) async throws -> String {
        let call = try Self.call(arguments)
        try await connection.run(call)
        guard let reply = call[0] else { return "" }
        if let word = reply.errorWord { throw TenancyError(redis: word) }
        return reply.text ?? reply.integer.map(String.init) ?? ""
    }

    /// Sends a command; returns the texts of the array that it answers with.
    func list(_ arguments: String...) async throws -> [String] {
        let call = try Self.call(arguments)
        try await connection.run(call)
        guard let reply = call[0] else { return [] }
        if let word = reply.errorWord { throw TenancyError(redis: word) }
        return (0..<reply.count).compactMap { reply[$0]?.text }
    }

    func close() async { await connection.close(RedisNode.stopped) }

    /// What the documentation says that a user needs.
    private static let rights =
        "+auth +ping +info +select +client|setname +scan +time +type +get +mget +set +del +unlink +pexpire +pexpireat "
        + "+persist +incrby +hget +hgetall +hset +hdel +hexists +hvals +hmget +evalsha +script|load +memory|usage"
    private static let listenersRights = "+client|id +client|tracking +subscribe &__redis__:invalidate"

    /// Makes a user with the fewest rights that suffice, and names it in the configuration.
    ///
    /// - Parameter keys: Patterns of the keys that it may use.
    func addUser(_ keys: String..., listens: Bool = false, to configuration: inout RedisConfiguration) async throws {
        let rights = Self.rights + (listens ? " " + Self.listenersRights : "")
        try await send(
            ["ACL", "SETUSER", "limited", "on", ">secret", "-@all"] + keys.map { "~" + $0 }
                + rights.split(separator: " ").map(String.init))
        (configuration.user, configuration.password) = ("limited", Secret("secret"))
    }

    /// Ends the connections of that name; returns how many there were.
    func kill(clientsNamed name: String) async throws -> Int {
        var killed = 0
        for line in try await send("CLIENT", "LIST").split(separator: "\n") where line.contains(" name=\(name) ") {
            let id = line.split(separator: " ").first.map { $0.dropFirst(3) } ?? ""
            if try await send("CLIENT", "KILL", "ID", String(id)) == "1" { killed += 1 }
        }
        return killed
    }

    private static func call(_ arguments: [String]) throws -> RedisCall {
        var plain = CommandWriter()
        try plain.write(arguments)
        return RedisCall(plain)
    }
}
