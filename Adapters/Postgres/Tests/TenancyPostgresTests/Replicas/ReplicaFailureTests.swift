import Foundation
import Tenancy
import TenancyCore
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: replicas that fail", .serialized, .enabled(if: OwnServer.binaries != nil))
struct ReplicaFailureTests {
    private let united = tenant("UA")
    private static let relaxed = ReadConsistency.relaxed(maximumStaleness: .seconds(60))

    /// Gives the body a handle with three records, whose relaxed reads go to a replica.
    private func withReader(
        _ servers: ReplicatedServers, _ change: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (TenantHandle, PostgresAdapter) async throws -> Void
    ) async throws {
        try await servers.withSDK(servers.configuration(change)) { sdk, adapter in
            try await sdk.tenants.create(united, name: "United")
            let handle = try await sdk.tenant(united)
            try await handle.bulkCreate((1...3).map { Reading(id: $0, value: 1, note: "late \($0)") })
            #expect(await eventually { adapter.readsFromReplica(united) })
            try await body(handle, adapter)
        }
    }

    /// Reads in one of several ways; throws if the records are not as they were made.
    private func read(_ handle: TenantHandle, _ way: Int) async throws {
        var sum: Int64?
        switch way % 4 {
        case 0: sum = try await handle.read(Reading.self, ids: [1, 2, 3]).map(\.value).reduce(0, +)
        case 1: sum = try await handle.query(Reading.self).sorted(by: \.id).limit(3).all().map(\.value).reduce(0, +)
        case 2: sum = try await handle.query(Reading.self).aggregate(.sum(\.value))
        default:
            var total: Int64 = 0
            for try await reading in try await handle.query(Reading.self).stream() { total += reading.value }
            sum = total
        }
        guard sum == 3 else { throw TenancyError(.corrupted, "The sum is another.") }
    }

    /// Reads in all ways at once and again and again while the body runs; every read must succeed.
    private func reading(
        _ handle: TenantHandle, while body: () async throws -> Void
    ) async throws {
        let relaxed = handle.reading(Self.relaxed)
        let readers = (0..<12).map { way in
            Task {
                while !Task.isCancelled {
                    // The last one is not cancelled itself.
                    try await Task { try await read(relaxed, way) }.value
                    try? await Task.sleep(for: .milliseconds(1))
                }
            }
        }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        for reader in readers { reader.cancel() }
        for reader in readers { try await reader.value }
        try outcome.get()
    }

    @Test(
        "No read fails while a replica's connections are ended, it is stopped, and it comes back",
        arguments: [false, true])
    func stopped(isPooled: Bool) async throws {
        let servers = try await ReplicatedServers(isPooled: isPooled)
        try await withReader(servers) { handle, adapter in
            try await reading(handle) {
                for _ in 0..<10 {
                    try await servers.replicas[0].texts(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tenancy_app' "
                            + "AND random() < 0.5")
                    try await Task.sleep(for: .milliseconds(50))
                }
                #expect(adapter.replicaCounts.failed > 0)
                #expect(await eventually { adapter.readsFromReplica(united) })
                try await blocking { try servers.replicas[0].stop() }
                #expect(await eventually { !adapter.readsFromReplica(united) })
                try await Task.sleep(for: .milliseconds(200))
                try await blocking { try servers.replicas[0].start() }
                #expect(await eventually { adapter.readsFromReplica(united) })
            }
            let before = adapter.replicaCounts.answered
            for way in 0..<4 { try await read(handle.reading(Self.relaxed), way) }
            #expect(adapter.replicaCounts.answered == before + 4)
        }
    }

