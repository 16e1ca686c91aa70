import Tenancy
import TenancyCore
import Testing

@testable import TenancyPostgres

@Suite("PostgreSQL: reads from replicas", .serialized, .enabled(if: OwnServer.binaries != nil))
struct ReplicaReadTests {
    private let united = tenant("UA")
    private static let relaxed = ReadConsistency.relaxed(maximumStaleness: .seconds(60))

    /// What every kind of read sees: the value of the first record, and how many there are.
    private func sees(_ handle: TenantHandle) async throws -> [Int64] {
        let first = try await handle.read(Reading.self, 1)?.value ?? -1
        let several = try await handle.read(Reading.self, ids: Array(1...200)).count
        let page = try await handle.query(Reading.self).sorted(by: \.id).page(size: 50).items.count
        let all = try await handle.query(Reading.self).all().count
        let count = try await handle.query(Reading.self).count()
        let sum = try await handle.query(Reading.self).aggregate(.sum(\.value)) ?? -1
        let found = try await handle.search(Reading.self, "late", limit: 10).count
        var streamed = 0
        for try await _ in try await handle.query(Reading.self).stream(batchSize: 2) { streamed += 1 }
        return [first, sum] + [several, page, all, count, found, streamed].map { Int64($0) }
    }
    private static let readsInSees = 8

    @Test(
        "Relaxed reads of every kind are the replica's; strong ones, transactions and reads of own writes are not",
        arguments: [false, true])
    func routed(isPooled: Bool) async throws {
        let servers = try await ReplicatedServers(isPooled: isPooled)
        try await servers.withSDK(servers.configuration()) { sdk, adapter in
            try await sdk.tenants.create(united, name: "United")
            let handle = try await sdk.tenant(united)
            let relaxed = handle.reading(Self.relaxed)
            try await handle.bulkCreate((1...3).map { Reading(id: $0, value: 1, note: "late \($0)") })
            #expect(await eventually { adapter.readsFromReplica(united) })
            try await servers.paused {
                // Another process's writes, which nobody here knows of.
                try await servers.withSDK(servers.configuration { $0.replicas = [] }) { other, _ in
                    let handle = try await other.tenant(united)
                    try await handle.update(Reading(id: 1, value: 10, note: "late"))
                    try await handle.create(Reading(id: 4, value: 1, note: "late"))
                }
                let (old, new): ([Int64], [Int64]) = ([1, 3, 3, 3, 3, 3, 3, 3], [10, 13, 4, 4, 4, 4, 4, 4])
                let before = adapter.replicaCounts
                #expect(try await sees(relaxed) == old)
                #expect(adapter.replicaCounts.answered - before.answered == Self.readsInSees)
                #expect(try await sees(handle) == new)
                #expect(try await relaxed.transaction { try await sees($0.reading(Self.relaxed)) } == new)
                // A transaction that writes nothing changes nothing for those that come after it.
                #expect(try await sees(relaxed) == old)
                let counts = adapter.replicaCounts
                #expect(counts.answered - before.answered == 2 * Self.readsInSees && counts.failed == 0)
                try await handle.update(Reading(id: 1, value: 11, note: "late"))
                #expect(try await sees(relaxed) == [11, 14, 4, 4, 4, 4, 4, 4])
                #expect(adapter.replicaCounts == counts)
            }
            #expect(await eventually { adapter.readsFromReplica(united) })
            let before = adapter.replicaCounts.answered
            #expect(try await sees(relaxed) == [11, 14, 4, 4, 4, 4, 4, 4])
            #expect(adapter.replicaCounts.answered - before == Self.readsInSees)
        }
    }

