import Foundation
import Synchronization
import Tenancy
import TenancyCore
import TenancySQLite
import Testing

@Suite("Repeated transactions on SQLite")
struct TransactionRetryOnSQLiteTests {
    private struct Note: Entity {
        var id: Int
        static let schema = EntitySchema("notes", Note.init, .key("id", \.id))
    }

    @Test("A transaction that finds the file locked by another process is run again", .timeLimit(.minutes(1)))
    func busy() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tenancy-retry-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "app.sqlite").path
        let database = DatabaseSource.sqlite(path: path) { $0.busyTimeout = .milliseconds(20) }
        let config = SDKConfig(database: database, entities: [Note.self])
        let sdk = try await MultiTenantSDK(config: config)
        try await sdk.tenants.create(TenantID("UA"), name: "United")
        // A second SDK has connections of its own, as another process would.
        let other = try await MultiTenantSDK(config: config)
        let (ours, theirs) = (try await sdk.tenant("UA"), try await other.tenant("UA"))
        let isHeld = Atomic(false)
        let mayEnd = Atomic(false)
        let holder = Task {
            try await theirs.transaction(retry: .never) { transaction in
                try await transaction.create(Note(id: 1))
                isHeld.store(true, ordering: .sequentiallyConsistent)
                while !mayEnd.load(ordering: .sequentiallyConsistent) { try await Task.sleep(for: .milliseconds(1)) }
            }
        }
        while !isHeld.load(ordering: .sequentiallyConsistent) { try await Task.sleep(for: .milliseconds(1)) }
        do {
            try await ours.transaction(retry: .never) { try await $0.create(Note(id: 2)) }
            Issue.record("The file was not locked.")
        } catch {
            #expect((error as? TenancyError)?.code == .locked)
        }
        let waiter = Task {
            try await ours.transaction(retry: TransactionRetry(maximumAttempts: 1_000)) { transaction in
                _ = try await transaction.create(Note(id: 3))
            }
        }
        try await Task.sleep(for: .milliseconds(100))
        mayEnd.store(true, ordering: .sequentiallyConsistent)
        try await holder.value
        try await waiter.value
        #expect(try await ours.query(Note.self).sorted(by: \.id).all().map(\.id) == [1, 3])
        await other.shutDown()
        await sdk.shutDown()
    }
}
