#if Postgres
    import Foundation
    import Tenancy

    /// Reads a million records of one tenant as a stream. What counts, beside the rate, is how little memory it takes.
    enum PostgresStream: Benchmark {
        static let name = "pg-stream"

        private static let tenant = 100
        private static let rows = 1_000_000

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await PostgresSDK.with(directory, [Reservation.self]) { bench in
                guard let handle = try await bench.handles(tenant...tenant).first else { return [] }
                try await bench.server.administer(Reservation.insert(tenants: tenant...tenant, ids: rows))
                try await bench.server.administer("VACUUM ANALYZE reservations")
                let copy = """
                    \\copy (SELECT \(Reservation.columns) FROM reservations WHERE tenant_id = '\(tenant)') TO '/dev/null'
                    """
                let idle = ProcessUsage.residentMebibytes
                let comparison = Comparison(name: name, tasks: 1, executor: "global", seconds: seconds)
                var result = try await comparison.run(floor: "\\copy to nowhere, as the administrator") { _ in
                    try await Round.measure {
                        var count = 0
                        for try await reservation in try await handle.query(Reservation.self).stream() {
                            if reservation.id > 0 { count += 1 }
                        }
                        guard count == rows else { throw BenchmarkError("Records are missing.") }
                        return (count, [])
                    }
                } theirs: { _ in
                    Round(operations: rows, duration: try await bench.server.time(copy))
                }
                result.mebibytesAboveIdle = result.peakMebibytes - idle
                return [result]
            }
        }
    }
#endif
