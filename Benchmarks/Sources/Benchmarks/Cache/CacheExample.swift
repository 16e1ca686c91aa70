import Synchronization
import Tenancy

/// What the caches are measured with: small values under keys of many tenants.
struct CacheExample {
    static let count = 1 << 14
    private static let tenants = 100

    let keys: [CacheKey]
    let tenants: [TenantID]
    let dictionary: LockedDictionary
    let value = [UInt8](repeating: 7, count: 120)

    init() throws {
        let ids = try (0..<Self.tenants).map { try TenantID("tenant-\($0)") }
        keys = (0..<Self.count).map { CacheKey("r:bookings:0123456789abcdef:\($0)") }
        tenants = (0..<Self.count).map { ids[($0 &* 31) % Self.tenants] }
        let value = value
        dictionary = LockedDictionary(zip(tenants, keys).map { ("\($0):\($1.text)", value) })
    }

    /// The order in which keys are asked for, so that neighbours in memory are not neighbours in time.
    static func position(_ number: Int) -> Int { (number &* 7_919) & (count - 1) }

    /// Reads bookings of ids from 1 to a power of two through a handle, for a while.
    static func read(
        _ handle: TenantHandle, count: Int, _ workers: Workers, for duration: Duration
    ) async throws -> Round {
        try await workers.run(for: duration) { numbers in
            for number in numbers {
                let id = (position(number) & (count - 1)) + 1
                guard try await handle.read(Booking.self, id)?.id == id else {
                    throw BenchmarkError("A record is missing.")
                }
            }
        }
    }
}

/// The least that a cache for many threads can be.
final class LockedDictionary: Sendable {
    static let floor = "Mutex<[String: [UInt8]]>"

    private let values: Mutex<[String: [UInt8]]>
    private let names: [String]

    init(_ values: [(String, [UInt8])]) {
        self.values = Mutex(Dictionary(values, uniquingKeysWith: { first, _ in first }))
        names = values.map(\.0)
    }

    /// Looks values up for a while, by names that were made before.
    func read(for duration: Duration) async throws -> Round {
        let workers = Workers(tasks: 1, block: 64)
        return try await workers.run(for: duration) { [self] numbers in
            for number in numbers {
                let value = values.withLock { $0[names[CacheExample.position(number)]] }
                guard value?.count ?? 0 > 0 else { throw BenchmarkError("A value is missing.") }
            }
        }
    }
}
