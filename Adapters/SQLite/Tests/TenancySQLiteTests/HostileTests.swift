import Foundation
import GRDB
import TenancyIO
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite(.serialized) struct HostileTests {
    private func fill(_ bench: Bench, _ tenant: TenantContext, _ count: Int64 = 2_000) async throws {
        try await bench.insert((0..<count).map { bench.item($0, "name of \($0)", $0) }, tenant)
    }

    @Test("A full file refuses the write, keeps what it had, and goes on", arguments: models)
    func full(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model) { $0.maximumFileBytes = 100 * 4_096 }
        let a = try tenant("a")
        try await bench.insert([bench.item(1)], a)
        let text = String(repeating: "x", count: 200)
        _ = await expect(.storageFull) {
            try await bench.insert((2..<9_000).map { bench.item($0, text) }, a, atomic: false)
        }
        #expect(try await bench.ids(.always, a) == [1])
        _ = await expect(.storageFull) {
            try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
                _ = await expect(.storageFull) {
                    try await bench.insert((2..<9_000).map { bench.item($0, text) }, a, on: transaction)
                }
                try await bench.insert((2..<9_000).map { bench.item($0, text) }, a, on: transaction)
            }
        }
        try await bench.insert([bench.item(2)], a)
        #expect(try await bench.ids(.always, a) == [1, 2])
        await bench.shutDown()
    }

    @Test("A file opened for reading only is read and not written")
    func readOnly() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        try await bench.insert([bench.item(1)], a)
        await bench.shutDown()
        let reader = try await Bench(in: bench.directory) { $0.isReadOnly = true }
        #expect(try await reader.ids(.always, a) == [1])
        _ = await expect(.readOnly) { try await reader.insert([reader.item(2)], a) }
        _ = await expect(.readOnly) {
            try await reader.adapter.withTransaction(TransactionOptions(isReadOnly: true), in: a) { transaction in
                #expect(try await reader.ids(query: Query(), a, on: transaction) == [1])
                try await reader.insert([reader.item(2)], a, on: transaction)
            }
        }
        await reader.shutDown()
        let missing = try await Bench(start: false) { $0.isReadOnly = true }
        _ = await expect(.unavailable) { try await missing.adapter.start([missing.entity]) }
        await missing.shutDown()
    }

    @Test("A lock that another connection holds is reported in time, and waited for if there is time")
    func locked() async throws {
        let bench = try await Bench { $0.busyTimeout = .milliseconds(400) }
        let a = try tenant("a")
        var unsafe = Configuration()
        unsafe.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: bench.path, configuration: unsafe)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        _ = await expect(.locked) { try await bench.insert([bench.item(1)], a) }
        let soon = try tenant("a", deadline: .milliseconds(50))
        _ = await expect(.timeout) { try await bench.insert([bench.item(1)], soon) }
        async let waiting: WriteResult = bench.insert([bench.item(1)], a)
        try await Task.sleep(for: .milliseconds(30))
        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        #expect(try await waiting.affected == 1)
        try other.close()
        await bench.shutDown()
    }

    @Test("A file that is garbage is refused, and damage in a file is reported as such", arguments: models)
    func corruption(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        try await fill(bench, a, 20_000)
        await bench.shutDown()
        let file = URL(fileURLWithPath: model == .shared ? bench.path : bench.path + "/a.sqlite")
        let whole = try Data(contentsOf: file)
        var damaged = whole
        for page in stride(from: 8, to: whole.count / 4_096, by: 2) {
            for offset in 0..<64 { damaged[page * 4_096 + offset] ^= 0xA5 }
        }
        try damaged.write(to: file)
        let again = try await Bench(model: model, in: bench.directory)
        _ = await expect(.corrupted) {
            _ = try await again.ids(query: Query(sort: [.init("name")]), a)
            _ = try await again.adapter.write(again.builder.delete(.always), in: a)
        }
        await again.shutDown()
        try Data((0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }).write(to: file)
        let garbage = try await Bench(model: model, in: bench.directory, start: false)
        _ = await expect(.corrupted) {
            try await garbage.adapter.start([garbage.entity])
            _ = try await garbage.ids(.always, a)
        }
        await garbage.shutDown()
    }

    @Test("A tenant's file in another's place is refused")
    func swapped() async throws {
        let bench = try await Bench(model: .filePerTenant)
        let (a, b) = (try tenant("a"), try tenant("A"))
        try await bench.insert([bench.item(1)], a)
        await bench.shutDown()
        #expect(TenantFileName.of(b.tenant) == "=a.sqlite")
        try FileManager.default.copyItem(atPath: bench.path + "/a.sqlite", toPath: bench.path + "/=a.sqlite")
        let again = try await Bench(model: .filePerTenant, in: bench.directory)
        let error = await expect(.tenantMismatch) { try await again.ids(.always, b) }
        #expect(error?.details.tenant == b.tenant)
        #expect(try await again.ids(.always, a) == [1])
        await again.shutDown()
        let shared = try await Bench(in: bench.directory, start: false) { $0.path = bench.path + "/a.sqlite" }
        _ = await expect(.tenantMismatch) { try await shared.adapter.start([shared.entity]) }
        await shared.shutDown()
    }

    @Test("File names tell ids apart where the file system does not tell case apart")
    func names() throws {
        let ids = ["a", "A", "aB", "Ab", "AB", "ab", "a-b", "a_b", "a0", String(repeating: "Z", count: 63)]
        let names = try ids.map { TenantFileName.of(try TenantID($0)) }
        #expect(Set(names.map { $0.lowercased() }).count == ids.count)
        #expect(names.allSatisfy { $0 == $0.lowercased() && $0.utf8.count <= 200 })
        #expect(TenantFileName.of(.system) == "_system.sqlite")
    }

    @Test("A call that waits for the writer ends when it is cancelled or late, and the next one gets its turn")
    func waiting() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        try await bench.adapter.withTransaction(TransactionOptions(), in: a) { _ in
            let waiter = Task.detached { try await bench.insert([bench.item(1)], a) }
            let last = Task.detached { try await bench.insert([bench.item(2)], a) }
            try await Task.sleep(for: .milliseconds(30))
            waiter.cancel()
            _ = await expect(.cancelled) { try await waiter.value }
            let late = try tenant("a", deadline: .milliseconds(30))
            let lateWriter = Task.detached { try await bench.insert([bench.item(3)], late) }
            _ = await expect(.timeout) { try await lateWriter.value }
            last.cancel()
            _ = await expect(.cancelled) { try await last.value }
        }
        try await bench.insert([bench.item(4)], a)
        #expect(try await bench.ids(.always, a) == [4])
        await bench.shutDown()
    }

    /// A filter that no index serves, over and over: slow on purpose.
    private func slow(_ bench: Bench) throws -> AggregateStatement {
        let parts = (0..<2_000).map { Predicate.text(field: "name", .contains, "absent \($0)", ignoringCase: true) }
        return try bench.builder.aggregate(.or(parts), [.init(.count)])
    }

    @Test("A long query ends when it is cancelled or late, and its connection serves the next call")
    func interruption() async throws {
        let bench = try await Bench { $0.maximumReaders = 1 }
        let a = try tenant("a")
        try await fill(bench, a, 20_000)
        let query = Task { try await bench.adapter.aggregate(slow(bench), in: a) }
        try await Task.sleep(for: .milliseconds(50))
        let begun = ContinuousClock.now
        query.cancel()
        _ = await expect(.cancelled) { try await query.value }
        let late = try tenant("a", deadline: .milliseconds(50))
        _ = await expect(.timeout) { try await bench.adapter.aggregate(slow(bench), in: late) }
        #expect(ContinuousClock.now - begun < .seconds(2))
        #expect(try await bench.ids(.compare(field: "id", .less, 2), a) == [0, 1])
        let point = Task { try await bench.adapter.aggregate(slow(bench), in: a) }
        try await Task.sleep(for: .milliseconds(20))
        let read = ContinuousClock.now
        #expect(try await bench.adapter.read(bench.entity, keys: [1], in: a).count == 1)
        #expect(ContinuousClock.now - read < .seconds(1))
        point.cancel()
        _ = await point.result
        let update = Task {
            try await bench.adapter.write(
                bench.builder.update(
                    .text(field: "name", .contains, "A", ignoringCase: true), [Assignment("count", .add(1))]),
                in: try tenant("a", deadline: .milliseconds(2)))
        }
        _ = await expect(.timeout) { try await update.value }
        #expect(try await bench.ids(.compare(field: "count", .equal, 1), a) == [1])
        await bench.shutDown()
    }

    @Test("A stream is of one moment, in bounded batches, and gives its connection back when it is abandoned")
    func streams() async throws {
        let bench = try await Bench { $0.maximumStreams = 1 }
        let a = try tenant("a")
        try await fill(bench, a, 1_000)
        let all = try bench.builder.select(Query(sort: [.init("id")]))
        for _ in 0..<5 {
            let stream = try await bench.adapter.stream(all, batchSize: 100, in: a)
            for try await batch in stream {
                #expect(batch.count == 100)
                break
            }
        }
        _ = try await bench.adapter.stream(all, batchSize: 100, in: a)
        var seen = 0
        var isFirst = true
        for try await batch in try await bench.adapter.stream(all, batchSize: 300, in: a) {
            seen += batch.count
            if isFirst { _ = try await bench.adapter.write(bench.builder.delete(.always), in: a) }
            isFirst = false
        }
        #expect(seen == 1_000)
        #expect(try await bench.ids(.always, a) == [])
        let late = try tenant("a", deadline: .milliseconds(300))
        let stream = try await bench.adapter.stream(all, batchSize: 1, in: a)
        _ = await expect(.timeout) { try await bench.adapter.stream(all, batchSize: 1, in: late) }
        withExtendedLifetime(stream) {}
        await bench.shutDown()
    }

    @Test("A stream in a transaction shows the rows as they were, whatever is written meanwhile")
    func streamInTransaction() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        try await fill(bench, a, 1_000)
        let all = try bench.builder.select(Query(sort: [.init("id")]))
        let leaked = try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
            var seen = 0
            for try await batch in try await transaction.stream(all, batchSize: 300, in: a) {
                seen += batch.count
                _ = try await transaction.write(bench.builder.delete(.always), in: a)
                try await bench.insert([bench.item(Int64(5_000 + seen))], a, on: transaction)
            }
            #expect(seen == 1_000)
            return try await transaction.stream(all, batchSize: 300, in: a)
        }
        _ = await expect(.transactionClosed) { for try await _ in leaked {} }
        #expect(try await bench.ids(.always, a) == [6_000])
        let other = try await bench.adapter.withTransaction(TransactionOptions(isReadOnly: true), in: a) {
            transaction in
            try await bench.insert([bench.item(1)], a)
            #expect(try await bench.ids(query: Query(), a, on: transaction) == [6_000])
            for try await batch in try await transaction.stream(all, batchSize: 1, in: a) { #expect(batch.count == 1) }
            return try await transaction.stream(all, batchSize: 300, in: a)
        }
        _ = await expect(.transactionClosed) { for try await _ in other {} }
        await bench.shutDown()
    }

    @Test("A hundred tasks that count in transactions lose no step", arguments: models)
    func increments(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        try await bench.insert([bench.item(1, nil, 0)], a)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
                        let row = try await transaction.read(bench.entity, keys: [1], in: a)
                        let count = try row.int64(0, 2)
                        await Task.yield()
                        let batch = try bench.batch([bench.item(1, nil, count + 1)])
                        _ = try await transaction.write(bench.builder.write(.update(batch)), in: a)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await bench.adapter.read(bench.entity, keys: [1], in: a).int64(0, 2) == 100)
        await bench.shutDown()
    }

    @Test("A transaction whose task is cancelled is rolled back")
    func cancelledTransaction() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        let task = Task {
            try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
                try await bench.insert([bench.item(1)], a, on: transaction)
                while !Task.isCancelled { await Task.yield() }
            }
        }
        try await Task.sleep(for: .milliseconds(30))
        task.cancel()
        _ = await expect(.cancelled) { try await task.value }
        #expect(try await bench.ids(.always, a) == [])
        await bench.shutDown()
    }

    @Test("Few files stay open under load, and none is closed that is in use")
    func eviction() async throws {
        let bench = try await Bench(model: .filePerTenant) { $0.maximumOpenFiles = 3 }
        let contexts = try (0..<20).map { try tenant("t\($0)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 0..<6 {
                for context in contexts {
                    group.addTask {
                        try await bench.insert([bench.item(Int64(round))], context)
                        _ = try await bench.adapter.read(bench.entity, keys: [.int64(Int64(round))], in: context)
                    }
                }
            }
            try await group.waitForAll()
        }
        for context in contexts { #expect(try await bench.ids(.always, context) == [0, 1, 2, 3, 4, 5]) }
        #expect(try bench.adapter.started().store.count <= 3)
        await bench.shutDown()
    }

    @Test("Shutdown lets calls end, refuses new ones, and ends those that take too long")
    func shutdown() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        try await fill(bench, a, 20_000)
        let query = Task { try await bench.adapter.aggregate(slow(bench), in: a) }
        let writers = try #require(try bench.adapter.started().store.shared?.writers)
        let holder = Task {
            try await bench.adapter.withTransaction(TransactionOptions(), in: a) { _ in
                while writers.waiting < 50 { try await Task.sleep(for: .milliseconds(1)) }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        let writes = (0..<50).map { number in
            Task { try await bench.insert([bench.item(Int64(100_000 + number))], a) }
        }
        while writers.waiting < 50 { try await Task.sleep(for: .milliseconds(1)) }
        let begun = ContinuousClock.now
        await bench.adapter.shutDown(deadline: .now + .seconds(1))
        #expect(ContinuousClock.now - begun < .seconds(10))
        try await holder.value
        for write in writes { #expect(try await write.value.affected == 1) }
        _ = await expect(.shutDown) { try await query.value }
        _ = await expect(.shutDown) { try await bench.ids(.always, a) }
        #expect(!FileManager.default.fileExists(atPath: bench.path + "-wal"))
        await bench.shutDown()
    }
}
