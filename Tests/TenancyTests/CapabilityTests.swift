import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Capabilities")
struct CapabilityTests {
    private func stage(
        _ change: (inout DatabaseCapabilities) -> Void
    ) async throws -> (SteppedDatabase, TenantHandle) {
        var capabilities = DatabaseCapabilities()
        change(&capabilities)
        let database = SteppedDatabase(InMemoryDatabase(), capabilities: capabilities)
        return (database, try await MultiTenantSDK.make(database).newTenant())
    }

    private func expectUnsupported(
        _ database: SteppedDatabase, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async {
        let before = database.calls.load(ordering: .relaxed)
        await expectError(.unsupported, sourceLocation: sourceLocation, body)
        #expect(database.calls.load(ordering: .relaxed) == before, sourceLocation: sourceLocation)
    }

    @Test("Without transactions, what needs one is refused before anything is sent, and the rest works")
    func transactions() async throws {
        let (database, tenant) = try await stage {
            $0.hasTransactions = false
            $0.hasSavepoints = false
        }
        let items = (1...10).map { Item($0) }
        await expectUnsupported(database) { try await tenant.bulkCreate(items) }
        await expectUnsupported(database) { try await tenant.bulkDelete(Item.self, [1]) }
        await expectUnsupported(database) { try await tenant.transaction { _ in } }
        try await tenant.bulkCreate(items, options: BulkOptions(batchSize: 3, atomicity: .batch))
        #expect(try await tenant.query(Item.self).count() == 10)
    }

    @Test("Without savepoints, a bulk write that fails as a whole takes the transaction with it, caught or not")
    func savepoints() async throws {
        let (database, tenant) = try await stage { $0.hasSavepoints = false }
        await expectError(.transactionClosed) {
            try await tenant.transaction { transaction in
                try await transaction.create(Item(100))
                await expectError(.uniqueViolation) {
                    try await transaction.bulkCreate([Item(1), Item(2), Item(2)], options: BulkOptions(batchSize: 1))
                }
            }
        }
        #expect(try await tenant.query(Item.self).count() == 0)
        try await tenant.transaction { transaction in
            await expectUnsupported(database) { try await transaction.transaction { _ in } }
            try await transaction.bulkCreate([Item(1), Item(2)], options: BulkOptions(batchSize: 1))
        }
        #expect(try await tenant.query(Item.self).count() == 2)
    }

    @Test("With savepoints, such a bulk write is undone alone")
    func savepointsThere() async throws {
        let (_, tenant) = try await stage { _ in }
        try await tenant.transaction { transaction in
            try await transaction.create(Item(100))
            await expectError(.uniqueViolation) {
                try await transaction.bulkCreate([Item(1), Item(2), Item(2)], options: BulkOptions(batchSize: 1))
            }
        }
        #expect(try await tenant.query(Item.self).all().map(\.id) == [100])
    }

    @Test("Text is not matched without regard to case by a database that can't")
    func ignoringCase() async throws {
        let (database, tenant) = try await stage { $0.ignoresCase = false }
        let query = tenant.query(Item.self)
        await expectUnsupported(database) { _ = try await query.where { $0.label.equalsIgnoringCase("A") }.all() }
        await expectUnsupported(database) {
            _ = try await query.where { !($0.amount > 1 && $0.label.contains("A", ignoringCase: true)) }.count()
        }
        await expectUnsupported(database) {
            try await query.where { $0.label.hasPrefix("A", ignoringCase: true) }.delete()
        }
        #expect(try await query.where { $0.label.contains("A") }.count() == 0)
    }
}
