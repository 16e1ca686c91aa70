import Tenancy
import TenancyCore
import TestServers
import Testing

@testable import TenancyPostgres

/// Roles and databases whose transactions begin with another level than the server's own default.
@Suite("PostgreSQL: isolation levels", .serialized, .enabled(if: OwnServer.binaries != nil))
struct IsolationLevelTests {
    private static let level = "default_transaction_isolation"

    private func servers(isPooled: Bool = false) async throws -> ReplicatedServers {
        let servers = try await ReplicatedServers(replicas: 0, isPooled: isPooled)
        for role in ["tenancy_app", "tenancy_admin"] {
            try await servers.primary.texts("ALTER ROLE \(role) SET \(Self.level) = 'serializable'; SELECT 1")
        }
        try await servers.primary.texts("ALTER DATABASE postgres SET \(Self.level) = 'repeatable read'; SELECT 1")
        return servers
    }

    /// Forgets the role's and the database's levels; or sets the role's again.
    private func reset(_ servers: ReplicatedServers, _ isReset: Bool = true) async throws {
        for name in ["ROLE tenancy_app", "ROLE tenancy_admin", "DATABASE postgres"] {
            let change = isReset ? "RESET \(Self.level)" : "SET \(Self.level) = 'repeatable read'"
            try await servers.primary.texts("ALTER \(name) \(change); SELECT 1")
        }
        try await servers.primary.texts(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tenancy_app'")
    }

    /// Many write one record at once, which only one of them could at another level; and a transaction sees what was
    /// committed before each of its statements, unless it asks for less.
    private func check(_ handle: TenantHandle) async throws {
        try await handle.bulkUpsert((1...40).map { Reading(id: $0, value: 0, note: "x") })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask {
                    switch number % 3 {
                    case 0: _ = try await handle.query(Reading.self).where { $0.id == 1 }.update(.add(1, to: \.value))
                    case 1:
                        // The record that is refused has the rest done again one by one, in a transaction.
                        _ = try? await handle.bulkCreate([Reading(id: 1, value: 1, note: "x")])
                    default:
                        try await handle.transaction(retry: .never) {
                            _ = try await $0.query(Reading.self).where { $0.id == 1 }.update(.add(1, to: \.value))
                        }
                    }
                }
                // These share transactions with one another.
                group.addTask {
                    let record = try await handle.read(Reading.self, Int64(number % 39 + 2))
                    #expect(record?.value == 0)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await handle.read(Reading.self, 1)?.value == 40)
        for (options, isSeen) in [
            (TransactionOptions(), true), (.init(isolation: .readCommitted), true), (.init(isReadOnly: true), true),
            (.init(isolation: .repeatableRead), false), (.init(isolation: .serializable, isReadOnly: true), false),
        ] {
            let values = try await handle.transaction(options) { inside in
                let before = try await inside.read(Reading.self, 1)?.value ?? 0
                _ = try await handle.query(Reading.self).where { $0.id == 1 }.update(.add(1, to: \.value))
                return (before, try await inside.read(Reading.self, 1)?.value)
            }
            #expect(values.1 == values.0 + (isSeen ? 1 : 0), "\(options)")
        }
        var count = 0
        for try await _ in try await handle.query(Reading.self).stream(batchSize: 7) { count += 1 }
        #expect(count == 40)
    }

    @Test("The level of a role or database changes nothing", .timeLimit(.minutes(2)))
    func direct() async throws {
        let servers = try await servers()
        // Both make the tables, of which one waits for the other.
        async let other: Void = servers.withSDK(servers.configuration()) { _, _ in }
        try await servers.withSDK(servers.configuration()) { sdk, _ in
            try await sdk.tenants.create(tenant("UA"), name: "United")
            try await check(try await sdk.tenant(tenant("UA")))
        }
        try await other
    }

    @Test(
        "Behind a pooler, which can't be told, nothing runs at another level", .requires(.pooler),
        .timeLimit(.minutes(2)))
    func pooled() async throws {
        let servers = try await servers(isPooled: true)
        let refusal = await failureOf { try await servers.withSDK(servers.configuration()) { _, _ in } }
        #expect(refusal?.code == .invalidConfiguration && refusal?.details.backendCode == "25001")
        #expect(refusal?.hint.contains(Self.level) == true)
        try await reset(servers)
        try await servers.withSDK(servers.configuration()) { sdk, _ in
            try await sdk.tenants.create(tenant("UA"), name: "United")
            let handle = try await sdk.tenant(tenant("UA"))
            try await check(handle)
            try await reset(servers, false)
            // Those that go to a connection that is no more are told so, and nothing else.
            #expect(
                await eventually {
                    await failureOf { try await handle.read(Reading.self, 1) }?.code == .invalidConfiguration
                })
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await handle.read(Reading.self, 1) }, { _ = try await handle.query(Reading.self).count() },
                { _ = try await handle.query(Reading.self).where { $0.id == 1 }.update(.add(1, to: \.value)) },
            ]
            for call in calls {
                let error = await failureOf { try await call() }
                #expect(error?.code == .invalidConfiguration && error?.details.backendCode == "25001")
            }
            // What says its level itself goes on.
            let sum = try await handle.transaction { try await $0.query(Reading.self).aggregate(.sum(\.value)) }
            #expect(sum == 45)
        }
    }
}
