import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("TenantRegistry")
struct RegistryTests {
    private let id = { (text: String) in try TenantID(text) }

    @Test("A tenant is created, found, renamed, given attributes, suspended, resumed and deleted")
    func life() async throws {
        let sdk = try await MultiTenantSDK.make()
        let tenants = sdk.tenants
        let ua = try id("UA")
        await expectError(.tenantNotFound) { _ = try await tenants.get(ua) }
        await expectError(.tenantNotFound) { _ = try await sdk.tenant(ua) }
        let created = try await tenants.create(ua, name: "United", attributes: ["plan": "gold"])
        #expect(created.status == .active && created.name == "United" && created.attributes == ["plan": "gold"])
        #expect(try await tenants.get(ua) == created)
        #expect(try await tenants.rename(ua, to: "United Airlines").name == "United Airlines")
        #expect(try await tenants.setAttributes(ua, ["country": "US"]).attributes == ["country": "US"])
        #expect(try await tenants.suspend(ua).status == .suspended)
        await expectError(.tenantSuspended) { _ = try await sdk.tenant(ua) }
        #expect(try await tenants.resume(ua).status == .active)
        let handle = try await sdk.tenant(ua)
        try await handle.create(Item(1))
        try await tenants.delete(ua)
        #expect(try await tenants.get(ua).status == .deleted)
        await expectError(.tenantDeleted) { _ = try await sdk.tenant(ua) }
        await expectError(.tenantDeleted) { _ = try await handle.read(Item.self, 1) }
        await expectError(.tenantDeleted) { try await tenants.resume(ua) }
        await expectError(.tenantAlreadyExists) { try await tenants.create(ua, name: "Again") }
        try await tenants.delete(ua)
    }

