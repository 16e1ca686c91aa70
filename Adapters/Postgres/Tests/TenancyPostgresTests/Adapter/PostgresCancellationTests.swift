import Tenancy
import TenancyCore
import TestServers
import Testing

@testable import TenancyPostgres

private struct Owned: Entity {
    var id: Int64
    var owner: String
    var note: String

    static let schema = EntitySchema(
        "owned", Owned.init(id:owner:note:), .key("id", \.id), .field("owner", \.owner), .field("note", \.note))
}

/// Calls that are cancelled at any moment, over few connections, beside calls that are not.
@Suite("Cancelled calls on PostgreSQL", .serialized, .requires(.application), .timeLimit(.minutes(3)))
struct PostgresCancellationTests {
    private static let calls = 1_000
    private static let connections = 4
    private static let records: Int64 = 50

    private struct Undone: Error {}

    private typealias Call = @Sendable (TenantHandle, Int64) async throws -> Void

    private static func check(_ record: Owned?, _ id: Int64, _ handle: TenantHandle) {
        #expect(record?.id == id && record?.owner == handle.id.rawValue)
    }

    private static let read: Call = { handle, id in check(try await handle.read(Owned.self, id), id, handle) }

    /// Leaves nothing, whether it is cancelled or not.
    private static let transaction: Call = { handle, id in
        do {
            try await handle.transaction { inside in
                try await inside.upsert(Owned(id: id, owner: "nobody", note: "undone"))
                _ = try await inside.read(Owned.self, id)
                throw Undone()
            }
        } catch is Undone {}
    }

    private static let stream: Call = { handle, _ in
        var last: Int64 = 0
        for try await record in try await handle.query(Owned.self).sorted(by: \.id).stream(batchSize: 5) {
            check(record, last + 1, handle)
            last += 1
        }
        #expect(last == records)
    }

    private static let write: Call = { handle, id in
        try await handle.upsert(Owned(id: id, owner: handle.id.rawValue, note: "again"))
    }

    @Test(
        "Connections come back clean, and nobody sees another's answer",
        arguments: ["reads", "transactions", "streams", "writes", "all"])
    func races(kind: String) async throws {
        let kinds = [
            "reads": Self.read, "transactions": Self.transaction, "streams": Self.stream, "writes": Self.write,
        ]
        let calls = kinds[kind].map { [$0] } ?? Array(kinds.values)
        var configuration = try TestSchemas.shared.configuration()
        configuration.applicationName = configuration.schema
        configuration.pool.maximum = Self.connections
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .postgres(configuration), entities: [Owned.self]))
        let handles = try await ["a", "b"].asyncMap { name in
            try await sdk.tenants.create(tenant(name), name: name)
            let handle = try await sdk.tenant(tenant(name))
            try await handle.bulkCreate((1...Self.records).map { Owned(id: $0, owner: name, note: "") })
            return handle
        }
        let cancelled = Tally()
        let isOver = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Those that are not cancelled get their own answers, all the time.
            for handle in handles {
                group.addTask {
                    var id: Int64 = 0
                    while isOver.value == 0 {
                        id = id % Self.records + 1
                        try await Self.read(handle, id)
                        try await Self.transaction(handle, id)
                    }
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { victims in
                for worker in 0..<8 {
                    victims.addTask {
                        for number in 0..<Self.calls / 8 {
                            let call = calls[(worker + number) % calls.count]
                            let handle = handles[number % 2]
                            let task = Task { try await call(handle, Int64(number) % Self.records + 1) }
                            try await Task.sleep(for: .microseconds(Int.random(in: 0...3_000)))
                            task.cancel()
                            do { try await task.value } catch let error as TenancyError {
                                let known: [TenancyError.Code] = [.cancelled, .outcomeUnknown]
                                #expect(known.contains(error.code), "\(error)")
                                cancelled.add()
                            }
                        }
                    }
                }
                try await victims.waitForAll()
            }
            isOver.add()
            try await group.waitForAll()
        }
        let count = cancelled.value
        #expect(count > Self.calls / 20)
        try await Self.requireAllConnections(handles[0])
        let states = """
            SELECT DISTINCT state FROM pg_stat_activity
            WHERE application_name = '\(configuration.schema)' AND backend_type = 'client backend'
            """
        #expect(try await eventually { try await administrator(states) == [["idle"]] })
        for handle in handles {
            let records = try await handle.query(Owned.self).sorted(by: \.id).all()
            #expect(records.map(\.id) == Array(1...Self.records))
            #expect(records.allSatisfy { $0.owner == handle.id.rawValue && $0.note != "undone" })
        }
        let shutdown = await ContinuousClock().measure { await sdk.shutDown() }
        #expect(shutdown < .seconds(3))
    }

    /// Uses all connections at once: transactions that don't end before as many as there may be have begun.
    private static func requireAllConnections(_ handle: TenantHandle) async throws {
        let begun = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<connections {
                group.addTask {
                    try await handle.transaction { inside in
                        try await read(inside, 1)
                        begun.add()
                        let all = await eventually { begun.value == connections }
                        #expect(all, "a connection was not given back")
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
