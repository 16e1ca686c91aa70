import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("The reserved tenant")
struct ReservedTenantTests {
    @Test("Its id is in no error, whatever was asked of the registry")
    func notInErrors() async throws {
        let sdk = try await MultiTenantSDK.make()
        let error = await #expect(throws: TenancyError.self) {
            try await sdk.tenants.list(after: Cursor(rawValue: "x"))
        }
        #expect(error?.code == .invalidCursor && error?.details.tenant == nil)
        #expect(error.map { !"\($0)".contains(TenantID.system.rawValue) } == true)
    }

    @Test("The registry refuses it in every call, and stays as it was")
    func refused() async throws {
        let sdk = try await MultiTenantSDK.make()
        _ = try await sdk.newTenant("UA")
        let calls: [(MultiTenantSDK) async throws -> Void] = [
            { try await $0.tenants.create(.system, name: "x") },
            { _ = try await $0.tenants.get(.system) },
            { try await $0.tenants.rename(.system, to: "x") },
            { try await $0.tenants.setAttributes(.system, [:]) },
            { try await $0.tenants.suspend(.system) },
            { try await $0.tenants.resume(.system) },
            { try await $0.tenants.delete(.system) },
            { _ = try await $0.tenant(.system) },
            { sdk in
                try await sdk.withSystemAccess(reason: "r", actor: "a") { _ = try await $0.tenant(.system) }
            },
        ]
        for call in calls {
            let error = await #expect(throws: TenancyError.self) { try await call(sdk) }
            #expect(error?.code == .tenantNotFound)
        }
        #expect(try await sdk.tenants.list().items.map(\.id.rawValue) == ["UA"])
    }
}

@Suite("What a schema can't have the compiler check")
struct SchemaAtStartTests {
    struct Leg: Entity {
        var id: Int
        var origin: String
        var destination: String

        static let schema = EntitySchema(
            "legs", Leg.init,
            .key("id", \.id), .field("destination", \.destination), .field("origin", \.origin))
    }

    @Test("Two fields of one type in the wrong order are found at start")
    func misplaced() async throws {
        let error = await #expect(throws: TenancyError.self) {
            try await MultiTenantSDK(config: SDKConfig(database: .inMemory(), entities: [Leg.self]))
        }
        #expect(error?.code == .schemaInvalid && error?.details.entity == "legs")
    }

    @Test("A record of another entity is refused, alone and in bulk, and nothing is written")
    func foreignRecord() async throws {
        let sdk = try await MultiTenantSDK.make()
        let handle = try await sdk.newTenant("UA")
        let items = try handle.records("items")
        let foreign = try Record(Leg.schema.description, ["id": 1, "origin": "JFK", "destination": "SFO"])
        for call in [
            { try await items.create(foreign) }, { try await items.update(foreign) },
            { try await items.upsert(foreign) },
        ] as [() async throws -> Record] {
            let error = await #expect(throws: TenancyError.self) { _ = try await call() }
            #expect(error?.code == .typeMismatch)
        }
        let error = await #expect(throws: TenancyError.self) { try await items.bulkCreate([foreign]) }
        #expect(error?.code == .typeMismatch && error?.details.row == 0)
        let result = try await items.bulkCreate([foreign], options: BulkOptions(atomicity: .row))
        #expect(result.affected == 0 && result.failures.map(\.error.code) == [.typeMismatch])
        #expect(try await items.query().count() == 0)
    }
}
