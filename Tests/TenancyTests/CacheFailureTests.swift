import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("A cache that fails")
struct CacheFailureTests {
    @Test("Reads work without the cache")
    func reads() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.cache.set(.unavailable)
        #expect(try await stage.tenant.read(Item.self, 1) == Item(1, 1))
        #expect(try await stage.tenant.read(Item.self, ids: [1, 2]) == [Item(1, 1)])
        #expect(try await stage.tenant.query(Item.self).count() == 1)
    }

    @Test("Every kind of write is refused, and nothing is written")
    func writes() async throws {
        let stage = try await Stage()
        let tenant = stage.tenant
        try await tenant.create(Item(1, 1))
        stage.cache.set(.unavailable)
        await expectError(.cacheUnavailable) { try await tenant.create(Item(2)) }
        await expectError(.cacheUnavailable) { try await tenant.update(Item(1, 2)) }
        await expectError(.cacheUnavailable) { try await tenant.upsert(Item(1, 2)) }
        await expectError(.cacheUnavailable) { try await tenant.delete(Item.self, 1) }
        await expectError(.cacheUnavailable) { try await tenant.query(Item.self).update(.add(1, to: \.amount)) }
        await expectError(.cacheUnavailable) { try await tenant.query(Item.self).delete() }
        await expectError(.cacheUnavailable) { try await tenant.transaction { try await $0.update(Item(1, 2)) } }
        for atomicity in [BulkOptions.Atomicity.whole, .batch, .row] {
            await expectError(.cacheUnavailable) {
                try await tenant.bulkUpsert([Item(1, 2), Item(2)], options: BulkOptions(atomicity: atomicity))
            }
        }
        #expect(try await tenant.query(Item.self).all() == [Item(1, 1)])
        stage.cache.set(.none)
        #expect(try await tenant.read(Item.self, ids: [1, 2]) == [Item(1, 1)])
    }

    @Test("The registry and the audit trail work without the cache")
    func ownRecords() async throws {
        let stage = try await Stage()
        stage.cache.set(.unavailable)
        try await stage.sdk.tenants.create(TenantID("DL"), name: "Delta")
        try await stage.sdk.tenants.suspend(TenantID("DL"))
        try await stage.sdk.withSystemAccess(reason: "test", actor: "t") { access in
            let count = try await access.tenant(TenantID("DL")).query(Item.self).count()
            #expect(count == 0)
        }
    }

    @Test("A cancelled caller is told so, whatever the cache says")
    func cancelled() async throws {
        let stage = try await Stage()
        stage.cache.set(.unavailable)
        let reader = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await stage.tenant.read(Item.self, 1)
        }
        await expectError(.cancelled) { _ = try await reader.value }
    }

    @Test("Damaged bytes are a miss, whichever bit it is")
    func corrupted() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        stage.cache.set(.corrupting)
        for _ in 0..<300 { #expect(try await stage.tenant.read(Item.self, 1) == Item(1, 1)) }
        #expect(stage.sdk.data.cacheStatistics?.hits == 0)
        // A changed format or form of the entity is another release's; everything else is damage.
        #expect((150..<300).contains(stage.sdk.data.cacheStatistics?.damaged ?? 0))
        stage.cache.set(.none)
        #expect(try await stage.tenant.read(Item.self, 1) == Item(1, 1))
    }

    @Test("Replies that belong to other keys are misses")
    func misrouted() async throws {
        let stage = try await Stage()
        try await stage.tenant.bulkCreate([Item(1, 1), Item(2, 2), Item(3, 3)])
        _ = try await stage.tenant.read(Item.self, ids: [1, 2, 3])
        stage.cache.set(.misrouting)
        let items = try await stage.tenant.read(Item.self, ids: [1, 2, 3])
        #expect(items.map(\.amount) == [1, 2, 3])
    }

    @Test("Bytes of any length and content are no row, for any tenant, key and form but their own")
    func format() throws {
        let entity = Item.schema.description
        let tenant = try TenantID("UA")
        let key = CacheKey("r:items:1")
        let identity = CachedRow.Identity(tenant, key, entity)
        var batch = ColumnBatch(entity)
        Item.schema.encode(Item(1, 1), into: &batch)
        let row = RowView(batch, row: 0)
        let generation = CacheGeneration.random()
        let forms = CacheForms()
        func found(_ bytes: [UInt8], _ identity: CachedRow.Identity) -> CachedRow? {
            if case .record(let row) = CachedRow.find(in: bytes, of: entity, identity: identity, forms) {
                row
            } else {
                nil
            }
        }
        for row in [row, nil] {
            let bytes = try CachedRow.bytes(row, of: entity, identity: identity, generation: generation, forms).bytes
            let read = try #require(found(bytes, identity))
            #expect(read.generation == generation && (read.row == nil) == (row == nil))
            for position in bytes.indices {
                for bit in 0..<8 {
                    var changed = bytes
                    changed[position] ^= 1 << UInt8(bit)
                    #expect(found(changed, identity) == nil)
                }
                #expect(found(Array(bytes[..<position]), identity) == nil)
                #expect(found(bytes + bytes[..<position] + [0], identity) == nil)
            }
            let others = [
                CachedRow.Identity(try TenantID("UA2"), key, entity),
                CachedRow.Identity(tenant, CacheKey("r:items:2"), entity),
                CachedRow.Identity(tenant, key, Counter.schema.description),
                CachedRow.Identity(try TenantID("U"), CacheKey("Ar:items:1"), entity),
            ]
            for other in others { #expect(found(bytes, other) == nil) }
        }
        #expect(CacheGeneration([]) == nil && CacheGeneration(Array(repeating: 1, count: 9)) == nil)
        #expect(CacheGeneration(generation.bytes) == generation)
    }

    @Test("A generation that is damaged is replaced, and caching goes on")
    func damagedGeneration() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        _ = try await stage.cache.base.run(
            [.set(CacheKey("g:items"), [1, 2, 3], timeToLive: nil, condition: .always)], for: stage.tenant.id)
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 1) } == 1)
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 1) } == 0)
    }

    @Test("A cache that answers too little is passed by, and refuses writes")
    func tooFewReplies() async throws {
        final class Mute: CacheAdapter {
            var name: String { "mute" }
            func start() async throws(TenancyError) {}
            func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] { [] }
            func flush(_ tenant: TenantID) async throws(TenancyError) -> Int { 0 }
            func scan(
                _ tenant: TenantID, prefix: String, after cursor: CacheCursor?
            ) async throws(TenancyError) -> CachePage {
                CachePage(keys: [], next: nil)
            }
            func usage(of tenant: TenantID) async throws(TenancyError) -> CacheUsage { CacheUsage() }
            func statistics() -> CacheStatistics { CacheStatistics() }
            func health() async -> BackendHealth { BackendHealth(isHealthy: true, latency: .zero) }
            func shutDown() async {}
        }
        let tenant = try await MultiTenantSDK.make(InMemoryDatabase(), Mute()).newTenant()
        #expect(try await tenant.read(Item.self, 1) == nil)
        await expectError(.cacheUnavailable) { try await tenant.create(Item(1)) }
        await expectError(.backendFailure) { try await tenant.cache.set("k", 1) }
    }
}
