import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Deletion of tenants")
struct DeletionTests {
    private let ua: TenantID
    init() throws { ua = try TenantID("UA") }

    private func actions(_ sdk: MultiTenantSDK) async throws -> [AuditRecord.Action] {
        try await sdk.data.systemHandle.query(AuditRecord.self).where { $0.outcome == "completed" }
            .sorted(by: \.started).all().map(\.action)
    }

    @Test(
        "A deletion whose process dies before or after any step leaves the tenant refused, and is finished by another")
    func dyingAnywhere() async throws {
        var end = 1
        while true {
            let steps = Steps()
            let database = InMemoryDatabase()
            let cache = try MemoryCache(maximumBytes: 1 << 20)
            let sdk = try await MultiTenantSDK.make(SteppedDatabase(database, steps), SteppedCache(cache, steps)) {
                // With a grace, so that both removals are made, and one as short as may be.
                $0.registry.refreshInterval = .milliseconds(1)
                $0.callTimeout = .milliseconds(200)
                $0.registry.deletionGrace = nil
            }
            let tenant = try await sdk.newTenant()
            let other = try await sdk.newTenant("DL")
            for handle in [tenant, other] {
                try await handle.bulkCreate((1...5).map { Item($0) })
                _ = try await handle.read(Item.self, ids: [1, 2])
            }
            steps.begin(dyingAt: end)
            let isDead: Bool
            do {
                try await sdk.tenants.delete(ua)
                isDead = false
            } catch {
                isDead = true
            }
            steps.begin(dyingAt: nil)

            let next = try await MultiTenantSDK.make(SteppedDatabase(database, steps), SteppedCache(cache, steps))
            let status = try await next.tenants.get(ua).status
            let begun = try await self.actions(next).contains(.deletionBegun)
            #expect(begun == (status != .active), "step \(end)")
            #expect(isDead || status == .deleted)
            if status == .active {
                #expect(try await next.tenant(ua).query(Item.self).count() == 5, "step \(end)")
            } else {
                await expectError(.tenantDeleted) { _ = try await next.tenant(ua) }
                await expectError(.tenantDeleted) { try await next.tenants.resume(ua) }
            }
            try await next.tenants.delete(ua)
            #expect(try await next.tenants.get(ua).status == .deleted)
            let entity = Item.schema.description
            let rows = try await database.read(entity, keys: (1...5).map { .int64($0) }, in: TenantContext(tenant: ua))
            #expect(rows.count == 0, "step \(end)")
            #expect(try await cache.run([.get(CacheKey("r:items:1"))], for: ua) == [.absent], "step \(end)")
            #expect(
                try await self.actions(next) == [.tenantCreated, .tenantCreated, .deletionBegun, .tenantDeleted],
                "step \(end)")
            await expectError(.tenantAlreadyExists) { try await next.tenants.create(ua, name: "Again") }
            #expect(try await next.tenant("DL").read(Item.self, ids: [1, 2]).count == 2)
            if !isDead { break }
            end += 1
        }
        // Two transactions with two writes each, two removals with their blocks, two flushes.
        #expect(end > 20)
    }

    @Test("What another process writes late, by an admission that it remembers, does not stay", .timeLimit(.minutes(1)))
    func lateWriter() async throws {
        let database = InMemoryDatabase()
        let gated = GatedDatabase(database)
        let elsewhere = try await MultiTenantSDK.make(gated) { $0.registry.refreshInterval = .seconds(3_600) }
        let here = try await MultiTenantSDK.make(database) {
            $0.registry.refreshInterval = .milliseconds(1)
            $0.callTimeout = .seconds(1)
            $0.registry.deletionGrace = nil
        }
        let late = try await elsewhere.newTenant()
        try await late.create(Item(1))
        gated.beforeWrite.holdNext()
        let writer = Task { try await late.create(Item(2)) }
        await gated.beforeWrite.reached()
        let deletion = Task { try await here.tenants.delete(late.id) }
        while try await database.read(
            Item.schema.description, keys: [.int64(1)], in: late.context
        ).count > 0 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(try await here.tenants.get(ua).status == .deleting)
        gated.beforeWrite.open()
        _ = try await writer.value
        try await deletion.value
        let rows = try await database.read(
            Item.schema.description, keys: [.int64(1), .int64(2)], in: late.context)
        #expect(rows.count == 0)
    }

    @Test("A transaction that is under way when its tenant is deleted or suspended is not committed")
    func transactionUnderWay() async throws {
        let sdk = try await MultiTenantSDK.make()
        let tenant = try await sdk.newTenant()
        let other = try await sdk.newTenant("DL")
        for (handle, code) in [(other, TenancyError.Code.tenantSuspended), (tenant, .tenantDeleted)] {
            await expectError(code) {
                try await handle.transaction { transaction in
                    try await transaction.create(Item(7))
                    // The in-memory database takes one writer at a time, so the change is told to this process only.
                    var record = TenantRecord(try await sdk.tenants.get(handle.id))
                    record.status = code == .tenantDeleted ? "deleting" : "suspended"
                    record.version = 100
                    sdk.data.entries.remember(try StoredTenant(record, asked: .now))
                }
            }
        }
        for id in ["UA", "DL"] {
            let context = TenantContext(tenant: try TenantID(id))
            #expect(try await sdk.data.adapter.read(Item.schema.description, keys: [.int64(7)], in: context).count == 0)
        }
    }

    @Test("A system handle of a tenant that is deleted meanwhile neither writes nor reads")
    func systemHandle() async throws {
        let sdk = try await MultiTenantSDK.make()
        try await sdk.newTenant().create(Item(1))
        try await sdk.withSystemAccess(reason: "r", actor: "a") { access in
            let handle = try await access.tenant(ua)
            try await handle.create(Item(2))
            try await access.tenants.suspend(ua)
            try await handle.create(Item(3))
            try await access.tenants.delete(ua)
            await expectError(.tenantDeleted) { try await handle.create(Item(4)) }
            await expectError(.tenantDeleted) { _ = try await handle.read(Item.self, 1) }
            await expectError(.tenantDeleted) { try await handle.transaction { try await $0.create(Item(5)) } }
            await expectError(.tenantDeleted) { _ = try await access.tenant(ua) }
            try await access.forEachTenant { _, _ in _ = Issue.record("A deleted tenant was reached.") }
        }
        let rows = try await sdk.data.adapter.read(
            Item.schema.description, keys: (1...5).map { .int64($0) }, in: TenantContext(tenant: ua))
        #expect(rows.count == 0)
    }

    @Test("A deletion waits as long as other processes may still be busy, and can be cancelled and repeated")
    func grace() async throws {
        let sdk = try await MultiTenantSDK.make { $0.registry.deletionGrace = .seconds(3_600) }
        #expect(try await MultiTenantSDK.make { $0.registry.deletionGrace = nil }.data.deletionGrace == .seconds(35))
        _ = try await sdk.newTenant()
        let deletion = Task { try await sdk.tenants.delete(ua) }
        while try await sdk.tenants.get(ua).status != .deleting { try await Task.sleep(for: .milliseconds(1)) }
        await expectError(.tenantDeleted) { _ = try await sdk.tenant(ua) }
        try await Task.sleep(for: .milliseconds(20))
        deletion.cancel()
        await expectError(.cancelled) { try await deletion.value }
        #expect(try await sdk.tenants.list().items.map(\.status) == [.deleting])
    }
}
