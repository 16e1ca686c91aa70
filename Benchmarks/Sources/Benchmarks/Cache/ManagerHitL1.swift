import Synchronization
import Tenancy
import TenancySQLite

/// Reads one record by its key, through a handle, from the process's own copies in front of the cache.
enum ManagerHitL1: Benchmark {
    static let name = "manager-hit-l1"

    private static let rows = 1 << 12

    static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
        let path = directory.path()
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .sqlite(path: path), entities: [Booking.self], cache: .memory()))
        try await sdk.tenants.create(TenantID("tenant-1"), name: "Tenant")
        let handle = try await sdk.tenant("tenant-1")
        try await handle.bulkCreate((1...rows).map { Booking.example($0) })
        // Once from the database, once for every copy.
        for _ in 0..<2 { for id in 1...rows { _ = try await handle.read(Booking.self, id) } }

        let floor = LockedBookings(count: rows)
        var results: [Measurement] = []
        for tasks in [1, 2] {
            let missed = sdk.data.cacheStatistics.map { $0.hits + $0.misses }
            let comparison = Comparison(name: name, tasks: tasks, seconds: seconds)
            let workers = Workers(tasks: tasks, block: 64)
            results.append(
                try await comparison.run(floor: LockedBookings.floor) { duration in
                    try await CacheExample.read(handle, count: Self.rows, workers, for: duration)
                } theirs: {
                    try await floor.read(for: $0)
                })
            // Copies grow old, and then the cache is asked; nearly all were hits if that was rare.
            let asked = (sdk.data.cacheStatistics.map { $0.hits + $0.misses } ?? 0) - (missed ?? 0)
            guard asked <= 4 * rows else { throw BenchmarkError("The copies missed \(asked) times.") }
        }
        await sdk.shutDown()
        directory.remove(path)
        return results
    }
}

/// The least that keeping decoded records for many threads can be. No tenant is checked, nothing makes room, nothing
/// grows old.
private final class LockedBookings: Sendable {
    static let floor = "Mutex<[Int: Booking]>"

    private let values: Mutex<[Int: Booking]>
    private let count: Int

    init(count: Int) {
        self.count = count
        values = Mutex(
            Dictionary((1...count).map { ($0, Booking.example($0)) }, uniquingKeysWith: { first, _ in first }))
    }

    func read(for duration: Duration) async throws -> Round {
        let workers = Workers(tasks: 1, block: 64)
        return try await workers.run(for: duration) { [self] numbers in
            for number in numbers {
                let id = (CacheExample.position(number) & (count - 1)) + 1
                guard values.withLock({ $0[id] })?.id == id else { throw BenchmarkError("A value is missing.") }
            }
        }
    }
}
