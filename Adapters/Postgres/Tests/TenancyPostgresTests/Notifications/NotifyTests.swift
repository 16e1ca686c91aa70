import Tenancy
import TenancyCore
import TenancyTesting
import TestServers
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: notifications of transactions", .serialized)
struct NotifyTests {
    private func withSDK(_ source: DatabaseSource, _ body: (MultiTenantSDK) async throws -> Void) async throws {
        let sdk = try await MultiTenantSDK(config: SDKConfig(database: source, entities: [Reading.self]))
        do { try await body(sdk) } catch {
            await sdk.shutDown()
            throw error
        }
        await sdk.shutDown()
    }

    @Test(
        "What is sent in a transaction comes with its commit, once what it tells of can be read",
        .requires(.application), arguments: [TestServer.application, .pooler])
    func transactions(_ server: TestServer) async throws {
        let name = uniqueName("c")
        let notifications = try PostgresNotifications(.test())
        try await withSDK(.postgres(try TestSchemas.shared.configuration(server))) { sdk in
            for id in ["a", "b"] { try await sdk.tenants.create(tenant(id), name: id) }
            let (a, b) = (try await sdk.tenant(tenant("a")), try await sdk.tenant(tenant("b")))
            var heard = try await notifications.listen(to: PostgresChannel(name, of: a.id)).makeAsyncIterator()
            try? await a.transaction { transaction in
                try await transaction.notify(name, "rolled back")
                throw CancellationError()
            }
            try await a.transaction { transaction in
                try await transaction.create(Reading(id: 1, value: 1, note: "x"))
                try await transaction.notify(name, "1")
                try? await transaction.transaction { nested in
                    try await nested.notify(name, "undone")
                    throw CancellationError()
                }
                try await transaction.transaction { try await $0.notify(name, "nested") }
                // Sent before the commit, so that it comes before what the transaction sends.
                try await b.notify(name, "another tenant's")
                try await a.notify(name, "at once")
            }
            #expect(await heard.next() == .payload("at once"))
            #expect(await heard.next() == .payload("1"))
            #expect(try await a.read(Reading.self, 1)?.value == 1)
            #expect(await heard.next() == .payload("nested"))
            for (channel, payload, code) in [
                ("", "x", TenancyError.Code.invalidValue), (name, "\0", .invalidValue),
                (name, String(repeating: "x", count: 8_000), .valueTooLarge),
            ] {
                #expect(await failureOf { try await a.notify(channel, payload) }?.code == code)
            }
            // A refused payload undoes nothing of the transaction around it.
            try await a.transaction { transaction in
                #expect(await failureOf { try await transaction.notify("", "x") }?.code == .invalidValue)
                try await transaction.notify(name, "last")
            }
            #expect(await heard.next() == .payload("last"))
        }
        await notifications.shutDown()
    }

    @Test("A database without notifications says so")
    func unsupported() async throws {
        try await withSDK(.inMemory()) { sdk in
            try await sdk.tenants.create(tenant("a"), name: "a")
            let handle = try await sdk.tenant(tenant("a"))
            #expect(await failureOf { try await handle.notify("c", "x") }?.code == .unsupported)
            let error = await failureOf { try await handle.transaction { try await $0.notify("c", "x") } }
            #expect(error?.code == .unsupported)
        }
    }
}
