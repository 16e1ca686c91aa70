import Synchronization
import Tenancy
import TenancyCore
import TenancyIO
import TenancyTesting
import TestServers
import Testing

@testable import TenancyRedis

private struct Page: Entity {
    var id: String
    var version: Int64

    static let schema = EntitySchema("pages", Page.init, .key("id", \.id), .version("version", \.version))
}

/// Keeps what it hears.
private final class Listener: CacheObserver {
    struct Heard {
        var changed: [String: Set<String>] = [:]
        var losses = 0
        var confirmed: ContinuousClock.Instant?
    }

    private let state = Locked(Heard())
    var heard: Heard { state.withLock(\.self) }

    func changed(_ key: CacheKey, of tenant: TenantID) {
        _ = state.withLock { $0.changed[tenant.rawValue, default: []].insert(key.text) }
    }
    func changedAll(of tenant: TenantID) {}
    func lost() {
        state.withLock { heard in
            heard.losses += 1
            heard.confirmed = nil
        }
    }
    func confirmed(_ instant: ContinuousClock.Instant) { state.withLock { $0.confirmed = instant } }

    /// Waits until everything that has changed until now was told.
    func catchUp() async throws -> Bool {
        let now = ContinuousClock.now
        return try await eventually { heard.confirmed.map { $0 > now } ?? false }
    }
}

@Suite("Changes that Redis tells of", .serialized, .requires(.application))
struct RedisChangeTests {
    /// Two caches on the same servers, and somebody who listens to the first.
    private func withPair(
        _ configuration: RedisConfiguration, _ body: (Listener, RedisCache) async throws -> Void
    ) async throws {
        try await waitUntilSettled(configuration)
        let cache = try RedisCache(configuration, reactors: TestReactors.shared.get())
        let listener = Listener()
        cache.addObserver(listener)
        do {
            try await cache.start()
            #expect(try await listener.catchUp())
            try await withCache(configuration) { try await body(listener, $0) }
        } catch {
            await cache.shutDown()
            throw error
        }
        let losses = listener.heard.losses
        await cache.shutDown()
        #expect(listener.heard.losses > losses)
    }

    /// Keys that other things than a name's end could be taken for.
    private static let keys = ["k", "", ":", "a:b:c", "{x}y", "}{", "é", "e\u{301}", "*", "\u{0}\r\n", "🦅"]

    private func hears(_ configuration: RedisConfiguration) async throws {
        try await withPair(configuration) { listener, other in
            let (first, second) = (try uniqueTenant("t"), try uniqueTenant("t_x"))
            for key in Self.keys {
                let block = CacheCommand.block(CacheKey(key), token: .random(), blockTime: .seconds(5))
                #expect(try await other.run([block], for: first) == [.done])
            }
            try await other.store("x", "mine", of: second)
            #expect(try await listener.catchUp())
            #expect(listener.heard.changed[first.rawValue] == Set(Self.keys))
            #expect(listener.heard.changed[second.rawValue] == ["mine"])
            try await other.store("y", "late", of: first)
            #expect(try await listener.catchUp())
            #expect(listener.heard.changed[first.rawValue]?.contains("late") == true)
        }
    }

    @Test("Whoever changes an entry, whoever listens hears which")
    func changes() async throws { try await hears(testConfiguration()) }

    @Test("In a cluster, whichever master has it", .requires(.cluster))
    func clusterChanges() async throws { try await hears(clusterConfiguration()) }

    @Test("Of the master that sentinels watch", .requires(.sentinel))
    func sentinelChanges() async throws { try await hears(sentinelConfiguration()) }

    @Test("What is removed from a tenant, or from all, is told")
    func removals() async throws {
        try await OwnServer.with(OwnServer()) { server in
            try await withPair(server.configuration) { listener, other in
                let tenant = try uniqueTenant()
                try await other.store("x", "a", of: tenant)
                #expect(try await listener.catchUp())
                let before = listener.heard.losses
                #expect(try await other.flush(tenant) == 1)
                #expect(try await listener.catchUp())
                #expect(listener.heard.losses == before)
                let admin = try await server.administrator()
                try await admin.send("FLUSHALL")
                let isLost = try await eventually { listener.heard.losses > before }
                #expect(isLost)
                await admin.close()
            }
        }
    }

