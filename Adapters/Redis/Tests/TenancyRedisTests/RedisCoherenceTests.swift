import Tenancy
import TenancyCore
import TenancyIO
import TenancyTesting
import TestServers
import Testing

@testable import TenancyRedis

/// A record whose version only ever grows.
private struct Counter: Entity {
    var id: String
    var value: Int
    var version: Int64

    static let schema = EntitySchema(
        "counters", Counter.init, .key("id", \.id), .field("value", \.value), .version("version", \.version))
}

/// A cache as it is often written, without the fences: writers delete after they have committed, and readers store
/// what they have read.
private struct Unfenced: CacheAdapter {
    let cache: RedisCache
    let name = "unfenced"

    func start() async throws(TenancyError) { try await cache.start() }

    func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        let replies = try await cache.run(commands.map(Self.replace), for: tenant)
        return zip(commands, replies).map { command, reply in
            switch command {
            case .block, .unblock, .fill: .done
            case .lookUp: reply == .absent ? .leased : reply
            default: reply
            }
        }
    }

    private static func replace(_ command: CacheCommand) -> CacheCommand {
        switch command {
        case .block(let key, _, _): .get(key)
        case .unblock(let key, _): .delete(key)
        case .lookUp(let key, _, _): .get(key)
        case .fill(let key, _, let value, let life): .set(key, value, timeToLive: life, condition: .always)
        default: command
        }
    }

    func flush(_ tenant: TenantID) async throws(TenancyError) -> Int { try await cache.flush(tenant) }
    func statistics() -> CacheStatistics { cache.statistics() }
    func health() async -> BackendHealth { await cache.health() }
    func shutDown() async { await cache.shutDown() }
}

@Suite("Many readers and writers, two SDKs and one Redis", .serialized, .requires(.application))
struct RedisCoherenceTests {
    private static let keys = (0..<6).map { "counter \($0)" }

    private struct Outcome {
        var operations = 0
        var stale = 0
        var refused = 0
    }

    @Test("No read returns what was overwritten before it began", .timeLimit(.minutes(2)))
    func coherent() async throws {
        let (outcome, hits) = try await run(operations: 40_000) { $0 }
        #expect(outcome.stale == 0)
        #expect(outcome.operations >= 40_000)
        #expect(outcome.refused == 0)
        #expect(hits > 4_000)
    }

    @Test("Nor while connections are killed", .timeLimit(.minutes(2)), .requires(.admin))
    func coherentThroughLosses() async throws {
        let admin = try await Administrator.ofServices()
        let name = uniqueName("coherence")
        let isOver = Locked(false)
        let killer = Task {
            var killed = 0
            while !isOver.withLock(\.self) {
                killed += try await admin.kill(clientsNamed: name)
                try await Task.sleep(for: .milliseconds(70))
            }
            return killed
        }
        let (outcome, _) = try await run(operations: 40_000, clientName: name) { $0 }
        isOver.withLock { $0 = true }
        #expect(try await killer.value > 2)
        #expect(outcome.stale == 0)
        #expect(outcome.refused > 0)
        await admin.close()
    }

    @Test("The same run finds a cache without fences", .timeLimit(.minutes(2)))
    func unfenced() async throws {
        var stale = 0
        for _ in 0..<10 where stale == 0 {
            stale += try await run(operations: 40_000) { Unfenced(cache: $0) }.outcome.stale
        }
        #expect(stale > 0)
    }

    private func run(
        operations: Int, clientName: String = uniqueName("coherence"),
        _ wrap: @Sendable (RedisCache) -> any CacheAdapter
    ) async throws -> (outcome: Outcome, hits: Int) {
        let database = InMemoryDatabase()
        let id = try uniqueTenant()
        var caches: [any CacheAdapter] = []
        var sdks: [MultiTenantSDK] = []
        var configuration = try testConfiguration()
        configuration.clientName = clientName
        for _ in 0..<2 {
            let cache = wrap(try RedisCache(configuration, reactors: TestReactors.shared.get()))
            caches.append(cache)
            var config = SDKConfig(
                database: DatabaseSource(name: "memory") { _ throws(TenancyError) in database },
                entities: [Counter.self],
                cache: CacheSource(name: cache.name) { _ throws(TenancyError) in cache })
            // What a lost connection leaves blocked is free again soon.
            config.caching.blockTime = .seconds(1)
            config.caching.leaseTime = .seconds(1)
            sdks.append(try await MultiTenantSDK(config: config))
        }
        try await sdks[0].tenants.create(id, name: "coherence")
        let handles = [try await sdks[0].tenant(id), try await sdks[1].tenant(id)]
        while (try? await handles[0].bulkCreate(Self.keys.map { Counter(id: $0, value: 0, version: 0) })) == nil {
            try await Task.sleep(for: .milliseconds(20))
        }
        let floors = Locked([String: Int64]())
        let outcome = try await withThrowingTaskGroup(of: Outcome.self) { group in
            for task in 0..<40 {
                let handle = handles[task % 2]
                group.addTask { try await Self.work(handle, operations / 40, floors) }
            }
            var total = Outcome()
            for try await part in group {
                total.operations += part.operations
                total.stale += part.stale
                total.refused += part.refused
            }
            return total
        }
        let hits = caches.reduce(0) { $0 + $1.statistics().hits }
        for sdk in sdks { await sdk.shutDown() }
        return (outcome, hits)
    }

    private static func work(
        _ handle: TenantHandle, _ operations: Int, _ floors: Locked<[String: Int64]>
    ) async throws -> Outcome {
        var outcome = Outcome()
        for _ in 0..<operations {
            outcome.operations += 1
            guard let key = keys.randomElement() else { continue }
            if Int.random(in: 0..<100) < 85 {
                let floors = floors.withLock(\.self)
                let counters = try await handle.read(Counter.self, ids: Bool.random() ? [key] : keys)
                outcome.stale += counters.count { $0.version < floors[$0.id] ?? 1 }
                continue
            }
            do {
                guard var counter = try await handle.read(Counter.self, key, options: .uncached) else { continue }
                counter.value += 1
                let version = try await handle.update(counter).version
                floors.withLock { $0[key] = max($0[key] ?? 1, version) }
            } catch {
                switch TenancyError.wrap(error).code {
                case .staleVersion: break
                case .cacheUnavailable: outcome.refused += 1
                default: throw error
                }
            }
        }
        return outcome
    }
}
