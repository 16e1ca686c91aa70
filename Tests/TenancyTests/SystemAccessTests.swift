import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("withSystemAccess")
struct SystemAccessTests {
    private func trail(_ sdk: MultiTenantSDK) async throws -> [AuditRecord] {
        try await sdk.data.systemHandle.query(AuditRecord.self).where { $0.action == .systemAccess }
            .sorted(by: \.started).all()
    }

    @Test("Who, when and why are recorded before the body, the outcome and the tenants after it")
    func recorded() async throws {
        let sdk = try await MultiTenantSDK.make()
        _ = try await sdk.newTenant("UA")
        _ = try await sdk.newTenant("DL")
        let before = Timestamp.now.truncated(to: .milliseconds)
        let result = try await sdk.withSystemAccess(reason: "invoices", actor: "ann", correlationID: "run 7") {
            access in
            let during = try #require(try await trail(sdk).first)
            #expect(during.actor == "ann" && during.reason == "invoices" && during.correlationID == "run 7")
            #expect(during.started >= before && during.ended == nil && during.outcome == nil)
            let handle = try await access.tenant(TenantID("UA"))
            #expect(handle.context.actor == "ann" && handle.context.correlationID == "run 7")
            _ = try await access.tenant(TenantID("UA"))
            return 42
        }
        #expect(result == 42)
        let after = try #require(try await trail(sdk).first)
        #expect(after.outcome == "completed")
        #expect(try #require(after.ended) >= after.started)
        #expect(try after.tenants?.decode([String].self) == ["UA"])
        #expect(after.tenantCount == 1)
        #expect(try await trail(sdk).count == 1)
        let reached = try await sdk.data.systemHandle.query(AuditRecord.self)
            .where { $0.action == .tenantReached }.all()
        #expect(reached.map(\.tenant) == ["UA"] && reached.map(\.access) == [after.id])
        #expect(reached.map(\.reason) == ["invoices"] && reached.map(\.actor) == ["ann"])
    }

    @Test("A body that fails is recorded as failed, and its error is thrown")
    func failed() async throws {
        let sdk = try await MultiTenantSDK.make()
        await #expect(throws: Stop.self) {
            try await sdk.withSystemAccess(reason: "r", actor: "a") { _ in throw Stop() }
        }
        #expect(try await trail(sdk).map(\.outcome) == ["failed"])
    }

    @Test("The end is recorded although the caller was cancelled")
    func cancelled() async throws {
        let sdk = try await MultiTenantSDK.make()
        let work = Task {
            try await sdk.withSystemAccess(reason: "r", actor: "a") { _ in
                withUnsafeCurrentTask { $0?.cancel() }
                try Task.checkCancellation()
            }
        }
        await #expect(throws: CancellationError.self) { try await work.value }
        let record = try #require(try await trail(sdk).first)
        #expect(record.outcome == "failed" && record.ended != nil)
    }

    @Test("A caller that is cancelled before gets no access")
    func cancelledBefore() async throws {
        let sdk = try await MultiTenantSDK.make()
        let work = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await sdk.withSystemAccess(reason: "r", actor: "a") { _ in _ = Issue.record("Access was given.") }
        }
        await expectError(.cancelled) { try await work.value }
    }

    @Test("Access needs a reason and an actor", arguments: [("", "a"), (" \n\t", "a"), ("r", ""), ("r", "\u{A0} ")])
    func empty(reason: String, actor: String) async throws {
        let sdk = try await MultiTenantSDK.make()
        await expectError(.invalidConfiguration) {
            try await sdk.withSystemAccess(reason: reason, actor: actor) { _ in _ = Issue.record("Access was given.") }
        }
        #expect(try await trail(sdk).isEmpty)
    }

    @Test("Access that can't be recorded is not given")
    func notRecorded() async throws {
        let sdk = try await MultiTenantSDK.make()
        await sdk.shutDown()
        await expectError(.shutDown) {
            try await sdk.withSystemAccess(reason: "r", actor: "a") { _ in _ = Issue.record("Access was given.") }
        }
    }

    @Test("Nothing that was taken inside works after the closure")
    func escaped() async throws {
        let sdk = try await MultiTenantSDK.make()
        let tenant = try await sdk.newTenant()
        try await tenant.bulkCreate((1...50).map { Item($0) })
        let (access, handle, stream) = try await sdk.withSystemAccess(reason: "r", actor: "a") { access in
            let handle = try await access.tenant(TenantID("UA"))
            #expect(try await handle.read(Item.self, 1) == Item(1))
            return (access, handle, try await handle.query(Item.self).stream(batchSize: 5))
        }
        await expectError(.transactionClosed) { _ = try await handle.read(Item.self, 1) }
        await expectError(.transactionClosed) { try await handle.create(Item(99)) }
        await expectError(.transactionClosed) { try await handle.transaction { _ in } }
        await expectError(.transactionClosed) { _ = try await handle.query(Item.self).count() }
        await expectError(.transactionClosed) { _ = try await access.tenant(TenantID("UA")) }
        await expectError(.transactionClosed) { _ = try await access.auditTrail() }
        await expectError(.transactionClosed) { try await access.forEachTenant { _, _ in } }
        await expectError(.transactionClosed) { for try await _ in stream {} }
        #expect(try await tenant.read(Item.self, 1) == Item(1))
    }

    @Test("Suspended tenants can be reached, deleted and unknown ones can't")
    func suspended() async throws {
        let sdk = try await MultiTenantSDK.make()
        for id in ["UA", "DL", "AA"] { try await sdk.newTenant(id).create(Item(1)) }
        try await sdk.tenants.suspend(TenantID("UA"))
        try await sdk.tenants.delete(TenantID("DL"))
        try await sdk.withSystemAccess(reason: "r", actor: "a") { access in
            #expect(try await access.tenant(TenantID("UA")).read(Item.self, 1) == Item(1))
            await expectError(.tenantDeleted) { _ = try await access.tenant(TenantID("DL")) }
            await expectError(.tenantNotFound) { _ = try await access.tenant(TenantID("XX")) }
            var seen: [String] = []
            try await access.forEachTenant { tenant, handle in
                #expect(handle.id == tenant.id)
                seen.append(tenant.id.rawValue)
            }
            #expect(seen == ["AA", "UA"])
        }
        #expect(try await trail(sdk).last?.tenants?.decode([String].self) == ["UA", "AA"])
    }

    @Test("The trail is read page by page, the latest first")
    func paging() async throws {
        let sdk = try await MultiTenantSDK.make()
        for number in 0..<12 { try await sdk.withSystemAccess(reason: "\(number)", actor: "a") { _ in } }
        try await sdk.withSystemAccess(reason: "audit", actor: "auditor") { access in
            var records: [AuditRecord] = []
            var cursor: Cursor?
            repeat {
                let page = try await access.auditTrail(size: 5, after: cursor)
                records += page.items
                cursor = page.next
            } while cursor != nil
            #expect(records.count == 13 && Set(records.map(\.id)).count == 13)
            #expect(records.map(\.started) == records.map(\.started).sorted(by: >))
            #expect(Set(records.map(\.reason)) == Set((0..<12).map(String.init) + ["audit"]))
        }
    }
}
