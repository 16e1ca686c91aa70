import Tenancy
import TenancySQLite

struct Flight: Entity {
    var id: Int
    var origin: String
    var destination: String
    var delay: Int?

    static let schema = EntitySchema(
        "flights", Flight.init,
        .key("id", \.id), .field("origin", \.origin), .field("destination", \.destination), .field("delay", \.delay),
        indexes: [.on(\.origin)])
}

/// The README's example. It names a file in the working directory, so it is compiled here and not run.
func readmeExample() async throws {
    let sdk = try await MultiTenantSDK(
        config: SDKConfig(database: .sqlite(path: "flights.sqlite"), entities: [Flight.self], cache: .memory()))

    do {
        try await sdk.tenants.create(TenantID("UA"), name: "United", attributes: ["plan": "gold"])
    } catch {
        guard error.code == .tenantAlreadyExists else { throw error }
    }
    let united = try await sdk.tenant("UA")
    try await united.upsert(Flight(id: 1, origin: "JFK", destination: "SFO", delay: 75))

    let late = try await united.query(Flight.self)
        .where { $0.origin == "JFK" && $0.delay > 60 }
        .sorted(by: \.delay, .descending)
        .page(size: 50)
    print(late.items)

    await sdk.shutDown()
}
