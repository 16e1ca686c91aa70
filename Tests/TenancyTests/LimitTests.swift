import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Limits, handles and entities")
struct LimitTests {
    private func tenant() async throws -> TenantHandle {
        try await MultiTenantSDK.make {
            $0.limits.maximumRows = 10
            $0.limits.maximumPageSize = 5
            $0.limits.maximumKeys = 4
            $0.limits.maximumBatchSize = 3
            $0.limits.maximumValueBytes = 100
        }.newTenant()
    }

    @Test("A query returns as many records as the limit and not one more")
    func rows() async throws {
        let tenant = try await tenant()
        try await tenant.bulkCreate((1...10).map { Item($0) }, options: BulkOptions(batchSize: 3))
        #expect(try await tenant.query(Item.self).all().count == 10)
        #expect(try await tenant.query(Item.self).select(\.id).count == 10)
        try await tenant.create(Item(11))
        await expectError(.valueTooLarge) { _ = try await tenant.query(Item.self).all() }
        await expectError(.valueTooLarge) { _ = try await tenant.query(Item.self).select(\.id) }
        await expectError(.valueTooLarge) { _ = try await tenant.query(Item.self).limit(20).all() }
        #expect(try await tenant.query(Item.self).limit(10).all().count == 10)
        #expect(try await tenant.query(Item.self).count() == 11)
        var streamed = 0
        for try await _ in try await tenant.query(Item.self).stream(batchSize: 3) { streamed += 1 }
        #expect(streamed == 11)
    }

    @Test("Sizes and numbers outside their limits are refused")
    func sizes() async throws {
        let tenant = try await tenant()
        let items = tenant.query(Item.self)
        for size in [0, -1, 6, .max, .min] {
            await expectError(.valueTooLarge) { _ = try await items.page(size: size) }
        }
        for size in [0, -1, 4, .max, .min] {
            await expectError(.valueTooLarge) { _ = try await items.stream(batchSize: size) }
            await expectError(.valueTooLarge) {
                try await tenant.bulkCreate([Item(1)], options: BulkOptions(batchSize: size))
            }
        }
        await expectError(.valueTooLarge) { _ = try await tenant.read(Item.self, ids: [1, 2, 3, 4, 5]) }
        #expect(try await tenant.read(Item.self, ids: [1, 2, 3, 4]).isEmpty)
        #expect(try await tenant.read(Item.self, ids: []).isEmpty)
        await expectError(.valueTooLarge) {
            try await tenant.create(Item(id: 1, label: String(repeating: "x", count: 101), amount: 0))
        }
        await expectError(.invalidQuery) { _ = try await items.limit(-1).all() }
        #expect(try await items.limit(0).all().isEmpty)
        await expectError(.invalidQuery) { _ = try await items.limit(3).page(size: 2) }
        await expectError(.invalidQuery) { try await items.limit(3).delete() }
        await expectError(.invalidQuery) { try await items.limit(3).update(.set(\.amount, to: 1)) }
    }

    @Test("An entity that is not registered can't be used, nor an unknown name")
    func entities() async throws {
        let tenant = try await MultiTenantSDK.make().newTenant()
        await expectError(.entityNotRegistered) { _ = try await tenant.read(Stranger.self, 1) }
        await expectError(.entityNotRegistered) { try await tenant.create(Stranger(id: 1)) }
        await expectError(.entityNotRegistered) { try await tenant.delete(Stranger.self, 1) }
        await expectError(.entityNotRegistered) { _ = try await tenant.query(Stranger.self).all() }
        await expectError(.entityNotRegistered) { _ = try await tenant.query(Stranger.self).count() }
        await expectError(.entityNotRegistered) { _ = try await tenant.query(Stranger.self).stream() }
        await expectError(.entityNotRegistered) { _ = try await tenant.query(Stranger.self).page(size: 1) }
        await expectError(.entityNotRegistered) { try await tenant.query(Stranger.self).delete() }
        await expectError(.entityNotRegistered) { try await tenant.bulkCreate([Stranger(id: 1)]) }
        for name in ["strangers", "tenancy_tenants", "tenancy_audit", "tenancy_meta", ""] {
            await expectError(.entityNotRegistered) { _ = try tenant.records(name) }
        }
    }

