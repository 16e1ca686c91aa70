import Logging
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

/// What most tests store.
struct Item: Entity, Hashable {
    var id: Int
    var label: String
    var amount: Int

    static let schema = EntitySchema(
        "items", Item.init, .key("id", \.id), .field("label", \.label), .field("amount", \.amount),
        unique: [.on(\.label)])

    init(id: Int, label: String, amount: Int) {
        self.id = id
        self.label = label
        self.amount = amount
    }

    init(_ id: Int, _ amount: Int = 0) { self.init(id: id, label: "item \(id)", amount: amount) }
}

/// A record with a version.
struct Counter: Entity, Hashable {
    var id: String
    var value: Int
    var version: Int64

    static let schema = EntitySchema(
        "counters", Counter.init, .key("id", \.id), .field("value", \.value), .version("version", \.version))
}

/// A record that no SDK of the tests is configured with.
struct Stranger: Entity {
    var id: Int
    static let schema = EntitySchema("strangers", Stranger.init, .key("id", \.id))
}

extension MultiTenantSDK {
    /// An SDK on adapters that the caller keeps hold of.
    static func make(
        _ database: any DatabaseAdapter = InMemoryDatabase(), _ cache: (any CacheAdapter)? = nil,
        analytics: [any AnalyticsSink] = [], configure: (inout SDKConfig) -> Void = { _ in }
    ) async throws -> MultiTenantSDK {
        var config = SDKConfig(
            database: DatabaseSource(name: database.name) { _ throws(TenancyError) in database },
            entities: [Item.self, Counter.self],
            cache: cache.map { cache in CacheSource(name: cache.name) { _ throws(TenancyError) in cache } },
            analytics: analytics)
        config.caching.jitter = 0
        config.registry.deletionGrace = .zero
        configure(&config)
        return try await MultiTenantSDK(config: config)
    }

    /// A new tenant's handle.
    func newTenant(_ id: String = "UA") async throws -> TenantHandle {
        try await tenants.create(TenantID(id), name: id)
        return try await tenant(id)
    }
}

/// An SDK whose database and cache a test can stop, and a tenant's handle.
struct Stage {
    let database: GatedDatabase
    let cache: GatedCache
    let clock: ManualClock
    let sdk: MultiTenantSDK
    let tenant: TenantHandle

    init(
        database: GatedDatabase, cache: GatedCache, clock: ManualClock, sdk: MultiTenantSDK, tenant: TenantHandle
    ) {
        self.database = database
        self.cache = cache
        self.clock = clock
        self.sdk = sdk
        self.tenant = tenant
    }

    init(configure: (inout SDKConfig) -> Void = { _ in }) async throws {
        clock = ManualClock()
        database = GatedDatabase(InMemoryDatabase())
        cache = GatedCache(try MemoryCache(maximumBytes: 16 << 20, clock: clock), isRecording: true)
        let clock = clock
        sdk = try await MultiTenantSDK.make(database, cache) { config in
            config.timeOfDay = { CachedAge.microseconds(clock.now.offset) }
            config.localTime = { LocalTime.nanoseconds(clock.now.offset) }
            // Longer than any other task can be kept from taking over.
            config.caching.leaseWait = .seconds(30)
            configure(&config)
        }
        tenant = try await sdk.newTenant()
    }

    /// How many reads by key the database has had.
    var reads: Int { database.reads.load(ordering: .relaxed) }

    /// How many reads of the database `body` makes.
    func reads(_ body: () async throws -> Void) async throws -> Int {
        let before = reads
        try await body()
        return reads - before
    }

    /// Expects item 1 to have that amount, and returns how many reads of the database that took.
    func readsOfItem(_ amount: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Int {
        try await reads {
            let item = try await tenant.read(Item.self, 1)
            #expect(item?.amount == amount, sourceLocation: sourceLocation)
        }
    }
}

extension SDKConfig {
    /// A logger that nobody hears.
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}

/// Expects an error of that code.
func expectError(
    _ code: TenancyError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("Nothing was thrown.", sourceLocation: sourceLocation)
    } catch {
        #expect((error as? TenancyError)?.code == code, "\(error)", sourceLocation: sourceLocation)
    }
}
