import Foundation
import TenancyIO
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite(.serialized) struct SharedThreadsTests {
    private var threads: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
    }

    @Test("Sixty-four open files share a few threads, and a long query of one tenant does not hold up another's calls")
    func bounded() async throws {
        let bench = try await Bench(model: .filePerTenant)
        let contexts = try (0..<64).map { try tenant("t\($0)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for context in contexts {
                group.addTask {
                    try await bench.insert((0..<500).map { bench.item($0, "name of \($0)") }, context)
                    #expect(try await bench.ids(.compare(field: "id", .less, 1), context) == [0])
                    #expect(try await bench.adapter.read(bench.entity, keys: [7], in: context).count == 1)
                }
            }
            try await group.waitForAll()
        }
        let store = try bench.adapter.started().store
        #expect(store.count >= 64)
        let most = 4 + max(8, 2 * ProcessInfo.processInfo.activeProcessorCount)
        #expect(try #require(store.sharedThreads) <= most)
        let parts = (0..<2_000).map { Predicate.text(field: "name", .contains, "absent \($0)", ignoringCase: true) }
        let slow = try bench.builder.aggregate(.or(parts), [.init(.count)])
        // As long as others' calls last, whatever the machine's load.
        let noise = (0..<8).map { _ in
            Task { while !Task.isCancelled { _ = try? await bench.adapter.aggregate(slow, in: contexts[0]) } }
        }
        try await Task.sleep(for: .milliseconds(30))
        for number in 1...10 {
            let context = try tenant("t\(number)", deadline: .seconds(20))
            #expect(try await bench.adapter.read(bench.entity, keys: [7], in: context).count == 1)
            #expect(try await bench.ids(.compare(field: "id", .less, 1), context) == [0])
            try await bench.insert([bench.item(1_000)], context)
        }
        for task in noise { task.cancel() }
        for task in noise { _ = await task.result }
        await bench.shutDown()
    }

    @Test("Many long records are read whole, though not by the connection for point reads")
    func longRecords() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        let text = String(repeating: "x", count: 200_000)
        try await bench.insert((0..<64).map { bench.item($0, text) }, a)
        let keys = (0..<64).map { Value.int64($0) }
        #expect(
            try await bench.adapter.started().store.shared?.lane.read(
                bench.adapter.started().schema.plan(of: bench.entity), keys, a) == nil)
        let rows = try await bench.adapter.read(bench.entity, keys: keys, in: a)
        #expect(rows.count == 64)
        #expect(try (0..<64).allSatisfy { try rows.string($0, 1) == text })
        #expect(try await bench.adapter.read(bench.entity, keys: [3], in: a).string(0, 1) == text)
        await bench.shutDown()
    }

    @Test("A library that is too old, or lacks something, is refused by name")
    func library() throws {
        let current = SQLiteLibrary.current
        try current.check(searches: true)
        let lacking: [(SQLiteLibrary, String)] = [
            (SQLiteLibrary(version: 3_039_004, isThreadSafe: true, hasSearch: true), "3.39.4"),
            (SQLiteLibrary(version: current.version, isThreadSafe: false, hasSearch: true), "threads"),
            (SQLiteLibrary(version: current.version, isThreadSafe: true, hasSearch: false), "full-text"),
        ]
        for (library, word) in lacking {
            do throws(TenancyError) {
                try library.check(searches: true)
                Issue.record("\(word) was not refused")
            } catch {
                #expect(error.code == .unsupported && error.message.contains(word))
            }
        }
        try SQLiteLibrary(version: current.version, isThreadSafe: true, hasSearch: false).check(searches: false)
    }

    @Test("SQL on a connection can't write where only SQLite itself should")
    func defended() async throws {
        let bench = try await Bench(Fields.item(search: [.init(column: 1, weight: 1)]))
        let a = try tenant("a")
        try await bench.insert([bench.item(1, "name")], a)
        let writer = try #require(try bench.adapter.started().store.shared?.writers)
        let connection = try await writer.checkOut(in: a)
        for sql in ["DELETE FROM _search_items_data", "UPDATE sqlite_schema SET sql = ''"] {
            _ = await expect(.backendFailure) {
                try await connection.runToTheEnd { connection throws(TenancyError) in
                    try connection.once("PRAGMA writable_schema = ON")
                    try connection.once(sql)
                }
            }
        }
        writer.checkIn(connection)
        #expect(try await bench.ids(.always, a) == [1])
        await bench.shutDown()
    }
}
