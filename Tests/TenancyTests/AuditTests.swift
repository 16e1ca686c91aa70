import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("The audit trail")
struct AuditTests {
    private let ua: TenantID
    init() throws { ua = try TenantID("UA") }

    private func records(_ sdk: MultiTenantSDK) async throws -> [AuditRecord] {
        try await sdk.data.systemHandle.query(AuditRecord.self).sorted(by: \.started).all()
    }

    @Test(
        "Every change of the registry is recorded with who, when, what, why and how it ended", arguments: [true, false])
    func everyChange(hasTransactions: Bool) async throws {
        var capabilities = DatabaseCapabilities()
        capabilities.hasTransactions = hasTransactions
        capabilities.hasSavepoints = hasTransactions
        let sdk = try await MultiTenantSDK.make(InMemoryDatabase(capabilities: capabilities))
        let before = Timestamp.now.truncated(to: .milliseconds)
        let tenants = sdk.tenants.by("ann", reason: "ticket 7", correlationID: "request 9")
        try await tenants.create(ua, name: "United")
        try await tenants.rename(ua, to: "United Airlines")
        try await tenants.setAttributes(ua, ["plan": "gold"])
        try await tenants.suspend(ua)
        try await tenants.resume(ua)
        try await tenants.delete(ua)
        let records = try await records(sdk)
        let actions = records.map(\.action)
        // In their order, though several of them were made in one millisecond.
        #expect(
            actions == [
                .tenantCreated, .tenantRenamed, .attributesChanged, .tenantSuspended, .tenantResumed, .deletionBegun,
                .tenantDeleted,
            ])
        for record in records {
            #expect(record.actor == "ann" && record.reason == "ticket 7" && record.correlationID == "request 9")
            #expect(record.tenant == "UA" && record.outcome == "completed" && record.started >= before)
            #expect(try #require(record.ended) >= record.started)
        }
        let renamed = try records.first { $0.action == .tenantRenamed }?.change?.value()
        #expect(
            renamed
                == .object([
                    "before": .object(["name": .string("United")]),
                    "after": .object(["name": .string("United Airlines")]),
                ]))
    }

    @Test("Ids are in the order of their making: in a millisecond, in a full one, and when the clock is put back")
    func order() {
        let now = Timestamp.now
        let ids = (0..<10_000).map { _ in TimeOrderedID.next(at: now) }
        let back = TimeOrderedID.next(at: Timestamp(microsecondsSince1970: 0))
        let texts = (ids + [back]).map(\.uuidString)
        #expect(texts == texts.sorted() && Set(texts).count == texts.count)
        #expect(texts.allSatisfy { $0.dropFirst(14).first == "7" && "89AB".contains($0.dropFirst(19).first ?? "-") })
    }

    @Test("A change that is refused is recorded as refused, and changes nothing")
    func refused() async throws {
        let sdk = try await MultiTenantSDK.make()
        await expectError(.tenantNotFound) { try await sdk.tenants.by("eve").suspend(ua) }
        let record = try #require(try await records(sdk).first)
        #expect(record.outcome == "refused" && record.actor == "eve" && record.action == .tenantSuspended)
        #expect(try record.change?.value() == .object(["error": .string("tenantNotFound")]))
    }

    @Test("So is the deletion of a tenant that is not there")
    func refusedDeletion() async throws {
        let sdk = try await MultiTenantSDK.make()
        await expectError(.tenantNotFound) { try await sdk.tenants.by("eve").delete(ua) }
        let all = try await records(sdk)
        #expect(all.map(\.action) == [.deletionBegun] && all.map(\.outcome) == ["refused"])
        #expect(all.first?.actor == "eve" && all.first?.tenant == ua.rawValue)
    }

    @Test("Neither a change nor its record is there without the other, wherever the process dies")
    func atomic() async throws {
        var end = 1
        while true {
            let steps = Steps()
            let database = InMemoryDatabase()
            let sdk = try await MultiTenantSDK.make(SteppedDatabase(database, steps))
            _ = try await sdk.newTenant()
            steps.begin(dyingAt: end)
            let isDead: Bool
            do {
                try await sdk.tenants.suspend(ua)
                isDead = false
            } catch {
                isDead = true
            }
            let next = try await MultiTenantSDK.make(database)
            let isSuspended = try await next.tenants.get(ua).status == .suspended
            let isRecorded = try await records(next).contains { $0.action == .tenantSuspended }
            #expect(isSuspended == isRecorded, "step \(end)")
            if !isDead { break }
            end += 1
        }
        #expect(end > 4)
    }

    @Test("On a database without transactions no change is there without a record, wherever the process dies")
    func recordFirst() async throws {
        var capabilities = DatabaseCapabilities()
        capabilities.hasTransactions = false
        capabilities.hasSavepoints = false
        var end = 1
        while true {
            let steps = Steps()
            let database = InMemoryDatabase(capabilities: capabilities)
            let sdk = try await MultiTenantSDK.make(SteppedDatabase(database, steps))
            _ = try await sdk.newTenant()
            steps.begin(dyingAt: end)
            let isDead: Bool
            do {
                try await sdk.tenants.suspend(ua)
                isDead = false
            } catch {
                isDead = true
            }
            let next = try await MultiTenantSDK.make(database)
            let isSuspended = try await next.tenants.get(ua).status == .suspended
            let isRecorded = try await records(next).contains { $0.action == .tenantSuspended }
            #expect(!isSuspended || isRecorded, "step \(end)")
            if !isDead { break }
            end += 1
        }
        #expect(end > 4)
    }

    @Test("The trail is read by tenant and by time, with changes made within an access tied to it")
    func reading() async throws {
        let sdk = try await MultiTenantSDK.make()
        _ = try await sdk.newTenant()
        _ = try await sdk.newTenant("DL")
        try await Task.sleep(for: .milliseconds(5))
        let start = Timestamp.now.truncated(to: .milliseconds)
        try await sdk.withSystemAccess(reason: "fraud", actor: "ann", correlationID: "c") { access in
            _ = try await access.tenant(ua)
            try await access.tenants.suspend(ua)
            let ofUA = try await access.auditTrail(of: ua).items
            #expect(ofUA.map(\.action) == [.tenantSuspended, .tenantReached, .tenantCreated])
            #expect(ofUA.allSatisfy { $0.tenant == "UA" })
            let recent = try await access.auditTrail(during: start..<Timestamp.farEnd).items
            let own = try #require(recent.first { $0.action == .systemAccess })
            let parts = recent.filter { $0.action != .systemAccess }
            #expect(parts.map(\.action) == [.tenantSuspended, .tenantReached])
            #expect(parts.allSatisfy { $0.access == own.id && $0.reason == "fraud" && $0.correlationID == "c" })
            let old = try await access.auditTrail(of: ua, during: .distantStart..<start).items
            #expect(old.map(\.action) == [.tenantCreated])
        }
    }

    @Test("An access to more tenants than its record lists says how many there were, and each has a record")
    func many() async throws {
        let sdk = try await MultiTenantSDK.make()
        let count = SystemAccess.maximumListedTenants + 3
        let system = sdk.data.systemHandle
        try await system.bulkCreate(
            try (0..<count).map { number in
                TenantRecord(
                    Tenant(
                        id: try TenantID("T\(10_000 + number)"), name: "", status: .active, attributes: [:],
                        created: .now))
            }, options: BulkOptions(batchSize: 500))
        try await sdk.withSystemAccess(reason: "r", actor: "a") { access in
            try await access.forEachTenant { _, _ in }
        }
        let records = try await records(sdk)
        let whole = try #require(records.first { $0.action == .systemAccess })
        #expect(try whole.tenants?.decode([String].self).count == SystemAccess.maximumListedTenants)
        #expect(whole.tenantCount == count)
        #expect(Set(records.filter { $0.access == whole.id }.compactMap(\.tenant)).count == count)
    }

    @Test("A handle is not given out if that can't be recorded, nor does a registry work after its access")
    func notRecorded() async throws {
        let steps = Steps()
        let sdk = try await MultiTenantSDK.make(SteppedDatabase(InMemoryDatabase(), steps))
        _ = try await sdk.newTenant()
        let escaped = try await sdk.withSystemAccess(reason: "r", actor: "a") { access in
            steps.begin(dyingAt: 1)
            await expectError(.unavailable) { _ = try await access.tenant(ua) }
            steps.begin(dyingAt: nil)
            return access.tenants
        }
        await expectError(.transactionClosed) { try await escaped.suspend(ua) }
        await expectError(.transactionClosed) { _ = try await escaped.get(ua) }
        await expectError(.transactionClosed) { try await escaped.delete(ua) }
        await expectError(.transactionClosed) { _ = try await escaped.list() }
    }
}

extension Timestamp {
    fileprivate static var distantStart: Timestamp { Timestamp(microsecondsSince1970: 0) }
    fileprivate static var farEnd: Timestamp { Timestamp(microsecondsSince1970: 32_000_000_000_000_000) }
}