    @Test("A replica that stops answering holds up no read for longer than the call may take")
    func hung() async throws {
        let servers = try await ReplicatedServers()
        try await withReader(servers, { $0.connectTimeout = .seconds(2) }) { handle, adapter in
            let bounded = handle.with(timeout: .seconds(4)).reading(Self.relaxed)
            for way in 0..<4 { try await read(bounded, way) }
            try servers.replicas[0].signal(SIGSTOP)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for way in 0..<16 { group.addTask { try await read(bounded, way) } }
                try await group.waitForAll()
            }
            #expect(adapter.replicaCounts.failed > 0)
            #expect(await eventually { !adapter.readsFromReplica(united) })
            try servers.replicas[0].signal(SIGCONT)
            #expect(await eventually { adapter.readsFromReplica(united) })
            for way in 0..<4 { try await read(bounded, way) }
        }
    }

    @Test(
        "A stream that has given rows fails as one from the primary would, and one that has not goes on",
        arguments: [false, true])
    func streams(isPooled: Bool) async throws {
        let servers = try await ReplicatedServers(isPooled: isPooled)
        try await withReader(servers) { handle, adapter in
            let kill = """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE usename = 'tenancy_app' AND state = 'idle in transaction'
                """
            let query = handle.reading(Self.relaxed).query(Reading.self).sorted(by: \.id)
            var before = adapter.replicaCounts
            let fresh = try await query.stream(batchSize: 1)
            #expect(try await servers.replicas[0].texts(kill) == [["t"]])
            var ids: [Int64] = []
            for try await reading in fresh { ids.append(reading.id) }
            #expect(ids == [1, 2, 3])
            #expect(adapter.replicaCounts == (before.answered + 1, before.failed + 1))
            #expect(await eventually { adapter.readsFromReplica(united) })
            before = adapter.replicaCounts
            var rows = try await query.stream(batchSize: 1).makeAsyncIterator()
            #expect(try await rows.next()?.id == 1)
            #expect(try await servers.replicas[0].texts(kill) == [["t"]])
            let error = await failureOf {
                while try await rows.next() != nil {}
            }
            #expect(error?.code == .unavailable, "\(String(describing: error))")
        }
    }

    @Test("A replica that does not keep tenants apart is not read from until it does")
    func unproven() async throws {
        let servers = try await ReplicatedServers()
        try await withReader(servers) { handle, adapter in
            let relaxed = handle.reading(Self.relaxed)
            func reconnect() async throws {
                try await servers.replicas[0].texts(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tenancy_app'")
            }
            try await servers.primary.texts("ALTER TABLE tenancy.readings DISABLE ROW LEVEL SECURITY; SELECT 1")
            try await reconnect()
            #expect(await eventually { adapter.replicas?.error(of: 0)?.code == .isolationUnproven })
            let before = adapter.replicaCounts.answered
            for way in 0..<4 { try await read(relaxed, way) }
            #expect(adapter.replicaCounts.answered == before)
            try await servers.primary.texts("ALTER TABLE tenancy.readings ENABLE ROW LEVEL SECURITY; SELECT 1")
            #expect(await eventually { adapter.readsFromReplica(united) })
        }
    }

    @Test("A replica that has become a primary shows nothing of its own", arguments: [false, true])
    func promoted(isPooled: Bool) async throws {
        let servers = try await ReplicatedServers(isPooled: isPooled)
        // Until the next question only the server itself can tell that it is no longer what it was.
        try await withReader(servers, { $0.replicaInterval = .seconds(1) }) { handle, adapter in
            try await reading(handle) {
                try await blocking { try servers.replicas[0].promote() }
                let isAlone = try await eventually {
                    try await servers.replicas[0].texts("SELECT pg_is_in_recovery()") == [["f"]]
                }
                #expect(isAlone)
                try await servers.replicas[0].texts("UPDATE tenancy.readings SET value = 99 RETURNING 1")
                #expect(await eventually { adapter.replicas?.error(of: 0)?.code == .invalidConfiguration })
            }
            #expect(!adapter.readsFromReplica(united))
        }
    }

    @Test("After a failover only replicas that follow the new primary are read from")
    func failover() async throws {
        let servers = try await ReplicatedServers(replicas: 3)
        let (heir, follower) = (servers.replicas[0], servers.replicas[2])
        let change = { (configuration: inout PostgresConfiguration) in
            configuration.hosts.append(configuration.replicas.removeFirst().host)
        }
        try await withReader(servers, change) { handle, adapter in
            // The stray replays more of the old primary's log than the heir will know of.
            try await blocking {
                try heir.stop()
                try follower.stop()
            }
            try await servers.primary.texts(
                "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000)) FROM generate_series(1, 4)")
            #expect(await eventually { adapter.readsFromReplica(united) })
            try await blocking {
                try servers.primary.stop()
                try heir.start()
                try heir.waitUntilReady()
                try heir.promote()
            }
            let isWritten = await eventually { (try? await handle.update(Reading(id: 1, value: 2, note: "x"))) != nil }
            #expect(isWritten)
            #expect(await eventually { (try? await handle.read(Reading.self, 1)) != nil })
            try await heir.texts("UPDATE tenancy.readings SET value = 3 WHERE id = 1 RETURNING 1")
            let relaxed = handle.reading(Self.relaxed)
            let before = adapter.replicaCounts.answered
            for _ in 0..<100 {
                #expect(try await relaxed.read(Reading.self, 1)?.value == 3)
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(adapter.replicaCounts.answered == before)
            #expect(adapter.replicas?.error(of: 0)?.message == "A replica has not been seen on the primary's timeline.")
            try await blocking {
                try follower.start(["primary_conninfo='host=127.0.0.1 port=\(heir.port) user=tenancy_admin'"])
                try follower.waitUntilReady()
            }
            // As soon as it has come to the new timeline, and has written that down.
            let isFollowing = try await eventually {
                try await follower.texts("CHECKPOINT; SELECT 1")
                return adapter.readsFromReplica(united)
            }
            #expect(isFollowing, "\(String(describing: adapter.replicas?.error(of: 1)))")
            for _ in 0..<100 { #expect(try await relaxed.read(Reading.self, 1)?.value == 3) }
            #expect(adapter.replicaCounts.answered > before)
        }
    }
}
