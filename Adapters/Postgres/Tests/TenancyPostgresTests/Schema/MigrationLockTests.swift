import Tenancy
import TenancyCore
import TestServers
import Testing

@testable import TenancyPostgres

private struct Early: Entity {
    var id: Int64

    static let schema = EntitySchema("things", Early.init(id:), .key("id", \.id))
}

private struct Late: Entity {
    var id: Int64
    var note: String?

    static let schema = EntitySchema("things", Late.init(id:note:), .key("id", \.id), .field("note", \.note))
}

private struct Searched: Entity {
    var id: Int64
    var note: String?

    static let schema = EntitySchema(
        "things", Searched.init(id:note:), .key("id", \.id), .field("note", \.note), search: [.text(\.note)])
}

@Suite("Migrations beside others", .requires(.application), .timeLimit(.minutes(1)))
struct MigrationLockTests {
    private func start(_ entity: any Entity.Type, _ configuration: PostgresConfiguration) async throws {
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .postgres(configuration), entities: [entity]))
        await sdk.shutDown()
    }

    @Test("A table that is in use is not waited for beyond lockTimeout, so that nobody waits behind the migration")
    func inUse() async throws {
        var configuration = try TestSchemas.shared.configuration()
        configuration.lockTimeout = .milliseconds(300)
        try await start(Early.self, configuration)
        let lock = try await HeldLock("LOCK TABLE \(configuration.schema).things IN ACCESS SHARE MODE")
        let error = await #expect(throws: TenancyError.self) { try await start(Late.self, configuration) }
        #expect(error?.code == .locked)
        try await lock.release()
        try await start(Late.self, configuration)
    }

    @Test("A field that becomes searchable is refused without a migration role, which alone can fill its words")
    func unfilled() async throws {
        var configuration = try TestSchemas.shared.configuration()
        try await start(Late.self, configuration)
        let migration = configuration.migration
        configuration.migration = nil
        let error = await #expect(throws: TenancyError.self) { try await start(Searched.self, configuration) }
        #expect(error?.code == .schemaConflict)
        #expect(error?.hint.contains("ALTER TABLE") == false && error?.hint.contains("`migration`") == true)
        configuration.migration = migration
        try await start(Searched.self, configuration)
    }
}
