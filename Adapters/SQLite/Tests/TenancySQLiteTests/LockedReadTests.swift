import GRDB
import TenancyIO
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite(.serialized) struct LockedReadTests {
    @Test("Point reads that meet a lock keep their deadlines and can be cancelled", arguments: [false, true])
    func locked(onThread: Bool) async throws {
        let maker = try await Bench()
        let a = try tenant("a")
        try await maker.insert([maker.item(1)], a)
        await maker.shutDown()
        // Without the write-ahead log, a writer can keep readers out.
        var unsafe = Configuration()
        unsafe.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: maker.path, configuration: unsafe)
        try await other.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
        let bench = try await Bench(in: maker.directory) { $0.isReadOnly = true }
        let executor = onThread ? bench.adapter.preferredExecutor(for: a.tenant) : nil
        let read: @Sendable (TenantContext) -> Task<Int, any Error> = { context in
            Task(executorPreference: executor) {
                try await bench.adapter.read(bench.entity, keys: [1], in: context).count
            }
        }
        #expect(try await read(a).value == 1)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN EXCLUSIVE") }
        let begun = ContinuousClock.now
        // The first waits for as long as it takes, and must not hold up those behind it.
        let patient = read(a)
        let cancelled = read(a)
        let late = read(try tenant("a", deadline: .milliseconds(50)))
        _ = await expect(.timeout) { try await late.value }
        cancelled.cancel()
        _ = await expect(.cancelled) { try await cancelled.value }
        #expect(ContinuousClock.now - begun < .seconds(10))
        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        #expect(try await patient.value == 1)
        #expect(try await read(a).value == 1)
        try other.close()
        await bench.shutDown()
    }

    @Test("A point read waits for a lock no longer than the configuration says")
    func busyTimeout() async throws {
        let maker = try await Bench()
        let a = try tenant("a")
        await maker.shutDown()
        var unsafe = Configuration()
        unsafe.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: maker.path, configuration: unsafe)
        try await other.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
        let bench = try await Bench(in: maker.directory) {
            $0.isReadOnly = true
            $0.busyTimeout = .milliseconds(100)
        }
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN EXCLUSIVE") }
        _ = await expect(.locked) { try await bench.adapter.read(bench.entity, keys: [1], in: a) }
        try other.close()
        await bench.shutDown()
    }
}
