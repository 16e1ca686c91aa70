import Foundation
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Bulk writes")
struct BulkTests {
    /// Ten records, of which the fifth can't be stored and the eighth collides with the first.
    private let flawed: [Item] = {
        var items = (0..<10).map { Item($0) }
        items[4].label = "a\u{0}b"
        items[7].label = items[0].label
        return items
    }()

    private func tenant() async throws -> TenantHandle { try await MultiTenantSDK.make().newTenant() }

    @Test("As a whole: the first failure is thrown with its position, and nothing is written")
    func whole() async throws {
        let tenant = try await tenant()
        do {
            try await tenant.bulkCreate(flawed, options: BulkOptions(batchSize: 3))
            Issue.record("Nothing was thrown.")
        } catch {
            #expect(error.code == .invalidValue && error.details.row == 4)
        }
        #expect(try await tenant.query(Item.self).count() == 0)
        do {
            try await tenant.bulkCreate(flawed.filter { $0.id != 4 }, options: BulkOptions(batchSize: 2))
            Issue.record("Nothing was thrown.")
        } catch {
            #expect(error.code == .uniqueViolation && error.details.row == 6)
        }
        #expect(try await tenant.query(Item.self).count() == 0)
    }

    @Test("By batch: the batches that fail are told, the others are written")
    func batch() async throws {
        let tenant = try await tenant()
        let result = try await tenant.bulkCreate(flawed, options: BulkOptions(batchSize: 3, atomicity: .batch))
        #expect(result.affected == 4)
        #expect(result.failures.map(\.row) == [4, 7])
        #expect(result.failures.map(\.error.code) == [.invalidValue, .uniqueViolation])
        #expect(result.failures.map(\.error.details.row) == [4, 7])
        #expect(result.unwritten == [3..<6, 6..<9])
        #expect(try await tenant.query(Item.self).sorted(by: \.id).all().map(\.id) == [0, 1, 2, 9])
    }

    @Test("By row: the rows that fail are told, the others are written")
    func row() async throws {
        let tenant = try await tenant()
        let result = try await tenant.bulkCreate(flawed, options: BulkOptions(batchSize: 3, atomicity: .row))
        #expect(result.affected == 8)
        #expect(result.failures.map(\.row) == [4, 7])
        #expect(result.failures.map(\.error.code) == [.invalidValue, .uniqueViolation])
        #expect(result.unwritten.isEmpty)
        #expect(try await tenant.query(Item.self).sorted(by: \.id).all().map(\.id) == [0, 1, 2, 3, 5, 6, 8, 9])
    }

    @Test("By row: a batch of which no row can be stored is no failure of the call")
    func allFlawed() async throws {
        let tenant = try await tenant()
        let result = try await tenant.bulkCreate(
            (0..<4).map { Item(id: $0, label: "\u{0}", amount: 0) }, options: BulkOptions(batchSize: 2, atomicity: .row)
        )
        #expect(result.affected == 0 && result.failures.map(\.row) == [0, 1, 2, 3])
    }

    @Test("Updates and removals tell what they did", arguments: [BulkOptions.Atomicity.whole, .batch, .row])
    func updateAndDelete(atomicity: BulkOptions.Atomicity) async throws {
        let tenant = try await tenant()
        try await tenant.bulkCreate((0..<10).map { Item($0) })
        let options = BulkOptions(batchSize: 4, atomicity: atomicity)
        #expect(try await tenant.bulkUpdate((0..<10).map { Item($0, 5) }, options: options).affected == 10)
        #expect(try await tenant.bulkUpsert((5..<15).map { Item($0, 6) }, options: options).affected == 10)
        #expect(try await tenant.query(Item.self).where { $0.amount == 6 }.count() == 10)
        #expect(try await tenant.bulkDelete(Item.self, Array(0..<100), options: options).affected == 15)
        #expect(try await tenant.query(Item.self).exists() == false)
    }

