import Foundation
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

/// Many tasks read and write a few records through two SDKs with one cache. A record's version only ever grows, and no
/// read may return one older than the newest that was acknowledged before the read began.
private struct Storm {
    static let keys = (0..<6).map { "counter \($0)" }

    let handles: [TenantHandle]
    private let sdks: [MultiTenantSDK]
    /// How many reads copies in memory have answered.
    var localHits: Int { sdks.reduce(0) { $0 + ($1.data.localCacheStatistics?.hits ?? 0) } }
    private let floors = Floors()

    /// For each record the newest version that some write was acknowledged with.
    private final class Floors: Sendable {
        private let state = Mutex<[String: Int64]>([:])
        subscript(key: String) -> Int64 { state.withLock { $0[key] ?? 1 } }
        var all: [String: Int64] { state.withLock(\.self) }
        func raise(_ key: String, to version: Int64) { state.withLock { $0[key] = max($0[key] ?? 1, version) } }
    }

    struct Outcome {
        var operations = 0
        var stale = 0

        static func + (left: Outcome, right: Outcome) -> Outcome {
            Outcome(operations: left.operations + right.operations, stale: left.stale + right.stale)
        }
    }

    init(cache fault: GatedCache.Fault = .none) async throws {
        try await self.init(GatedCache(try MemoryCache(maximumBytes: 16 << 20), fault: fault))
    }

    init(_ cache: any CacheAdapter) async throws {
        let database = GatedDatabase(InMemoryDatabase(), isJumpy: true)
        let first = try await MultiTenantSDK.make(database, cache)
        let second = try await MultiTenantSDK.make(database, cache)
        handles = [try await first.newTenant(), try await second.tenant("UA")]
        sdks = [first, second]
        try await handles[0].bulkCreate(Self.keys.map { Counter(id: $0, value: 0, version: 0) })
    }

    func run(tasks: Int, operations: Int, seed: UInt64) async throws -> Outcome {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            for task in 0..<tasks {
                let handle = handles[task % handles.count]
                group.addTask { try await work(handle, operations, seed: seed &* 1_000 &+ UInt64(task)) }
            }
            var total = Outcome()
            for try await outcome in group { total = total + outcome }
            return total
        }
    }

    private func work(_ handle: TenantHandle, _ operations: Int, seed: UInt64) async throws -> Outcome {
        var random = SeededGenerator(seed: seed)
        var outcome = Outcome()
        for _ in 0..<operations {
            let key = Self.keys[Int.random(in: 0..<Self.keys.count, using: &random)]
            outcome.stale += try await step(Int.random(in: 0..<100, using: &random), key, handle)
            outcome.operations += 1
        }
        return outcome
    }

    /// One operation; returns how many stale records it saw.
    private func step(_ choice: Int, _ key: String, _ handle: TenantHandle) async throws -> Int {
        switch choice {
        case 0..<80: return try await read([key], handle)
        case 80..<88: return try await read(Self.keys, handle)
        case 88..<93: try await writeByKey(key, handle)
        case 93..<96: try await writeInTransaction(key, handle, failing: false)
        case 96: try await writeInTransaction(key, handle, failing: true)
        default: try await writeByFilter(key, handle)
        }
        return 0
    }

    private func read(_ keys: [String], _ handle: TenantHandle) async throws -> Int {
        let floors = floors.all
        // One record by itself may be answered by a copy in memory.
        let counters =
            keys.count == 1
            ? [try await handle.read(Counter.self, keys[0])].compactMap(\.self)
            : try await handle.read(Counter.self, ids: keys)
        return counters.filter { $0.version < floors[$0.id] ?? 1 }.count
    }

    private func writeByKey(_ key: String, _ handle: TenantHandle) async throws {
        guard var counter = try await handle.read(Counter.self, key, options: .uncached) else { return }
        counter.value += 1
        do {
            let stored = try await handle.update(counter)
            floors.raise(key, to: stored.version)
        } catch {
            if error.code != .staleVersion { throw error }
        }
    }

    private func writeInTransaction(_ key: String, _ handle: TenantHandle, failing: Bool) async throws {
        do {
            let version = try await handle.transaction { transaction in
                guard var counter = try await transaction.read(Counter.self, key) else { return Int64(0) }
                counter.value += 1
                let version = try await transaction.update(counter).version
                if failing { throw Stop() }
                return version
            }
            floors.raise(key, to: version)
        } catch is Stop {}
    }

    private func writeByFilter(_ key: String, _ handle: TenantHandle) async throws {
        let floor = floors[key]
        try await handle.query(Counter.self).where { $0.id == key }.update(.add(1, to: \.value))
        floors.raise(key, to: floor + 1)
    }
}

@Suite("Many readers and writers")
struct CacheRandomizedTests {
    @Test("No read returns what was overwritten before it began", .timeLimit(.minutes(2)))
    func coherent() async throws {
        let outcome = try await Storm().run(tasks: 50, operations: 2_000, seed: 1)
        #expect(outcome.operations >= 100_000)
        #expect(outcome.stale == 0)
    }

    @Test("Nor does a copy in the process's own memory", .timeLimit(.minutes(2)))
    func coherentCopies() async throws {
        let storm = try await Storm(try MemoryCache(maximumBytes: 16 << 20))
        let outcome = try await storm.run(tasks: 50, operations: 2_000, seed: 2)
        #expect(outcome.operations >= 100_000)
        #expect(outcome.stale == 0)
        #expect(storm.localHits > 10_000)
    }

    @Test("The check finds copies that are not told of changes", .timeLimit(.minutes(2)))
    func incoherentCopies() async throws {
        let storm = try await Storm(Silent(cache: try MemoryCache(maximumBytes: 16 << 20)))
        let outcome = try await storm.run(tasks: 50, operations: 400, seed: 2)
        #expect(outcome.stale > 0)
    }

    /// A cache that promises to tell of changes, and doesn't.
    private struct Silent: CacheNotifying {
        let cache: MemoryCache
        var name: String { "silent" }
        var notifiesBeforeReturning: Bool { true }
        func addObserver(_ observer: any CacheObserver) {}
        func start() async throws(TenancyError) {}
        func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
            try await cache.run(commands, for: tenant)
        }
        func flush(_ tenant: TenantID) async throws(TenancyError) -> Int { try await cache.flush(tenant) }
        func scan(
            _ tenant: TenantID, prefix: String, after cursor: CacheCursor?
        ) async throws(TenancyError) -> CachePage {
            try await cache.scan(tenant, prefix: prefix, after: cursor)
        }
        func usage(of tenant: TenantID) async throws(TenancyError) -> CacheUsage { try await cache.usage(of: tenant) }
        func statistics() -> CacheStatistics { cache.statistics() }
        func health() async -> BackendHealth { await cache.health() }
        func shutDown() async { await cache.shutDown() }
    }

    @Test("The check finds a cache that has no fences", .timeLimit(.minutes(2)))
    func incoherent() async throws {
        let outcome = try await Storm(cache: .ignoresFences).run(tasks: 50, operations: 400, seed: 1)
        #expect(outcome.stale > 0)
    }
}
