import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Lifetime")
struct LifetimeTests {
    private final class Watched {
        weak var sdk: MultiTenantSDK?
        weak var data: DataManager?
        weak var database: InMemoryDatabase?
        weak var cache: MemoryCache?
        weak var entry: TenantEntry?
    }

    private func use(_ watched: Watched, shutsDown: Bool) async throws {
        let database = InMemoryDatabase()
        let cache = try MemoryCache(maximumBytes: 1 << 20)
        let sdk = try await MultiTenantSDK.make(database, cache)
        let tenant = try await sdk.newTenant()
        try await tenant.create(Item(1))
        _ = try await tenant.read(Item.self, 1)
        try await tenant.transaction { try await $0.create(Item(2)) }
        _ = try await tenant.query(Item.self).page(size: 1)
        try await sdk.withSystemAccess(reason: "r", actor: "a") { access in
            try await access.forEachTenant { _, handle in _ = try await handle.query(Item.self).count() }
        }
        watched.sdk = sdk
        watched.data = sdk.data
        watched.database = database
        watched.cache = cache
        watched.entry = sdk.data.entries[tenant.id]
        #expect(watched.data != nil && watched.entry != nil)
        if shutsDown { await sdk.shutDown() }
    }

    @Test("An SDK that nobody holds is freed with all it holds, shut down or not", arguments: [true, false])
    func freed(shutsDown: Bool) async throws {
        let watched = Watched()
        try await use(watched, shutsDown: shutsDown)
        // A task that just ended may hold on a little longer.
        for _ in 0..<500 where watched.data != nil || watched.database != nil {
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(watched.sdk == nil && watched.data == nil && watched.database == nil)
        #expect(watched.cache == nil && watched.entry == nil)
    }
}
