import TenancyIO
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite struct StatementCacheTests {
    /// An adapter whose queries all run on one connection, and that connection.
    private func bench(maximumStatements: Int = 128) async throws -> (Bench, Connection) {
        let bench = try await Bench {
            $0.maximumReaders = 1
            $0.maximumStatements = maximumStatements
        }
        let file = try #require(try bench.adapter.started().store.shared)
        let reader = try await file.readers.checkOut(in: tenant("a"))
        #expect(file.readers.checkIn(reader))
        return (bench, reader)
    }

    private func count(_ connection: Connection) async -> Int { await connection.runToTheEnd { $0.cache.count } }

    /// Which compiled statement stands in the cache for a query; `nil` for none.
    private func compiled(_ query: Query, _ bench: Bench, _ connection: Connection) async throws -> ObjectIdentifier? {
        let statement = try bench.builder.select(query)
        let key = StatementCache.Key.select(statement.shape, lists: SQLCompiler.lists(statement.parameters))
        // The copy is asked, so that asking is no use.
        return await connection.runToTheEnd { connection in
            var cache = connection.cache
            return cache.find(key).map(ObjectIdentifier.init)
        }
    }

    private func query(_ name: String, limit: Int = 5) -> Query {
        Query(filter: .compare(field: "name", .equal, .string(name)), sort: [.init("id")], limit: limit)
    }

    @Test("A query is compiled once, whatever its values, its limit and its tenant")
    func values() async throws {
        let (bench, connection) = try await bench()
        for id in ["a", "b"] { try await bench.insert((0..<20).map { bench.item($0, "\(id)\($0)") }, tenant(id)) }
        #expect(try await compiled(query(""), bench, connection) == nil)
        _ = try await bench.ids(query: query("a0"), tenant("a"))
        let statement = try #require(try await compiled(query("a0"), bench, connection))
        let before = await count(connection)
        for id in ["a", "b"] {
            for number in 0..<20 {
                let query = query("\(id)\(number)", limit: 1 + number)
                #expect(try await bench.ids(query: query, tenant(id)) == [Int64(number)])
                #expect(try await bench.ids(query: query, tenant(id == "a" ? "b" : "a")) == [])
            }
        }
        #expect(await count(connection) == before)
        #expect(try await compiled(query("never asked for"), bench, connection) == statement)
        await bench.shutDown()
    }

    @Test("Lists of many lengths share few statements, and aggregates and searches are kept too")
    func lists() async throws {
        let (bench, connection) = try await bench()
        let a = try tenant("a")
        try await bench.insert((0..<100).map { bench.item($0, "n", $0) }, a)
        let before = await count(connection)
        for length in 1...100 {
            let values = (0..<length).map { Value.int64(Int64($0)) }
            #expect(try await bench.ids(.oneOf(field: "count", values), a).count == length)
        }
        // 1, 2, 4, 8 and 16 places, and a table for longer lists.
        #expect(await count(connection) == before + 6)
        for number in 0..<20 {
            let count = try bench.builder.aggregate(
                .compare(field: "count", .less, .int64(Int64(number))), [.init(.count)])
            #expect(try await bench.adapter.aggregate(count, in: a).int64(0, 0) == Int64(number))
        }
        #expect(await count(connection) == before + 7)
        await bench.shutDown()
    }

    @Test("The statement that was used the longest ago makes room, and is compiled again when it is needed")
    func eviction() async throws {
        let maximum = 4
        let (bench, connection) = try await bench(maximumStatements: maximum)
        let a = try tenant("a")
        try await bench.insert((0..<10).map { bench.item($0, "n", $0) }, a)
        // Each is of another shape, by the number of its parts.
        func query(_ parts: Int) -> Query {
            Query(filter: .or((0...parts).map { .compare(field: "count", .equal, .int64(Int64($0))) }))
        }
        func run(_ parts: Int) async throws {
            let found = try await bench.ids(query: query(parts), a)
            #expect(found == (0...parts).map { Int64($0) })
        }
        func isKept(_ parts: Int) async throws -> Bool {
            var query = query(parts)
            query.sort = [.init("id")]
            return try await compiled(query, bench, connection) != nil
        }
        for parts in 1...maximum { try await run(parts) }
        #expect(await count(connection) == maximum)
        try await run(1)
        try await run(maximum + 1)
        #expect(await count(connection) == maximum)
        #expect(try await isKept(1))
        #expect(try await !isKept(2))
        for parts in 3...maximum + 1 { #expect(try await isKept(parts)) }
        for round in 0..<3 { for parts in 1...9 { try await run((parts * 7 + round) % 9 + 1) } }
        #expect(await count(connection) == maximum)
        await bench.shutDown()
    }
}