    @Test("A tenant's data is gone after its deletion, from the database and the cache, and no other's")
    func dataGone() async throws {
        let stage = try await Stage()
        let other = try await stage.sdk.newTenant("DL")
        try await stage.tenant.bulkCreate((1...10).map { Item($0) })
        try await other.create(Item(1, 7))
        _ = try await stage.tenant.read(Item.self, ids: [1, 2])
        _ = try await other.read(Item.self, 1)
        try await stage.sdk.tenants.delete(stage.tenant.id)
        let entity = Item.schema.description
        let context = stage.tenant.context
        #expect(try await stage.database.base.read(entity, keys: [.int64(1)], in: context).count == 0)
        #expect(
            try await stage.cache.base.run([.get(CacheKey("r:items:1"))], for: stage.tenant.id) == [.absent])
        #expect(try await other.read(Item.self, 1) == Item(1, 7))
    }

    @Test("Tenants are listed page by page in the order of their ids, the deleted ones if asked for")
    func list() async throws {
        let tenants = try await MultiTenantSDK.make().tenants
        let ids = try (0..<25).map { try id("T\(100 + $0)") }
        for id in ids.shuffled() { try await tenants.create(id, name: id.rawValue) }
        try await tenants.delete(ids[3])
        func all(includingDeleted: Bool) async throws -> [TenantID] {
            var found: [TenantID] = []
            var cursor: Cursor?
            repeat {
                let page = try await tenants.list(size: 4, after: cursor, includingDeleted: includingDeleted)
                #expect(page.items.count <= 4)
                found += page.items.map(\.id)
                cursor = page.next
            } while cursor != nil
            return found
        }
        #expect(try await all(includingDeleted: true) == ids)
        #expect(try await all(includingDeleted: false) == ids.filter { $0 != ids[3] })
    }

    @Test("Fifty concurrent changes of one tenant all take place", .timeLimit(.minutes(1)))
    func concurrentChanges() async throws {
        let database = InMemoryDatabase()
        let sdks = [try await MultiTenantSDK.make(database), try await MultiTenantSDK.make(database)]
        let ua = try id("UA")
        try await sdks[0].tenants.create(ua, name: "0")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...50 {
                group.addTask {
                    let tenants = sdks[number % 2].tenants
                    switch number % 3 {
                    case 0: try await tenants.rename(ua, to: "\(number)")
                    case 1: try await tenants.setAttributes(ua, ["number": "\(number)"])
                    default: try await tenants.suspend(ua)
                    }
                }
            }
            try await group.waitForAll()
        }
        let tenant = try await sdks[0].tenants.get(ua)
        #expect(tenant.status == .suspended)
        #expect(Int(tenant.name).map { $0 > 0 && $0 % 3 == 0 } == true)
        #expect(tenant.attributes["number"].flatMap { Int($0) }.map { $0 % 3 == 1 } == true)
        let record = try await sdks[0].data.systemHandle.read(TenantRecord.self, "UA")
        #expect(record?.version == 51)
    }

    @Test("A suspension reaches every handle of this process at once")
    func suspension() async throws {
        let sdk = try await MultiTenantSDK.make { $0.registry.refreshInterval = .seconds(3_600) }
        let handles = [try await sdk.newTenant(), try await sdk.tenant("UA"), try await sdk.tenant("UA")]
        try await handles[0].create(Item(1))
        try await sdk.tenants.suspend(handles[0].id)
        for handle in handles {
            await expectError(.tenantSuspended) { _ = try await handle.read(Item.self, 1) }
            await expectError(.tenantSuspended) { try await handle.create(Item(2)) }
            await expectError(.tenantSuspended) { try await handle.transaction { _ in } }
            await expectError(.tenantSuspended) { _ = try await handle.query(Item.self).stream() }
        }
        try await sdk.tenants.resume(handles[0].id)
        #expect(try await handles[2].read(Item.self, 1) == Item(1))
    }

    @Test("A suspension reaches handles of a tenant that the process has forgotten meanwhile")
    func forgotten() async throws {
        let sdk = try await MultiTenantSDK.make {
            $0.registry.refreshInterval = .seconds(3_600)
            $0.registry.maximumCachedTenants = 2
        }
        let handle = try await sdk.newTenant()
        for number in 0..<200 { _ = try await sdk.newTenant("T\(number)") }
        try await sdk.tenants.suspend(handle.id)
        await expectError(.tenantSuspended) { _ = try await handle.read(Item.self, 1) }
    }

    @Test("A suspension ends a stream that is under way")
    func stream() async throws {
        let sdk = try await MultiTenantSDK.make()
        let handle = try await sdk.newTenant()
        try await handle.bulkCreate((1...100).map { Item($0) })
        let stream = try await handle.query(Item.self).stream(batchSize: 10)
        await expectError(.tenantSuspended) {
            var seen = 0
            for try await _ in stream {
                seen += 1
                if seen == 5 { try await sdk.tenants.suspend(handle.id) }
                #expect(seen <= 10)
            }
        }
    }

    @Test("A change made by another SDK is seen within the refresh interval", .timeLimit(.minutes(1)))
    func otherSDK() async throws {
        let database = InMemoryDatabase()
        let interval = Duration.milliseconds(200)
        let here = try await MultiTenantSDK.make(database) { $0.registry.refreshInterval = interval }
        let there = try await MultiTenantSDK.make(database)
        let handle = try await here.newTenant()
        for _ in 0..<3 {
            try await there.tenants.suspend(handle.id)
            let suspended = ContinuousClock.now
            while (try? await handle.read(Item.self, 1)) != nil || ContinuousClock.now < suspended + interval {
                #expect(ContinuousClock.now < suspended + interval * 20)
                if ContinuousClock.now > suspended + interval { break }
                await Task.yield()
            }
            await expectError(.tenantSuspended) { _ = try await handle.read(Item.self, 1) }
            try await there.tenants.resume(handle.id)
            try await Task.sleep(for: interval + .milliseconds(10))
            _ = try await handle.read(Item.self, 1)
        }
    }

    @Test("What is older does not replace what is known, in whatever order answers arrive")
    func order() throws {
        func stored(_ status: Tenant.Status, _ version: Int64, _ asked: ContinuousClock.Instant) throws -> StoredTenant
        {
            let tenant = Tenant(id: try id("UA"), name: "", status: status, attributes: [:], created: .now)
            var record = TenantRecord(tenant)
            record.version = version
            return try StoredTenant(record, asked: asked)
        }
        let now = ContinuousClock.now
        let entry = TenantEntry(try stored(.active, 1, now))
        entry.update(try stored(.suspended, 3, now))
        entry.update(try stored(.active, 2, now + .seconds(1)))
        #expect(entry.tenant.status == .suspended)
        if case .unknown = entry.verdict(at: now + .seconds(6), interval: .seconds(5)) {
        } else {
            Issue.record("An older answer made what is known younger.")
        }
        if case .aging = entry.verdict(at: now + .seconds(3), interval: .seconds(5)) {
        } else {
            Issue.record("not aging")
        }
        if case .trusted = entry.verdict(at: now + .seconds(3), interval: .seconds(5)) {} else { Issue.record("twice") }
        entry.refreshFailed()
        if case .aging = entry.verdict(at: now + .seconds(3), interval: .seconds(5)) {
        } else {
            Issue.record("no retry")
        }
    }
}
