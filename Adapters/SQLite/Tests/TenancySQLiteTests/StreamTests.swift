import GRDBSQLite
import TenancyIO
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite struct StreamTests {
    @Test("Open streams leave queries their connections, and one too many waits for another's end", arguments: [5, 16])
    func bounded(count: Int) async throws {
        let entity = Fields.item(search: [.init(column: 1, weight: 1)])
        let bench = try await Bench(entity) { $0.maximumStreams = count }
        let a = try tenant("a")
        try await bench.insert((0..<100).map { bench.item($0, "name") }, a)
        let all = try bench.builder.select(Query(sort: [.init("id")]))
        var streams: [RowStream] = []
        for _ in 0..<count { streams.append(try await bench.adapter.stream(all, batchSize: 10, in: a)) }
        for stream in streams {
            var iterator = stream.makeAsyncIterator()
            #expect(try await iterator.next()?.count == 10)
        }
        let soon = try tenant("a", deadline: .seconds(2))
        #expect(try await bench.ids(.compare(field: "id", .less, 2), soon) == [0, 1])
        let figures = try await bench.adapter.aggregate(bench.builder.aggregate(.always, [.init(.count)]), in: soon)
        #expect(try figures.int64(0, 0) == 100)
        let search = try #require(
            try bench.builder.search(
                "name", filter: .always, requiresAllWords: true, lastWordIsPrefix: false, limit: 5))
        #expect(try await bench.adapter.search(search, in: soon).count == 5)
        let late = try tenant("a", deadline: .milliseconds(50))
        let error = await expect(.timeout) { try await bench.adapter.stream(all, batchSize: 10, in: late) }
        #expect(error?.hint.contains("maximumStreams") == true)
        streams.removeLast()
        var rows = 0
        let next = try await bench.adapter.stream(all, batchSize: 10, in: tenant("a", deadline: .seconds(2)))
        for try await batch in next { rows += batch.count }
        #expect(rows == 100)
        streams = []
        await bench.shutDown()
    }

    @Test("A stream steps through its rows as they are asked for, and not ahead")
    func isLazy() async throws {
        let bench = try await Bench { $0.maximumStreams = 1 }
        let a = try tenant("a")
        try await bench.insert((0..<10_000).map { bench.item($0, "name") }, a)
        let file = try #require(try bench.adapter.started().store.shared)
        // The one connection for streams, so that the stream's own is known.
        let connection = try await file.streamers.checkOut(in: a)
        #expect(file.streamers.checkIn(connection))
        func work() async -> Int {
            await connection.runToTheEnd { connection in
                connection.cursors.values.reduce(0) {
                    $0 + Int(sqlite3_stmt_status($1.pointer, SQLITE_STMTSTATUS_VM_STEP, 0))
                }
            }
        }
        for sort in [[], [Query.Sort("id")]] {
            let all = try bench.builder.select(Query(sort: sort))
            let stream = try await bench.adapter.stream(all, batchSize: 10, in: a)
            var iterator = stream.makeAsyncIterator()
            #expect(try await iterator.next()?.count == 10)
            let first = await work()
            for _ in 0..<499 { #expect(try await iterator.next()?.count == 10) }
            let half = await work()
            // 500 times the rows; a batch or two that were read ahead would be no harm.
            #expect(first > 10 && first * 100 < half, "\(first) steps for the first batch, \(half) for half of all")
            var rest = 0
            while let batch = try await iterator.next() { rest += batch.count }
            #expect(rest == 5_000)
        }
        await bench.shutDown()
    }

    @Test("A batch of large rows ends before its number of rows where it holds enough bytes")
    func bytes() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        let text = String(repeating: "x", count: 1 << 20)
        for id in 0..<12 { try await bench.insert([bench.item(Int64(id), text)], a) }
        var sizes: [Int] = []
        for try await batch in try await bench.adapter.stream(
            try bench.builder.select(Query(sort: [.init("id")])), batchSize: 1_000, in: a)
        { sizes.append(batch.count) }
        #expect(sizes.reduce(0, +) == 12)
        #expect(sizes.allSatisfy { $0 <= 4 }, "\(sizes)")
        await bench.shutDown()
    }
}
