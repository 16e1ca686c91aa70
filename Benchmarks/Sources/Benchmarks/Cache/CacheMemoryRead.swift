import Tenancy
import TenancySQLite

/// Reads one record by its key, through a handle, from the cache in memory: all of a read but the database and the
/// process's own copies.
enum CacheMemoryRead: Benchmark {
    static let name = "cache-memory-read"

    private static let rows = 1 << 12

    static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
        let path = directory.path()
        var config = SDKConfig(database: .sqlite(path: path), entities: [Booking.self], cache: .memory())
        config.caching.localMaximumBytes = 0
        let sdk = try await MultiTenantSDK(config: config)
        try await sdk.tenants.create(TenantID("tenant-1"), name: "Tenant")
        let handle = try await sdk.tenant("tenant-1")
        try await handle.bulkCreate((1...rows).map { Booking.example($0) })
        for id in 1...rows { _ = try await handle.read(Booking.self, id) }
        let missed = sdk.data.cacheStatistics?.misses

        let records = EncodedBookings(count: rows)
        let comparison = Comparison(name: name, tasks: 1, seconds: seconds)
        let workers = Workers(tasks: 1, block: 16)
        let result = try await comparison.run(floor: EncodedBookings.floor) { duration in
            try await CacheExample.read(handle, count: Self.rows, workers, for: duration)
        } theirs: {
            try await records.read(for: $0)
        }
        guard sdk.data.cacheStatistics?.misses == missed else { throw BenchmarkError("The cache missed.") }
        await sdk.shutDown()
        directory.remove(path)
        return [result]
    }
}