    @Test("Either connection's end is a loss, and what comes after is told again", arguments: ["normal", "pubsub"])
    func losses(kind: String) async throws {
        try await OwnServer.with(OwnServer()) { server in
            try await withPair(server.configuration) { listener, other in
                let admin = try await server.administrator()
                let tenant = try uniqueTenant()
                for round in 0..<3 {
                    let before = listener.heard.losses
                    try await admin.send("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
                    // Once when it was lost, and once when it was made again.
                    let isMadeAgain = try await eventually { listener.heard.losses >= before + 2 }
                    #expect(isMadeAgain)
                    #expect(try await listener.catchUp())
                    let isStored = try await eventually {
                        (try? await other.store("x", "k\(round)", of: tenant)) == .done
                    }
                    #expect(isStored)
                    #expect(try await listener.catchUp())
                    #expect(listener.heard.changed[tenant.rawValue]?.contains("k\(round)") == true)
                }
                await admin.close()
            }
        }
    }

    @Test("A server that hangs or was restarted confirms nothing meanwhile")
    func absence() async throws {
        try await OwnServer.with(OwnServer()) { server in
            var configuration = server.configuration
            configuration.commandTimeout = .seconds(2)
            try await withPair(configuration) { listener, _ in
                server.pause(true)
                let paused = ContinuousClock.now
                try await Task.sleep(for: .seconds(1))
                #expect(listener.heard.confirmed.map { $0 < paused } ?? true)
                server.pause(false)
                #expect(try await listener.catchUp())
                let before = listener.heard.losses
                server.kill()
                let isLost = try await eventually { listener.heard.losses > before }
                #expect(isLost)
                #expect(listener.heard.confirmed == nil)
                try await server.start()
                #expect(try await listener.catchUp())
            }
        }
    }

    @Test("The rights that the documentation names suffice to listen")
    func leastRights() async throws {
        try await OwnServer.with(OwnServer()) { server in
            let admin = try await server.administrator()
            var configuration = server.configuration
            try await admin.addUser("mt_sdk:*", listens: true, to: &configuration)
            try await hears(configuration)
            await admin.close()
        }
    }

    @Test("A user who may not listen caches all the same, and nothing is confirmed")
    func withoutRights() async throws {
        try await OwnServer.with(OwnServer()) { server in
            let admin = try await server.administrator()
            try await admin.send(
                "ACL", "SETUSER", "deaf", "on", ">secret", "~*", "resetchannels", "+@all", "-client|tracking")
            var configuration = server.configuration
            (configuration.user, configuration.password) = ("deaf", Secret("secret"))
            let cache = try RedisCache(configuration, reactors: TestReactors.shared.get())
            let listener = Listener()
            cache.addObserver(listener)
            try await cache.start()
            let tenant = try uniqueTenant()
            #expect(try await cache.store("x", "k", of: tenant) == .done)
            let hasTried = try await eventually { listener.heard.losses > 2 }
            #expect(hasTried)
            #expect(listener.heard.confirmed == nil)
            #expect(try await cache.text("k", of: tenant) == "x")
            await cache.shutDown()
            await admin.close()
        }
    }

    /// A version, and when its write was acknowledged.
    private typealias Write = (at: ContinuousClock.Instant, version: Int64)

    @Test("Copies answer for longer than they are new, and never with what was replaced longer ago than allowed")
    func bounded() async throws {
        try await OwnServer.with(OwnServer()) { server in
            let database = InMemoryDatabase()
            var sdks: [MultiTenantSDK] = []
            for _ in 0..<2 {
                var config = SDKConfig(
                    database: DatabaseSource(name: "memory") { _ throws(TenancyError) in database },
                    entities: [Page.self], cache: .redis(server.configuration))
                config.caching.blockTime = .seconds(2)
                config.caching.leaseTime = .seconds(2)
                sdks.append(try await MultiTenantSDK(config: config))
            }
            let id = try uniqueTenant()
            try await sdks[0].tenants.create(id, name: "bounded")
            let (reader, writer) = (try await sdks[0].tenant(id), try await sdks[1].tenant(id))
            let keys = (0..<20).map { "page \($0)" }
            try await writer.bulkCreate(keys.map { Page(id: $0, version: 0) })
            let staleness = Duration.milliseconds(600)
            let writes = Locked([String: [Write]]())
            let end = ContinuousClock.now + .seconds(6)
            let admin = try await server.administrator()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while .now < end {
                        try await Task.sleep(for: .milliseconds(30))
                        guard let key = keys.randomElement(),
                            let page = try? await writer.read(Page.self, key, options: .uncached),
                            let version = try? await writer.update(page).version
                        else { continue }
                        writes.withLock { $0[key, default: []].append((.now, version)) }
                    }
                }
                group.addTask {
                    while .now < end {
                        try await Task.sleep(for: .milliseconds(Int.random(in: 300...1_200)))
                        try await admin.send(
                            "CLIENT", "KILL", "TYPE", ["normal", "pubsub"].randomElement() ?? "normal")
                    }
                }
                for _ in 0..<4 {
                    group.addTask {
                        let relaxed = reader.reading(.relaxed(maximumStaleness: staleness))
                        while .now < end {
                            guard let key = keys.randomElement() else { continue }
                            let oldest = ContinuousClock.now - staleness
                            let floor = writes.withLock { $0[key]?.last { $0.at < oldest }?.version ?? 1 }
                            let version = try await relaxed.read(Page.self, key)?.version ?? 0
                            #expect(version >= floor, "\(key)")
                            await Task.yield()
                        }
                    }
                }
                try await group.waitForAll()
            }
            let count = writes.withLock { $0.values.reduce(0) { $0 + $1.count } }
            #expect(count > 20)
            // While nothing is written, a copy that is older than allowed answers all the same.
            _ = try await reader.read(Page.self, keys[0])
            let relaxed = reader.reading(.relaxed(maximumStaleness: staleness))
            let answers = try await eventually {
                for _ in 0..<2 { _ = try await relaxed.read(Page.self, keys[0]) }
                try await Task.sleep(for: staleness * 2)
                let before = sdks[0].data.localCacheStatistics?.hits ?? 0
                _ = try await relaxed.read(Page.self, keys[0])
                return sdks[0].data.localCacheStatistics?.hits ?? 0 > before
            }
            #expect(answers)
            await admin.close()
            for sdk in sdks { await sdk.shutDown() }
        }
    }
}
