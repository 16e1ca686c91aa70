import Foundation
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite(.serialized) struct RemovalTests {
    private let planted = "plantedvalue7f3a"

    /// The files in a directory, at any depth, that hold some bytes.
    private func holders(_ directory: TemporaryDirectory) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: directory.path).filter { name in
            let data = FileManager.default.contents(atPath: directory.path + "/" + name)
            return data?.range(of: Data(planted.utf8)) != nil
        }
    }

    private func searched() -> EntityDescription { Fields.item(search: [.init(column: 1, weight: 1)]) }

    @Test("Nothing of a removed tenant stays in any file, and other tenants keep theirs", arguments: models)
    func bytes(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(searched(), model: model)
        let (a, b) = (try tenant("a"), try tenant("b"))
        let long = planted + String(repeating: " of many words", count: 2_000)
        for id in 0..<50 { try await bench.insert([bench.item(Int64(id), id % 7 == 0 ? long : "\(planted) \(id)")], a) }
        try await bench.insert((0..<100).map { bench.item($0, "kept") }, b)
        #expect(try !holders(bench.directory).isEmpty)
        try await bench.adapter.removeAllData(in: a)
        #expect(try holders(bench.directory) == [])
        if model == .filePerTenant {
            #expect(try FileManager.default.contentsOfDirectory(atPath: bench.path).filter { $0.hasPrefix("a.") } == [])
        }
        #expect(try await bench.ids(.always, a) == [])
        #expect(try await bench.ids(.always, b).count == 100)
        try await bench.insert([bench.item(1, "again")], a)
        let search = try #require(
            try bench.builder.search(
                planted, filter: .always, requiresAllWords: true, lastWordIsPrefix: false, limit: 5))
        #expect(try await bench.adapter.search(search, in: a).count == 0)
        await bench.shutDown()
        #expect(try holders(bench.directory) == [])
    }

    @Test("A removal whose time is over goes on where it ended, and others write meanwhile")
    func steps() async throws {
        let bench = try await Bench(searched(), model: .shared)
        let (a, b) = (try tenant("a"), try tenant("b"))
        for first in stride(from: 0, to: 30_000, by: 10_000) {
            try await bench.insert((first..<first + 10_000).map { bench.item(Int64($0), "\(planted) \($0)") }, a)
        }
        var left = [30_000]
        while left.last != 0, left.count < 1_000 {
            var context = a
            context.deadline = .now + .milliseconds(20)
            do throws(TenancyError) {
                try await bench.adapter.removeAllData(in: context)
            } catch {
                #expect(error.code == .timeout, "\(error)")
            }
            try await bench.insert([bench.item(Int64(left.count), "kept")], b)
            left.append(try await bench.ids(.always, a).count)
        }
        #expect(left == left.sorted(by: >), "nothing comes back")
        #expect(left.last == 0)
        #expect(left.contains { $0 > 0 && $0 < 30_000 }, "some steps were done when the time was over: \(left)")
        #expect(try await bench.ids(.always, b).count == left.count - 1)
        try await bench.adapter.removeAllData(in: a)
        await bench.shutDown()
        #expect(try holders(bench.directory) == [])
    }

    @Test("A deleted or replaced value does not stay in the file's free space", arguments: models)
    func freeSpace(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        try await bench.insert((0..<500).map { bench.item($0, planted + String(repeating: "x", count: 500)) }, a)
        _ = try await bench.adapter.write(
            bench.builder.update(.compare(field: "id", .less, 100), [Assignment("name", .set("y"))]), in: a)
        _ = try await bench.adapter.write(bench.builder.delete(.compare(field: "id", .greaterOrEqual, 100)), in: a)
        await bench.shutDown()
        #expect(try holders(bench.directory) == [])
    }

    @Test("Rows of entities that are no longer declared are removed too, searched ones as well")
    func undeclared() async throws {
        let former = EntityDescription(
            name: "former",
            fields: [Fields.field("id", .int64), Fields.field("name", .string)], keyColumn: 0, versionColumn: nil,
            indexes: [], searchFields: [.init(column: 1, weight: 1)])
        let directory = try TemporaryDirectory()
        let (a, b) = (try tenant("a"), try tenant("b"))
        let old = try await Bench(in: directory, start: false)
        try await old.adapter.start([old.entity, former])
        let builder = StatementBuilder(former, maximumValueBytes: 1_000)
        for context in [a, b] {
            var batch = ColumnBatch(former, capacity: 1)
            try batch.append([1, "a former entity's"])
            _ = try await old.adapter.write(builder.write(.insert(batch)), in: context)
        }
        await old.shutDown()
        let new = try await Bench(in: directory)
        try await new.insert([new.item(1)], a)
        try await new.adapter.removeAllData(in: a)
        #expect(try await new.ids(.always, a) == [])
        await new.shutDown()
        let again = try await Bench(in: directory, start: false)
        try await again.adapter.start([again.entity, former])
        #expect(try await again.adapter.read(former, keys: [1], in: a).count == 0)
        #expect(try await again.adapter.read(former, keys: [1], in: b).count == 1)
        let found = try #require(
            try builder.search("former", filter: .always, requiresAllWords: true, lastWordIsPrefix: false, limit: 5))
        #expect(try await again.adapter.search(found, in: a).count == 0)
        #expect(try await again.adapter.search(found, in: b).count == 1)
        await again.shutDown()
    }

    @Test("Another adapter on the directory notices a removal at its next call, whatever that is")
    func otherAdapter() async throws {
        let first = try await Bench(model: .filePerTenant)
        let second = try await Bench(first.entity, model: .filePerTenant, in: first.directory)
        let a = try tenant("a")
        let all = try first.builder.select(Query(sort: [.init("id")]))
        let calls: [@Sendable (Int64) async throws -> Int] = [
            { try await second.adapter.read(second.entity, keys: [.int64($0)], in: a).count },
            { try await second.ids(.compare(field: "id", .equal, .int64($0)), a).count },
            { _ in
                var count = 0
                for try await batch in try await second.adapter.stream(all, batchSize: 10, in: a) {
                    count += batch.count
                }
                return count
            },
            { id in
                try await second.adapter.withTransaction(TransactionOptions(), in: a) {
                    try await $0.read(second.entity, keys: [.int64(id)], in: a).count
                }
            },
            { id in
                try await second.adapter.withTransaction(TransactionOptions(isReadOnly: true), in: a) {
                    try await $0.read(second.entity, keys: [.int64(id)], in: a).count
                }
            },
            { _ in
                try await second.insert([second.item(1_000)], a)
                return try await first.ids(.always, a).count - 1
            },
        ]
        for (number, call) in calls.enumerated() {
            for renews in [false, true] {
                let id = Int64(number * 2 + (renews ? 1 : 0))
                try await first.insert([first.item(id)], a)
                #expect(try await second.ids(.always, a) == [id])
                try await first.adapter.removeAllData(in: a)
                if renews { try await first.insert([first.item(id)], a) }
                #expect(try await call(id) == (renews ? 1 : 0), "call \(number), renewed: \(renews)")
                try await second.adapter.removeAllData(in: a)
                #expect(try await first.ids(.always, a) == [])
            }
        }
        await first.shutDown()
        await second.shutDown()
    }

    @Test("Removals among writers and readers of two adapters lose nothing that was written after them")
    func concurrent() async throws {
        let first = try await Bench(model: .filePerTenant) { $0.maximumOpenFiles = 1 }
        let second = try await Bench(model: .filePerTenant, in: first.directory)
        let a = try tenant("a")
        for round in 0..<8 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, bench) in [first, second, first, second].enumerated() {
                    group.addTask {
                        for step in 0..<10 {
                            let id = Int64(round * 1_000 + number * 100 + step)
                            try await bench.insert([bench.item(id)], a)
                            _ = try await bench.adapter.read(bench.entity, keys: [.int64(id)], in: a)
                            _ = try await bench.ids(.always, tenant("b"))
                        }
                    }
                }
                for bench in [first, second] {
                    group.addTask {
                        for _ in 0..<3 { try await bench.adapter.removeAllData(in: a) }
                    }
                }
                try await group.waitForAll()
            }
            try await (round % 2 == 0 ? first : second).insert([first.item(-1)], a)
            let (mine, others) = (try await first.ids(.always, a), try await second.ids(.always, a))
            #expect(mine == others && mine.first == -1)
            try await second.adapter.removeAllData(in: a)
            #expect(try await first.ids(.always, a) == [])
        }
        await first.shutDown()
        await second.shutDown()
    }

    @Test("What a removal that was broken off left behind does not get into the tenant's next file")
    func leftovers() async throws {
        let bench = try await Bench(model: .filePerTenant)
        let a = try tenant("a")
        try await bench.insert((0..<100).map { bench.item($0, planted) }, a)
        let file = bench.path + "/a.sqlite"
        let beside = try ["-wal", "-shm"].map { ($0, try Data(contentsOf: URL(fileURLWithPath: file + $0))) }
        try await bench.adapter.removeAllData(in: a)
        for (suffix, data) in beside { try data.write(to: URL(fileURLWithPath: file + suffix)) }
        try await bench.insert([bench.item(7)], a)
        #expect(try await bench.ids(.always, a) == [7])
        await bench.shutDown()
        #expect(try holders(bench.directory) == [])
        let again = try await Bench(model: .filePerTenant, in: bench.directory)
        #expect(try await again.ids(.always, a) == [7])
        await again.shutDown()
    }

    @Test("A stream and a transaction under way end as they began, or say that the file was removed")
    func underWay() async throws {
        let bench = try await Bench(model: .filePerTenant)
        let a = try tenant("a")
        try await bench.insert((0..<500).map { bench.item($0) }, a)
        let all = try bench.builder.select(Query(sort: [.init("id")]))
        var iterator = try await bench.adapter.stream(all, batchSize: 100, in: a).makeAsyncIterator()
        #expect(try await iterator.next()?.count == 100)
        try await bench.adapter.removeAllData(in: a)
        var rest = 0
        while let batch = try await iterator.next() { rest += batch.count }
        #expect(rest == 400)
        try await bench.insert([bench.item(1)], a)
        let remover = try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
            let remover = Task.detached { try await bench.adapter.removeAllData(in: a) }
            try await Task.sleep(for: .milliseconds(30))
            try await bench.insert([bench.item(2)], a, on: transaction)
            return remover
        }
        try await remover.value
        #expect(try await bench.ids(.always, a) == [])
        await bench.shutDown()
    }
}
