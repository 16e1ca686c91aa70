import Foundation
import Tenancy
import TenancyCore
import Testing

@testable import TenancySQLite

@Suite struct SelfWaitTests {
    private func refused(
        _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async {
        let begun = ContinuousClock.now
        let error = await expect(.transactionConflict, location, body)
        #expect(ContinuousClock.now - begun < .seconds(5), sourceLocation: location)
        #expect(error?.hint.contains("transaction") == true, sourceLocation: location)
        #expect(error?.isRetryable == false, sourceLocation: location)
    }

    @Test("A write that would wait for the transaction that it is made in is refused at once", arguments: models)
    func inBody(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(model: model)
        let a = try tenant("a")
        try await bench.adapter.withTransaction(TransactionOptions(), in: a) { transaction in
            try await bench.insert([bench.item(1)], a, on: transaction)
            await refused { try await bench.insert([bench.item(2)], a) }
            await refused { try await bench.adapter.removeAllData(in: a) }
            await refused {
                try await bench.adapter.withTransaction(TransactionOptions(), in: a) { _ in
                    _ = Issue.record("it began")
                }
            }
            await refused {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await bench.insert([bench.item(2)], a) }
                    try await group.waitForAll()
                }
            }
            try await transaction.withTransaction(TransactionOptions(), in: a) { nested in
                await refused { try await bench.insert([bench.item(2)], a) }
                try await bench.insert([bench.item(3)], a, on: nested)
            }
            // Reads wait for nobody, and see what was committed.
            #expect(try await bench.ids(.always, a) == [])
        }
        #expect(try await bench.ids(.always, a) == [1, 3])
        try await bench.insert([bench.item(4)], a)
        await bench.shutDown()
    }

    @Test("Who waits for the transaction from without, or for nothing, is let be")
    func others() async throws {
        let bench = try await Bench()
        let files = try await Bench(model: .filePerTenant)
        let (a, b) = (try tenant("a"), try tenant("b"))
        let later = try await bench.adapter.withTransaction(TransactionOptions(), in: a) { _ in
            let detached = Task.detached { try await bench.insert([bench.item(1)], a) }
            try await Task.sleep(for: .milliseconds(30))
            // Another file, of another adapter.
            try await files.insert([files.item(1)], a)
            try await files.adapter.withTransaction(TransactionOptions(), in: a) { _ in
                try await files.insert([files.item(1)], b)
                await refused { try await files.insert([files.item(2)], a) }
                await refused { try await bench.insert([bench.item(2)], a) }
            }
            return detached
        }
        #expect(try await later.value.affected == 1)
        let outliving = try await bench.adapter.withTransaction(TransactionOptions(), in: a) { _ in
            Task {
                try await Task.sleep(for: .milliseconds(50))
                return try await bench.insert([bench.item(2)], a)
            }
        }
        #expect(try await outliving.value.affected == 1)
        try await bench.adapter.withTransaction(TransactionOptions(isReadOnly: true), in: a) { _ in
            _ = try await bench.insert([bench.item(3)], a)
        }
        #expect(try await bench.ids(.always, a) == [1, 2, 3])
        await bench.shutDown()
        await files.shutDown()
    }
}
