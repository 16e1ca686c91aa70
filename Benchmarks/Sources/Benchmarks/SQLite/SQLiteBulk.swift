import Synchronization
import Tenancy
import TenancySQLite

/// Adds records to an empty table with one `bulkCreate`, as its defaults are: all or nothing, in batches of 1,000.
enum SQLiteBulk: Benchmark {
    static let name = "sqlite-bulk"

    private static let rows = 50_000
    private static let tenant = "tenant-1"

    static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
        let bookings = (1...rows).map { Booking.example($0) }
        let prepared = FloorRows(bookings)
        let schema = try await schema(directory)
        let comparison = Comparison(name: name, tasks: 1, seconds: seconds)
        let result = try await comparison.run(floor: "C loop over one prepared insert in one transaction") { duration in
            try await repeated(for: duration) { try await create(bookings, directory) }
        } theirs: { duration in
            try await repeated(for: duration) { try await insert(prepared, schema, directory) }
        }
        return [result]
    }

    /// Rounds until the time is over, at least one, as one.
    private static func repeated(for duration: Duration, _ body: () async throws -> Round) async throws -> Round {
        var sum = Round()
        repeat {
            let round = try await body()
            sum.operations += round.operations
            sum.duration += round.duration
            sum.cpu += round.cpu
            sum.latencies += round.latencies
        } while sum.duration < duration
        return sum
    }

    /// What a caller waits for is a batch; its latency is shared out among its records.
    private static func create(_ bookings: [Booking], _ directory: Directory) async throws -> Round {
        let path = directory.path()
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .sqlite(path: path), entities: [Booking.self]))
        try await sdk.tenants.create(TenantID(tenant), name: "Tenant")
        let handle = try await sdk.tenant(tenant)
        let batches = Batches()
        let round = try await Round.measure {
            let result = try await handle.bulkCreate(
                bookings, options: BulkOptions(progress: { batches.end($0.processed) }))
            return (result.affected, batches.latencies)
        }
        guard round.operations == bookings.count else { throw BenchmarkError("Records are missing.") }
        await sdk.shutDown()
        directory.remove(path)
        return round
    }

    private static func insert(_ rows: FloorRows, _ schema: String, _ directory: Directory) async throws -> Round {
        let path = directory.path()
        let floor = try SQLiteFloor(path)
        try floor.execute(schema)
        let round = try await Round.measure {
            try floor.insert(rows, tenant: tenant)
            return (rows.rows.count, [])
        }
        directory.remove(path)
        return round
    }

    /// The table and the index as the adapter makes them, so that both fill the same.
    private static func schema(_ directory: Directory) async throws -> String {
        let path = directory.path()
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .sqlite(path: path), entities: [Booking.self]))
        await sdk.shutDown()
        let schema = try SQLiteFloor(path).schema(of: Booking.schema.description.name)
        directory.remove(path)
        return schema
    }

    /// The times at which batches ended.
    private final class Batches: Sendable {
        private struct State {
            var last = ContinuousClock.now
            var processed = 0
            var latencies: [UInt32] = []
        }

        private let state = Mutex(State())

        var latencies: [UInt32] { state.withLock(\.latencies) }

        func end(_ processed: Int) {
            state.withLock { state in
                let now = ContinuousClock.now
                let nanoseconds = state.last.duration(to: now) / .nanoseconds(1) / Double(processed - state.processed)
                state.latencies.append(UInt32(nanoseconds))
                state.last = now
                state.processed = processed
            }
        }
    }
}