    @Test("Every kind of write keeps its tenant's reads on the primary, and nobody else's")
    func writes() async throws {
        let servers = try await ReplicatedServers()
        try await servers.withSDK(servers.configuration()) { sdk, adapter in
            let kinds: [(String, @Sendable (TenantHandle) async throws -> Void)] = [
                ("create", { _ = try await $0.create(Reading(id: 1, value: 1, note: "a")) }),
                ("update", { _ = try await $0.update(Reading(id: 1, value: 2, note: "a")) }),
                ("bulk", { _ = try await $0.bulkUpsert([Reading(id: 2, value: 2, note: "b")]) }),
                ("update by filter", { _ = try await $0.query(Reading.self).update(.add(5, to: \.value)) }),
                ("transaction", { _ = try await $0.transaction { try await $0.delete(Reading.self, 2) } }),
                (
                    "nested transaction",
                    { handle in
                        try await handle.transaction { outer in
                            _ = try await outer.transaction { try await $0.create(Reading(id: 3, value: 1, note: "c")) }
                        }
                    }
                ),
                ("delete by filter", { _ = try await $0.query(Reading.self).where { $0.id > 0 }.delete() }),
                ("everything", { handle in try await adapter.removeAllData(in: TenantContext(tenant: handle.id)) }),
            ]
            for number in 0..<2 { try await sdk.tenants.create(tenant("t\(number)"), name: "T") }
            let handle = try await sdk.tenant(tenant("t0"))
            for (name, write) in kinds {
                #expect(
                    await eventually { adapter.readsFromReplica(handle.id) && adapter.readsFromReplica(tenant("t1")) })
                try await servers.paused {
                    try await write(handle)
                    #expect(!adapter.readsFromReplica(handle.id), "\(name)")
                    #expect(adapter.readsFromReplica(tenant("t1")), "\(name)")
                }
            }
            // What was rolled back is no write; what may have been committed is one until that is settled.
            #expect(await eventually { adapter.readsFromReplica(handle.id) })
            _ = try? await handle.transaction { transaction in
                try await transaction.create(Reading(id: 9, value: 1, note: "x"))
                throw CancellationError()
            }
            #expect(adapter.readsFromReplica(handle.id))
            adapter.replicas?.noteWrite(handle.id, after: TenancyError(.outcomeUnknown, "unknown"))
            for _ in 0..<50 {
                #expect(!adapter.readsFromReplica(handle.id))
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    @Test(
        "No tenant reads something older than its own last write, however far the replica is behind",
        arguments: [false, true])
    func ownWrites(isPooled: Bool) async throws {
        let servers = try await ReplicatedServers(options: ["recovery_min_apply_delay=150ms"], isPooled: isPooled)
        try await servers.withSDK(servers.configuration()) { sdk, adapter in
            let tenants = (0..<24).map { tenant("t\($0)") }
            for id in tenants { try await sdk.tenants.create(id, name: "T") }
            #expect(await eventually { adapter.readsFromReplica(tenants[0]) })
            try await withThrowingTaskGroup(of: Int.self) { group in
                for (number, id) in tenants.enumerated() {
                    group.addTask {
                        let handle = try await sdk.tenant(id)
                        let relaxed = handle.reading(Self.relaxed)
                        var older = 0
                        for round in 1...12 as ClosedRange<Int64> {
                            switch (number + Int(round)) % 3 {
                            case 0: try await handle.bulkUpsert([Reading(id: 1, value: round, note: "x")])
                            case 1:
                                try await handle.transaction {
                                    try await $0.bulkUpsert([Reading(id: 1, value: round, note: "x")])
                                }
                            default:
                                if try await handle.query(Reading.self).update(.set(\.value, to: round)) == 0 {
                                    try await handle.create(Reading(id: 1, value: round, note: "x"))
                                }
                            }
                            let end = ContinuousClock.now + .milliseconds(Int.random(in: 0...500))
                            repeat {
                                if try await relaxed.read(Reading.self, 1)?.value != round { older += 1 }
                                let sum = try await relaxed.query(Reading.self).aggregate(.sum(\.value))
                                if sum != round { older += 1 }
                                try await Task.sleep(for: .milliseconds(5))
                            } while ContinuousClock.now < end
                        }
                        return older
                    }
                }
                for try await older in group { #expect(older == 0) }
            }
            let counts = adapter.replicaCounts
            #expect(counts.answered > 100 && counts.failed == 0, "\(counts)")
        }
    }

    @Test("A read gets no replica that lags more than it allows, or more than the configuration does")
    func lag() async throws {
        let servers = try await ReplicatedServers()
        let configuration = servers.configuration { $0.maximumReplicaLag = .seconds(2) }
        try await servers.withSDK(configuration) { sdk, adapter in
            try await sdk.tenants.create(united, name: "United")
            let handle = try await sdk.tenant(united)
            try await handle.create(Reading(id: 1, value: 1, note: "x"))
            #expect(await eventually { adapter.readsFromReplica(united, .milliseconds(300)) })
            try await servers.paused {
                let begun = ContinuousClock.now
                try await servers.primary.texts("UPDATE tenancy.readings SET value = 2 RETURNING 1")
                let updated = ContinuousClock.now - begun
                var last: (tight: Duration, loose: Duration) = (.zero, .zero)
                while ContinuousClock.now - begun < .seconds(3) {
                    for staleness in [Duration.milliseconds(300), .seconds(60)] {
                        let asked = ContinuousClock.now - begun
                        let relaxed = handle.reading(.relaxed(maximumStaleness: staleness))
                        guard try await relaxed.read(Reading.self, 1)?.value == 1 else { continue }
                        if staleness < .seconds(1) { last.tight = asked } else { last.loose = asked }
                    }
                    try await Task.sleep(for: .milliseconds(5))
                }
                // What was there before the update began to be acknowledged may be read for as long as the read allows.
                #expect(last.tight > .zero && last.tight < updated + .milliseconds(300), "\(last)")
                #expect(last.loose > .seconds(1) && last.loose < updated + .seconds(2), "\(last)")
            }
        }
    }
}
