import Tenancy
import TenancyCore
import TenancyIO
import TenancyTesting

@testable import TenancyRedis

/// A record whose version only ever grows.
private struct Counter: Entity {
    var id: String
    var value: Int
    var version: Int64

    static let schema = EntitySchema(
        "counters", Counter.init, .key("id", \.id), .field("value", \.value), .version("version", \.version))
}

/// Many readers and writers of a few records, two SDKs and one cache; counts reads that return what was overwritten
/// before they began.
enum CoherenceRun {
    private static let keys = (0..<6).map { "counter \($0)" }

    struct Outcome {
        var operations = 0
        var stale = 0
        var refused = 0
    }

    /// - Parameters:
    ///   - operations: How many reads and writes.
    ///   - blockTime: For how long what a lost connection leaves blocked or leased stays so; a write that takes longer is
    ///     refused.
    ///   - isOver: Asked before each; a run ends early that is over.
    static func run(
        _ configuration: RedisConfiguration, operations: Int, blockTime: Duration = .seconds(1),
        until isOver: @escaping @Sendable () -> Bool = { false },
        _ wrap: @Sendable (RedisCache) -> any CacheAdapter = { $0 }
    ) async throws -> (outcome: Outcome, hits: Int) {
        let database = InMemoryDatabase()
        let id = try uniqueTenant()
        var caches: [any CacheAdapter] = []
        var sdks: [MultiTenantSDK] = []
        for _ in 0..<2 {
            let cache = wrap(try RedisCache(configuration, reactors: TestReactors.shared.get()))
            caches.append(cache)
            var config = SDKConfig(
                database: DatabaseSource(name: "memory") { _ throws(TenancyError) in database },
                entities: [Counter.self],
                cache: CacheSource(name: cache.name) { _ throws(TenancyError) in cache })
            config.caching.blockTime = blockTime
            config.caching.leaseTime = blockTime
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
                group.addTask { try await Self.work(handle, operations / 40, floors, isOver) }
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
        _ handle: TenantHandle, _ operations: Int, _ floors: Locked<[String: Int64]>,
        _ isOver: @Sendable () -> Bool
    ) async throws -> Outcome {
        var outcome = Outcome()
        for _ in 0..<operations where !isOver() {
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
                // A write whose block took too long is given up.
                case .cacheUnavailable, .timeout:
                    outcome.refused += 1
                    // As a caller would who is told that he may try again.
                    try await Task.sleep(for: .milliseconds(5))
                default: throw error
                }
            }
        }
        return outcome
    }
}
