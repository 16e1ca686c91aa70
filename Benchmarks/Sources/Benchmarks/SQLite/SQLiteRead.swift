import CFloor
import Tenancy
import TenancySQLite

/// Reads one record by its key, through a handle, without a cache.
///
/// A read outside a transaction takes and gives back SQLite's lock, as the first floor does. Reads that many tasks ask for
/// at once share a transaction and so a lock, which is why they can pass that floor; the second floor shares it too.
enum SQLiteRead: Benchmark {
    static let name = "sqlite-read"

    private static let tenants = 100
    private static let rowsPerTenant = 1_000
    /// A power of two, so that numbers of operations fold into it.
    private static let requests = 1 << 16
    /// How many reads of the floor are one call into C: as many as 64 tasks can ask for at once.
    private static let floorBlock = 64

    static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
        let path = directory.path()
        let sdk = try await MultiTenantSDK(
            config: SDKConfig(database: .sqlite(path: path), entities: [Booking.self]))
        do {
            let results = try await measure(sdk, path, seconds)
            await sdk.shutDown()
            directory.remove(path)
            return results
        } catch {
            await sdk.shutDown()
            throw error
        }
    }

    private static func measure(_ sdk: MultiTenantSDK, _ path: String, _ seconds: Double) async throws -> [Measurement]
    {
        var handles: [TenantHandle] = []
        for tenant in 0..<tenants {
            try await sdk.tenants.create(TenantID("tenant-\(tenant)"), name: "Tenant \(tenant)")
            let handle = try await sdk.tenant("tenant-\(tenant)")
            try await handle.bulkCreate((1...rowsPerTenant).map { Booking.example($0) })
            handles.append(handle)
        }
        // The same requests for ours and for the floor, in an order that no page is read in twice.
        var random = Generator(state: 42)
        let requests = (0..<requests).map { _ in
            floor_request(
                tenant: Int32.random(in: 0..<Int32(tenants), using: &random),
                id: Int64.random(in: 1...Int64(rowsPerTenant), using: &random))
        }
        let floor = try SQLiteFloor(path)
        let all = handles
        let names = handles.map(\.id.rawValue)
        var results: [Measurement] = []
        for tasks in [1, 64] {
            let comparison = Comparison(name: name, tasks: tasks, seconds: seconds)
            var floors = [
                Comparison.Floor("C loop over one prepared statement, a lock a read") {
                    try await read(requests, floor, names, for: $0, transactions: false)
                }
            ]
            if tasks > 1 {
                floors.append(
                    Comparison.Floor("C loop over one prepared statement, \(floorBlock) reads a transaction") {
                        try await read(requests, floor, names, for: $0, transactions: true)
                    })
            }
            let workers = Workers(tasks: tasks)
            results +=
                try await comparison.run(
                    ours: { duration in
                        try await workers.run(for: duration) { numbers in
                            for number in numbers {
                                let request = requests[number & (Self.requests - 1)]
                                let booking = try await all[Int(request.tenant)].read(Booking.self, Int(request.id))
                                guard booking?.id == Int(request.id) else {
                                    throw BenchmarkError("A record is missing.")
                                }
                            }
                        }
                    }, floors: floors)
        }
        return results
    }

    /// Reads in blocks, each of which is one call into C.
    private static func read(
        _ requests: [floor_request], _ floor: SQLiteFloor, _ tenants: [String], for duration: Duration,
        transactions: Bool
    ) async throws -> Round {
        let names = CStrings(tenants)
        return try await Round.measure {
            let end = ContinuousClock.now + duration
            let block = floorBlock
            var count = 0
            while ContinuousClock.now < end {
                let start = count & (Self.requests - 1)
                if transactions { try floor.execute("BEGIN") }
                try floor.read(requests[start..<start + block], tenants: names.pointers)
                if transactions { try floor.execute("COMMIT") }
                count += block
            }
            return (count, [])
        }
    }
}

/// Small, fast, and the same in every run, which the system's is not.
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
