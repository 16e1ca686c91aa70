import Foundation
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Tracked events")
struct TrackTests {
    private func stage() async throws -> (MultiTenantSDK, TenantHandle, InMemorySink) {
        let sink = InMemorySink()
        let sdk = try await MultiTenantSDK.make(analytics: [sink]) { $0.limits.maximumEventBytes = 100 }
        return (sdk, try await sdk.newTenant(), sink)
    }

    private func names(_ sdk: MultiTenantSDK, _ sink: InMemorySink) async -> [String] {
        await sdk.shutDown()
        return sink.events.map(\.name)
    }

    @Test("A suspended or deleted tenant's events are refused, at once in this process")
    func admission() async throws {
        let (sdk, tenant, sink) = try await stage()
        try await tenant.track("before")
        try await sdk.tenants.suspend(tenant.id)
        await expectError(.tenantSuspended) { try await tenant.track("suspended") }
        try await sdk.tenants.delete(tenant.id)
        await expectError(.tenantDeleted) { try await tenant.track("deleted") }
        #expect(await names(sdk, sink) == ["before"])
    }

    @Test("An event without a name, or with one or with properties that are too large, is refused")
    func bounds() async throws {
        let (sdk, tenant, sink) = try await stage()
        for name in ["", " \n"] { await expectError(.invalidValue) { try await tenant.track(name) } }
        await expectError(.valueTooLarge) { try await tenant.track(String(repeating: "é", count: 128)) }
        await expectError(.valueTooLarge) {
            try await tenant.track("large", ["p": .string(String(repeating: "x", count: 93))])
        }
        try await tenant.track("fits", ["p": .string(String(repeating: "x", count: 92))])
        try await tenant.track(String(repeating: "n", count: 255))
        #expect(await names(sdk, sink).count == 2)
    }

    @Test("Events of a transaction are recorded after its commit, and not after a rollback")
    func transaction() async throws {
        let (sdk, tenant, sink) = try await stage()
        try await tenant.transaction { transaction in
            try await transaction.track("first")
            await #expect(throws: Stop.self) {
                try await transaction.transaction { nested in
                    try await nested.track("undone")
                    throw Stop()
                }
            }
            try await transaction.transaction { try await $0.track("second") }
        }
        await #expect(throws: Stop.self) {
            try await tenant.transaction { transaction in
                try await transaction.track("rolled back")
                try await transaction.transaction { try await $0.track("rolled back with the whole") }
                throw Stop()
            }
        }
        let escaped = try await tenant.transaction { $0 }
        await expectError(.transactionClosed) { try await escaped.track("late") }
        #expect(await names(sdk, sink) == ["first", "second"])
    }

    @Test("A transaction that is repeated tracks what its last attempt did, once")
    func repeated() async throws {
        let (sdk, tenant, sink) = try await stage()
        var attempt = 0
        try await tenant.transaction { transaction in
            attempt += 1
            try await transaction.track("attempt \(attempt)")
            if attempt < 3 { throw TenancyError(.serializationFailure, "lost") }
        }
        #expect(await names(sdk, sink) == ["attempt 3"])
    }

    @Test("A transaction holds a bounded number of events")
    func bounded() async throws {
        let (_, tenant, _) = try await stage()
        await expectError(.valueTooLarge) {
            try await tenant.transaction { transaction in
                for _ in 0...TrackedEvents.maximumCount { try await transaction.track("e") }
            }
        }
    }
}
