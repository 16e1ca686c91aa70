import Foundation
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("What the cache answers")
struct CacheCoherenceTests {
    @Test("A record is loaded once and then found")
    func hit() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 10))
        let loads = try await stage.reads {
            for _ in 0..<5 {
                let item = try await stage.tenant.read(Item.self, 1)
                #expect(item == Item(1, 10))
            }
        }
        #expect(loads == 1)
        #expect(stage.sdk.data.cacheStatistics?.hits == 4)
        #expect(stage.sdk.data.cacheStatistics?.misses == 1)
    }

    @Test("An absence is cached, and ends when the record is created")
    func absence() async throws {
        let stage = try await Stage()
        let loads = try await stage.reads {
            for _ in 0..<3 {
                let item = try await stage.tenant.read(Item.self, 1)
                #expect(item == nil)
            }
        }
        #expect(loads == 1)
        try await stage.tenant.create(Item(1))
        #expect(try await stage.tenant.read(Item.self, 1) == Item(1))
    }

    @Test("An absence and a record live as long as the configuration says")
    func lifeTimes() async throws {
        let stage = try await Stage {
            $0.caching.timeToLive = .seconds(100)
            $0.caching.absenceTimeToLive = .seconds(10)
        }
        try await stage.tenant.create(Item(1))
        func loads() async throws -> Int {
            try await stage.reads { _ = try await stage.tenant.read(Item.self, ids: [1, 2]) }
        }
        #expect(try await loads() == 1)
        stage.clock.advance(by: .seconds(9))
        #expect(try await loads() == 0)
        stage.clock.advance(by: .seconds(2))
        #expect(try await loads() == 1)
        stage.clock.advance(by: .seconds(90))
        #expect(try await loads() == 1)
        _ = try await stage.tenant.read(Item.self, 3, options: ReadOptions(cacheTimeToLive: .seconds(1)))
    }

    @Test("Every kind of write is seen by the next read")
    func writes() async throws {
        let stage = try await Stage()
        let tenant = stage.tenant
        func check(_ expected: Item?, _ what: Comment) async throws {
            #expect(try await tenant.read(Item.self, 1) == expected, what)
            #expect(try await tenant.read(Item.self, 1) == expected, what)
        }
        try await check(nil, "nothing")
        try await tenant.create(Item(1, 1))
        try await check(Item(1, 1), "create")
        try await tenant.update(Item(1, 2))
        try await check(Item(1, 2), "update")
        try await tenant.upsert(Item(1, 3))
        try await check(Item(1, 3), "upsert")
        try await tenant.query(Item.self).where { $0.amount == 3 }.update(.add(1, to: \.amount))
        try await check(Item(1, 4), "update by filter")
        try await tenant.query(Item.self).where { $0.amount == 4 }.delete()
        try await check(nil, "delete by filter")
        try await tenant.bulkCreate([Item(1, 5)])
        try await check(Item(1, 5), "bulk create")
        try await tenant.bulkUpdate([Item(1, 6)], options: BulkOptions(atomicity: .batch))
        try await check(Item(1, 6), "bulk update")
        try await tenant.bulkUpsert([Item(1, 7)], options: BulkOptions(atomicity: .row))
        try await check(Item(1, 7), "bulk upsert")
        try await tenant.delete(Item(1, 7))
        try await check(nil, "delete")
        try await tenant.create(Item(1, 8))
        try await check(Item(1, 8), "create again")
        try await tenant.bulkDelete(Item.self, [1])
        try await check(nil, "bulk delete")
        try await tenant.records("items").upsert(Record(Item.schema.description, ["id": 1, "label": "x", "amount": 9]))
        try await check(Item(id: 1, label: "x", amount: 9), "untyped upsert")
    }

    @Test("A bulk write over the threshold invalidates the entity, one under it the records", arguments: [3, 4, 5])
    func threshold(count: Int) async throws {
        let stage = try await Stage { $0.caching.bulkThreshold = 4 }
        try await stage.tenant.bulkCreate((1...10).map { Item($0) })
        _ = try await stage.tenant.read(Item.self, ids: Array(1...10))
        try await stage.tenant.bulkUpdate((1...count).map { Item($0, 7) }, options: BulkOptions(atomicity: .batch))
        let loads = try await stage.reads { _ = try await stage.tenant.read(Item.self, ids: [9, 10]) }
        #expect(loads == (count < 4 ? 0 : 1))
        for id in 1...count { #expect(try await stage.tenant.read(Item.self, id)?.amount == 7) }
    }

    @Test("After a write by filter records are stored again, each replacing the one of the older generation")
    func refill() async throws {
        let stage = try await Stage()
        try await stage.tenant.bulkCreate((1...3).map { Item($0) })
        _ = try await stage.tenant.read(Item.self, ids: [1, 2, 3])
        try await stage.tenant.query(Item.self).update(.set(\.amount, to: 5))
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, ids: [1, 2, 3]) } == 1)
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, ids: [1, 2, 3]) } == 0)
        #expect(try await stage.tenant.read(Item.self, ids: [1, 2, 3]).map(\.amount) == [5, 5, 5])
    }

    @Test("A transaction's changes are seen after its commit and not before, a nested one's too")
    func transaction() async throws {
        let stage = try await Stage()
        let tenant = stage.tenant
        try await tenant.bulkCreate([Item(1, 1), Item(2, 1), Item(3, 1)])
        _ = try await tenant.read(Item.self, ids: [1, 2, 3])
        try await tenant.transaction { tx in
            try await tx.update(Item(1, 2))
            #expect(try await tx.read(Item.self, 1)?.amount == 2)
            #expect(try await tenant.read(Item.self, 1)?.amount == 1)
            _ = try await tx.transaction { try await $0.update(Item(2, 2)) }
            do {
                try await tx.transaction { inner in
                    try await inner.update(Item(3, 2))
                    throw Stop()
                }
            } catch is Stop {}
        }
        #expect(try await tenant.read(Item.self, ids: [1, 2, 3]).map(\.amount) == [2, 2, 1])
        #expect(try await stage.reads { _ = try await tenant.read(Item.self, ids: [1, 2, 3]) } == 0)
    }

    @Test("A transaction that is rolled back leaves the cache as it was")
    func rollback() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        _ = try await stage.tenant.read(Item.self, 1)
        await #expect(throws: Stop.self) {
            try await stage.tenant.transaction { tx in
                try await tx.update(Item(1, 2))
                try await tx.query(Item.self).update(.add(1, to: \.amount))
                throw Stop()
            }
        }
        #expect(try await stage.readsOfItem(1) == 0)
    }

    @Test("A write that the database refuses leaves nothing blocked")
    func refusedWrite() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        await expectError(.uniqueViolation) { try await stage.tenant.create(Item(1, 2)) }
        await expectError(.notFound) { try await stage.tenant.update(Item(9, 2)) }
        _ = try await stage.tenant.read(Item.self, ids: [1, 9])
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, ids: [1, 9]) } == 0)
    }

    @Test("Another SDK on the same cache and database sees every write")
    func otherProcess() async throws {
        let stage = try await Stage()
        let other = try await MultiTenantSDK.make(stage.database, stage.cache).tenant("UA")
        try await stage.tenant.create(Item(1, 1))
        for amount in 2..<20 {
            #expect(try await other.read(Item.self, 1)?.amount == amount - 1)
            #expect(try await stage.tenant.read(Item.self, 1)?.amount == amount - 1)
            let writer = amount.isMultiple(of: 2) ? other : stage.tenant
            if amount.isMultiple(of: 3) {
                try await writer.query(Item.self).update(.set(\.amount, to: amount))
            } else {
                try await writer.update(Item(1, amount))
            }
        }
    }

    @Test("A process with another form of the entity neither reads nor misses what this one wrote")
    func otherForm() async throws {
        struct Narrow: Entity {
            var id: Int
            var amount: Int
            static let schema = EntitySchema("items", Narrow.init, .key("id", \.id), .field("amount", \.amount))
        }
        let stage = try await Stage()
        let other = GatedDatabase(InMemoryDatabase())
        try await other.start([Narrow.schema.description])
        // The same cache, as a process of another release uses it; its database is of no concern here.
        let side = CacheAside(stage.cache, SDKConfig.CachingPolicy())
        func readsOfOther() async throws -> Int {
            let before = other.reads.load(ordering: .relaxed)
            _ = try await side.read(
                Narrow.schema.description, [.int64(1)], .default, in: stage.tenant.context, from: other)
            return other.reads.load(ordering: .relaxed) - before
        }
        #expect(try await readsOfOther() == 1)
        #expect(try await readsOfOther() == 0)
        #expect(try await stage.reads { _ = try await stage.tenant.read(Item.self, 1) } == 1)
        #expect(try await readsOfOther() == 1)
        try await stage.tenant.create(Item(1, 1))
        #expect(try await readsOfOther() == 1)
        #expect(try await stage.tenant.read(Item.self, 1) == Item(1, 1))
    }

    @Test("Tenants don't see each other's cached records")
    func tenants() async throws {
        let stage = try await Stage()
        let delta = try await stage.sdk.newTenant("DL")
        try await stage.tenant.create(Item(1, 1))
        try await delta.create(Item(1, 2))
        for _ in 0..<2 {
            #expect(try await stage.tenant.read(Item.self, 1)?.amount == 1)
            #expect(try await delta.read(Item.self, 1)?.amount == 2)
        }
    }

    @Test("Keys that differ only in how their characters are composed are different records")
    func keys() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Counter(id: "\u{E9}", value: 1, version: 0))
        try await stage.tenant.create(Counter(id: "e\u{301}", value: 2, version: 0))
        try await stage.tenant.create(Counter(id: "a:b", value: 3, version: 0))
        for _ in 0..<2 {
            #expect(try await stage.tenant.read(Counter.self, "\u{E9}")?.value == 1)
            #expect(try await stage.tenant.read(Counter.self, "e\u{301}")?.value == 2)
            #expect(try await stage.tenant.read(Counter.self, "a:b")?.value == 3)
            #expect(try await stage.tenant.read(Counter.self, ids: ["e\u{301}", "\u{E9}"]).map(\.value) == [2, 1])
        }
    }

    @Test("Reads past the cache neither use nor fill it")
    func uncached() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1))
        let loads = try await stage.reads {
            for _ in 0..<3 { _ = try await stage.tenant.read(Item.self, 1, options: .uncached) }
            _ = try await stage.tenant.read(Item.self, 1)
        }
        #expect(loads == 4)
    }

    @Test("Nothing of Tenancy's own is in the cache")
    func ownRecords() async throws {
        let stage = try await Stage()
        _ = try await stage.tenant.query(Item.self).page(size: 1)
        try await stage.sdk.withSystemAccess(reason: "test", actor: "t") { _ in }
        _ = try await stage.sdk.tenants.get(TenantID("UA"))
        let names = stage.cache.commands.withLock { $0.map(\.key.text) }
        #expect(!names.contains { $0.contains("tenancy_") })
    }
}

struct Stop: Error {}
