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
}
