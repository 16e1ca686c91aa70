import Foundation
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite(.serialized) struct OtherProcessTests {
    private func file(_ bench: Bench) -> String {
        bench.adapter.configuration.model == .shared ? bench.path : bench.path + "/a.sqlite"
    }

    @Test(
        "A write lock that another process holds is told in time, costs reads nothing, and ends with the process",
        arguments: models)
    func writeLock(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model) { $0.busyTimeout = .milliseconds(600) }
        let a = try tenant("a")
        try await bench.insert([bench.item(1)], a)
        let other = try OtherProcess(file(bench))
        try other.run("BEGIN IMMEDIATE")
        let begun = ContinuousClock.now
        let error = await expect(.locked) { try await bench.insert([bench.item(2)], a) }
        #expect(error?.hint.contains("busyTimeout") == true)
        #expect(error?.message.contains("process") == false)
        #expect(error?.isRetryable == true)
        _ = await expect(.locked) {
            try await bench.adapter.withTransaction(TransactionOptions(), in: a) { _ in
                _ = Issue.record("the body ran without the lock")
            }
        }
        _ = await expect(.locked) { try await bench.adapter.removeAllData(in: a) }
        _ = await expect(.timeout) { try await bench.insert([bench.item(2)], tenant("a", deadline: .milliseconds(50))) }
        let cancelled = Task { try await bench.insert([bench.item(2)], a) }
        try await Task.sleep(for: .milliseconds(20))
        cancelled.cancel()
        _ = await expect(.cancelled) { try await cancelled.value }
        #expect(ContinuousClock.now - begun < .seconds(6))
        // Readers don't wait for a writer.
        #expect(try await bench.adapter.read(bench.entity, keys: [1], in: a).count == 1)
        #expect(try await bench.ids(.always, a) == [1])
        async let waiting = bench.insert([bench.item(2)], a)
        try await Task.sleep(for: .milliseconds(50))
        other.end()
        #expect(try await waiting.affected == 1)
        #expect(try await bench.ids(.always, a) == [1, 2])
        await bench.shutDown()
    }

    @Test("A lock that keeps readers out is told by every kind of read, and waited for without holding others up")
    func readLock() async throws {
        let maker = try await Bench()
        let a = try tenant("a")
        try await maker.insert([maker.item(1)], a)
        await maker.shutDown()
        let other = try OtherProcess(maker.path)
        // Without the write-ahead log, a writer can keep readers out.
        #expect(try other.run("PRAGMA journal_mode = DELETE") == "[('delete',)]")
        let bench = try await Bench(in: maker.directory) {
            $0.isReadOnly = true
            $0.busyTimeout = .milliseconds(200)
        }
        let all = try bench.builder.select(Query(sort: [.init("id")]))
        let reads: [(String, @Sendable () async throws -> Int)] = [
            ("read", { try await bench.adapter.read(bench.entity, keys: [1], in: a).count }),
            ("query", { try await bench.adapter.select(all, in: a).count }),
            (
                "count",
                { try await bench.adapter.aggregate(bench.builder.aggregate(.always, [.init(.count)]), in: a).count }
            ),
            (
                "stream",
                {
                    var count = 0
                    for try await batch in try await bench.adapter.stream(all, batchSize: 10, in: a) {
                        count += batch.count
                    }
                    return count
                }
            ),
            (
                "transaction",
                {
                    try await bench.adapter.withTransaction(TransactionOptions(isReadOnly: true), in: a) {
                        try await $0.select(all, in: a).count
                    }
                }
            ),
        ]
        for (_, read) in reads { #expect(try await read() == 1) }
        try other.run("BEGIN EXCLUSIVE")
        for (_, read) in reads { _ = await expect(.locked) { try await read() } }
        #expect(await bench.adapter.health().error?.code == .locked)
        let waiting = reads.map { read in Task { try await read.1() } }
        try await Task.sleep(for: .milliseconds(40))
        try other.run("ROLLBACK")
        for task in waiting { #expect(try await task.value == 1) }
        await bench.shutDown()
    }

    @Test("What another process opens is not removed under it, and what it removes is not opened")
    func openingAndRemoval() async throws {
        let bench = try await Bench(model: .filePerTenant) { $0.busyTimeout = .milliseconds(500) }
        let a = try tenant("a")
        try await bench.insert([bench.item(1)], a)
        let other = try OtherProcess(bench.path + "/" + FileLocks.fileName, locks: true)
        try other.run("LOCK_SH")
        _ = await expect(.locked) { try await bench.adapter.removeAllData(in: a) }
        _ = await expect(.timeout) {
            try await bench.adapter.removeAllData(in: tenant("a", deadline: .milliseconds(50)))
        }
        try await bench.insert([bench.item(2)], a)
        #expect(try await bench.ids(.always, a) == [1, 2])
        try other.run("LOCK_EX")
        _ = await expect(.locked) { try await bench.insert([bench.item(1)], tenant("c")) }
        #expect(try await bench.ids(.always, a) == [1, 2])
        async let waiting = bench.insert([bench.item(1)], tenant("c"))
        try await Task.sleep(for: .milliseconds(30))
        other.end()
        #expect(try await waiting.affected == 1)
        try await bench.adapter.removeAllData(in: a)
        #expect(try await bench.ids(.always, a) == [])
        await bench.shutDown()
    }

    @Test("A process that has a removed tenant's file open finds nothing in it that it could change")
    func removedUnderIt() async throws {
        let bench = try await Bench(model: .filePerTenant)
        let a = try tenant("a")
        try await bench.insert([bench.item(1, "secret")], a)
        let other = try OtherProcess(file(bench))
        #expect(try other.run("SELECT name FROM items") == "[('secret',)]")
        try await bench.adapter.removeAllData(in: a)
        #expect(try other.run("SELECT name FROM items").contains("no such table"))
        #expect(try other.run("INSERT INTO items (tenant_id, id) VALUES ('a', 2)").contains("no such table"))
        try await bench.insert([bench.item(3)], a)
        #expect(try other.run("SELECT count(*) FROM sqlite_schema") == "[(0,)]")
        #expect(try await bench.ids(.always, a) == [3])
        other.end()
        #expect(try await bench.ids(.always, a) == [3])
        await bench.shutDown()
    }
}
