import Tenancy
import TenancyCore
import TestServers
import Testing

@testable import TenancyPostgres

private struct Quick: Entity, Equatable {
    var id: Int64
    var value: Int64

    static let schema = EntitySchema(
        "quick", Quick.init(id:value:), .key("id", \.id), .field("value", \.value))
}

private struct Slow: Entity, Equatable {
    var id: Int64
    var value: Int64

    static let schema = EntitySchema(
        "slow", Slow.init(id:value:), .key("id", \.id), .field("value", \.value))
}

/// Statements that can't end before the test allows it, and point reads that have to end before that. What is slow is
/// made so by a lock that the test holds, so that no time has to be guessed.
@Suite("Slow statements beside point reads", .serialized, .requires(.application), .timeLimit(.minutes(2)))
struct SlowStatementTests {
    private func withSDK(
        lanes: Int = 1, _ body: (TenantHandle, _ schema: String) async throws -> Void
    ) async throws {
        var configuration = try TestSchemas.shared.configuration()
        configuration.applicationName = configuration.schema
        configuration.lanes = lanes
        configuration.lockTimeout = .seconds(60)
        configuration.statementTimeout = .seconds(60)
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .postgres(configuration), entities: [Quick.self, Slow.self]))
        try await sdk.tenants.create(tenant("slow"), name: "slow")
        let handle = try await sdk.tenant(tenant("slow"))
        try await handle.bulkCreate((1...100).map { Quick(id: $0, value: $0) })
        try await handle.bulkCreate((1...100).map { Slow(id: $0, value: $0) })
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(handle, configuration.schema)) } catch { outcome = .failure(error) }
        await sdk.shutDown()
        try outcome.get()
    }

    /// Reads each record once, by many tasks.
    private func readAll(_ handle: TenantHandle) async throws -> Duration {
        try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for first in Int64(1)...20 {
                    group.addTask {
                        for id in stride(from: first, through: 100, by: 20) {
                            let record = try await handle.read(Quick.self, id)
                            #expect(record == Quick(id: id, value: id))
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Waits until so many of the application's statements wait for a lock.
    private func waiting(_ count: Int, _ schema: String) async throws -> Bool {
        try await eventually {
            try await administrator(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE application_name = '\(schema)' AND wait_event_type = 'Lock'
                """) == [["\(count)"]]
        }
    }

    @Test("Writes, transactions, streams and aggregates that wait for a lock hold up no point read")
    func ownConnections() async throws {
        try await withSDK { handle, schema in
            let lock = try await HeldLock("LOCK TABLE \(schema).slow IN ACCESS EXCLUSIVE MODE")
            let slow: [@Sendable () async throws -> Void] = [
                { try await handle.update(Slow(id: 1, value: 2)) },
                { try await handle.transaction { _ = try await $0.read(Slow.self, 1) } },
                { for try await _ in try await handle.query(Slow.self).stream() {} },
                { _ = try await handle.query(Slow.self).count() },
            ]
            let ended = Tally()
            let tasks = slow.map { body in
                Task {
                    try await body()
                    ended.add()
                }
            }
            #expect(try await waiting(slow.count, schema))
            _ = try await readAll(handle)
            let early = ended.value
            #expect(early == 0)
            try await lock.release()
            for task in tasks { try await task.value }
        }
    }

    @Test("A point read that waits for a lock holds up those that share its lane for a moment only", arguments: [1, 2])
    func lanes(count: Int) async throws {
        try await withSDK(lanes: count) { handle, schema in
            let lock = try await HeldLock("LOCK TABLE \(schema).slow IN ACCESS EXCLUSIVE MODE")
            let isReleased = Tally()
            // More than there are lanes, so that each of them is in the way; and fewer than the pool has connections, all
            // of which they may end up on.
            #expect(PostgresConfiguration.Pool().maximum > 12)
            let slow = (1...Int64(12)).map { id in
                Task {
                    let record = try await handle.read(Slow.self, id)
                    let hasWaited = isReleased.value > 0
                    #expect(hasWaited)
                    #expect(record == Slow(id: id, value: id))
                }
            }
            // At once: these are sent behind those, before anybody can know that they are slow.
            let duration = try await readAll(handle)
            #expect(duration < .seconds(20))
            isReleased.add()
            try await lock.release()
            for task in slow { try await task.value }
            // What was answered late does not come back as the answer to something else.
            for _ in 0..<5 { _ = try await readAll(handle) }
        }
    }
}