    @Test("A row whose key is not there fails an update")
    func missing() async throws {
        let tenant = try await tenant()
        try await tenant.create(Item(1))
        let result = try await tenant.bulkUpdate(
            [Item(0, 5), Item(1, 5), Item(2, 5)], options: BulkOptions(atomicity: .row))
        #expect(result.affected == 1 && result.failures.map(\.row) == [0, 2])
        #expect(result.failures.allSatisfy { $0.error.code == .notFound })
    }

    @Test("Versions are checked in bulk")
    func versions() async throws {
        let tenant = try await tenant()
        try await tenant.bulkCreate(["a", "b", "c"].map { Counter(id: $0, value: 0, version: 9) })
        let stored = try await tenant.read(Counter.self, ids: ["a", "b", "c"])
        #expect(stored.map(\.version) == [1, 1, 1])
        try await tenant.update(stored[1])
        let result = try await tenant.bulkUpdate(stored, options: BulkOptions(atomicity: .row))
        #expect(result.affected == 2 && result.failures.map(\.error.code) == [.staleVersion])
        await expectError(.staleVersion) { try await tenant.bulkUpdate(stored) }
        #expect(try await tenant.read(Counter.self, ids: ["a", "b", "c"]).map(\.version) == [2, 2, 2])
    }

    @Test("A removal with a key that can't be one is told by its position")
    func badKeys() async throws {
        let tenant = try await tenant()
        try await tenant.create(Counter(id: "a", value: 0, version: 0))
        let ids = ["b", "\u{0}", "a"]
        let byRow = try await tenant.bulkDelete(
            Counter.self, ids, options: BulkOptions(batchSize: 1, atomicity: .batch))
        #expect(byRow.failures.map(\.row) == [1] && byRow.affected == 1)
        do {
            try await tenant.bulkDelete(Counter.self, ids)
            Issue.record("Nothing was thrown.")
        } catch {
            #expect(error.code == .invalidValue && error.details.row == 1)
        }
    }

    @Test("Progress counts the batches, and knows the total of a collection only")
    func progress() async throws {
        let tenant = try await tenant()
        let seen = Mutex<[BulkProgress]>([])
        let options = BulkOptions(batchSize: 4, atomicity: .row) { progress in seen.withLock { $0.append(progress) } }
        try await tenant.bulkCreate(flawed, options: options)
        let first = seen.withLock { $0 }
        #expect(first.map(\.processed) == [4, 8, 10])
        #expect(first.map(\.failed) == [0, 2, 2])
        #expect(first.map(\.total) == [10, 10, 10])
        seen.withLock { $0 = [] }
        let endless = sequence(first: 100) { $0 < 109 ? $0 + 1 : nil }.lazy.map { Item($0) }
        try await tenant.bulkCreate(endless, options: options)
        let second = seen.withLock { $0 }
        #expect(second.map(\.processed) == [4, 8, 10])
        #expect(second.map(\.total) == [nil, nil, nil])
    }

    @Test("Inside a transaction a whole bulk write that fails is undone by itself")
    func inTransaction() async throws {
        let tenant = try await tenant()
        try await tenant.transaction { transaction in
            try await transaction.create(Item(100))
            await expectError(.invalidValue) {
                try await transaction.bulkCreate(flawed, options: BulkOptions(batchSize: 2))
            }
            #expect(try await transaction.query(Item.self).count() == 1)
        }
        #expect(try await tenant.query(Item.self).count() == 1)
    }

    @Test("Nothing is nothing", arguments: [BulkOptions.Atomicity.whole, .batch, .row])
    func nothing(atomicity: BulkOptions.Atomicity) async throws {
        let tenant = try await tenant()
        let result = try await tenant.bulkCreate([Item](), options: BulkOptions(atomicity: atomicity))
        #expect(result.affected == 0 && result.failures.isEmpty && result.unwritten.isEmpty)
        #expect(try await tenant.bulkDelete(Item.self, [Int]()).affected == 0)
    }
}
