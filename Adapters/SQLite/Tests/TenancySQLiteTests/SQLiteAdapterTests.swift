import Foundation
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite struct SQLiteAdapterTests {
    @Test("What was written is read back, by its tenant only", arguments: models)
    func isolation(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let (a, b) = (try tenant("a"), try tenant("A"))
        try await bench.insert([bench.item(1, "one", 10, "1.5"), bench.item(2)], a)
        try await bench.insert([bench.item(1, "eins", 11)], b)
        let rows = try await bench.adapter.read(bench.entity, keys: [.int64(1), .int64(2), .int64(3)], in: a)
        #expect(rows.count == 2)
        #expect(try rows.string(0, 1) == "one")
        #expect(try rows.decimal(0, 3) == Decimal(string: "1.5"))
        #expect(rows.isNull(1, 1))
        let others = try await bench.adapter.read(bench.entity, keys: [.int64(1), .int64(2)], in: b)
        #expect(others.count == 1)
        #expect(try others.string(0, 1) == "eins")
        #expect(try await bench.ids(.always, b) == [1])
        let deleted = try await bench.adapter.write(bench.builder.delete(.always), in: b)
        #expect(deleted.affected == 1)
        #expect(try await bench.ids(.always, a) == [1, 2])
        try await bench.adapter.removeAllData(in: a)
        try await bench.adapter.removeAllData(in: a)
        #expect(try await bench.ids(.always, a) == [])
        #expect(await bench.adapter.health().isHealthy)
        await bench.shutDown()
        _ = await expect(.shutDown) { try await bench.ids(.always, a) }
    }

    @Test("A transaction commits, rolls back, nests, and is closed after its body", arguments: models)
    func transactions(_ model: SQLiteConfiguration.Model) async throws {
        struct Stop: Error {}
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        let leaked = try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
            try await bench.insert([bench.item(1)], a, on: transaction)
            _ = try? await transaction.withTransaction(TransactionOptions(), in: a) { nested in
                try await bench.insert([bench.item(2)], a, on: nested)
                throw Stop()
            }
            _ = try await transaction.withTransaction(TransactionOptions(), in: a) { nested in
                try await bench.insert([bench.item(3)], a, on: nested)
            }
            let other = try tenant("b")
            _ = await expect(.tenantMismatch) { try await bench.ids(query: Query(), other, on: transaction) }
            return transaction
        }
        #expect(try await bench.ids(.always, a) == [1, 3])
        _ = await expect(.transactionClosed) { try await bench.ids(query: Query(), a, on: leaked) }
        await #expect(throws: Stop.self) {
            try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
                try await bench.insert([bench.item(4)], a, on: transaction)
                throw Stop()
            }
        }
        #expect(try await bench.ids(.always, a) == [1, 3])
        await bench.shutDown()
    }
}

@Suite struct PointReadTests {
    @Test("Reads that are served together see every write acknowledged before them", arguments: models)
    func freshness(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<16 {
                group.addTask {
                    for step in 0..<40 {
                        let id = Int64(task * 100 + step)
                        try await bench.insert([bench.item(id, nil, id)], a)
                        let row = try await bench.adapter.read(bench.entity, keys: [.int64(id)], in: a)
                        #expect(try row.count == 1 && row.int64(0, 2) == id)
                    }
                }
            }
            try await group.waitForAll()
        }
        await bench.shutDown()
    }

    @Test("A task on the preferred executor reads the same")
    func preferredExecutor() async throws {
        let bench = try await Bench()
        let a = try tenant("a")
        try await bench.insert([bench.item(1)], a)
        let executor = try #require(bench.adapter.preferredExecutor(for: a.tenant))
        let count = try await Task(executorPreference: executor) {
            try await bench.adapter.read(bench.entity, keys: [1, 2], in: a).count
        }.value
        #expect(count == 1)
        await bench.shutDown()
    }
}