    @Test("Tenancy's own records can't be reached through a tenant's handle")
    func ownEntities() async throws {
        let sdk = try await MultiTenantSDK.make()
        let tenant = try await sdk.newTenant()
        try await sdk.withSystemAccess(reason: "r", actor: "a") { _ in }
        await expectError(.entityNotRegistered) { _ = try await tenant.query(AuditRecord.self).count() }
        await expectError(.entityNotRegistered) { try await tenant.query(AuditRecord.self).delete() }
    }

    @Test("A handle's time is for all its calls together, and can be cut but not extended")
    func timeout() async throws {
        let sdk = try await MultiTenantSDK.make()
        _ = try await sdk.newTenant()
        let handle = try await sdk.tenant("UA", timeout: .milliseconds(500))
        _ = try await handle.read(Item.self, 1)
        let extended = handle.with(timeout: .seconds(60))
        try await Task.sleep(for: .milliseconds(510))
        await expectError(.timeout) { _ = try await handle.read(Item.self, 1) }
        await expectError(.timeout) { _ = try await extended.read(Item.self, 1) }
        await expectError(.timeout) { try await extended.create(Item(1)) }
        await expectError(.timeout) { try await extended.transaction { _ in } }
        await expectError(.timeout) { _ = try await sdk.tenant("UA", timeout: .zero) }
        await expectError(.timeout) { _ = try await sdk.tenant("UA", timeout: .seconds(-1)) }
        let forever = try await sdk.tenant("UA", timeout: .seconds(Int64.max))
        #expect(try await forever.with(timeout: .seconds(Int64.max)).read(Item.self, 1) == nil)
    }

    @Test("A handle keeps what it was made with unless it is changed")
    func context() async throws {
        let sdk = try await MultiTenantSDK.make()
        _ = try await sdk.newTenant()
        let handle = try await sdk.tenant("UA", actor: "ann", correlationID: "7")
        #expect(handle.context.actor == "ann" && handle.context.correlationID == "7")
        let other = handle.with(actor: "bob")
        #expect(other.context.actor == "bob" && other.context.correlationID == "7" && other.id == handle.id)
        try await other.transaction { #expect($0.context.actor == "bob" && $0.context.correlationID == "7") }
    }

    @Test("A transaction's handle does not work after the transaction, nor for another tenant")
    func transactionHandle() async throws {
        let tenant = try await tenant()
        let escaped = try await tenant.transaction { $0 }
        await expectError(.transactionClosed) { _ = try await escaped.read(Item.self, 1) }
        await expectError(.transactionClosed) { try await escaped.create(Item(1)) }
    }

    private struct Computed: Entity {
        var id: Int
        var first: String
        var initial: String { String(first.prefix(1)) }
        static let schema = EntitySchema("computed", Computed.init, .key("id", \.id), .field("first", \.first))
    }

    @Test("A property that is no field is named by the error of its first use, a name that a caller made up is not")
    func strangers() async throws {
        let tenant = try await MultiTenantSDK.make { $0.entities.append(Computed.self) }.newTenant()
        let query = tenant.query(Computed.self)
        let uses: [() async throws -> Void] = [
            { _ = try await query.where { $0.initial == "secret" }.all() },
            { _ = try await query.sorted(by: \.initial).all() },
            { _ = try await query.select(\.initial) },
            { _ = try await query.aggregate(.maximum(\.first.count)) },
            { _ = try await query.update(.set(\.initial, to: "secret")) },
        ]
        for use in uses {
            do {
                try await use()
                Issue.record("Nothing was thrown.")
            } catch {
                let error = try #require(error as? TenancyError)
                #expect(error.code == .unknownField && error.details.entity == "computed")
                #expect(error.details.field?.hasPrefix("\\") == true, "\(error)")
                #expect(error.hint.contains("id, first") && !"\(error)".contains("secret"))
            }
        }
        let records = try tenant.records("computed").query()
        for name in ["hunter2", "\\Computed.hunter2", ""] {
            let calls: [() async throws -> Void] = [
                { _ = try await records.where(.isNull(field: name)).all() },
                { _ = try await records.sorted(by: name).all() },
                { _ = try await records.aggregate([AggregateFunction(.count, name)], groupBy: [name]) },
                { _ = try await records.update([Assignment(name, .set(.string("x")))]) },
            ]
            for call in calls {
                do {
                    try await call()
                    Issue.record("Nothing was thrown.")
                } catch {
                    let error = try #require(error as? TenancyError)
                    #expect(error.code == .unknownField && error.details.field == nil)
                    #expect(!"\(error)".contains("hunter2"))
                }
            }
        }
    }
}
