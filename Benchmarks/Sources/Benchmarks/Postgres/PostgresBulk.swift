#if Postgres
    import Foundation
    import Tenancy

    /// Adds records with one `bulkCreate`, as its defaults are, to a table without rows and under row security.
    enum PostgresBulk: Benchmark {
        static let name = "pg-bulk"

        private static let rows = 100_000
        private static let tenant = 100

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await PostgresSDK.with(directory, [Reservation.self]) { bench in
                let server = bench.server
                guard let handle = try await bench.handles(tenant...tenant).first else { return [] }
                let reservations = (1...rows).map { Reservation.example($0) }
                try await server.administer(Reservation.insert(tenants: tenant...tenant, ids: rows))
                try await server.copyPlain("reservations")
                let file = directory.path()
                try await server.administer("\\copy reservations TO '\(file)'\n")
                let comparison = Comparison(name: name, tasks: 1, seconds: seconds)
                let results = try await comparison.run(
                    ours: { _ in
                        try await server.administer("TRUNCATE reservations")
                        return try await Round.measure {
                            let affected = try await handle.bulkCreate(reservations).affected
                            guard affected == rows else { throw BenchmarkError("Records are missing.") }
                            return (affected, [])
                        }
                    },
                    floors: [
                        Comparison.Floor("\\copy into a table without row security") { _ in
                            try await server.administer("TRUNCATE plain_reservations")
                            let duration = try await server.time("\\copy plain_reservations FROM '\(file)'")
                            return Round(operations: rows, duration: duration)
                        },
                        Comparison.Floor("single-row inserts, 1,000 a transaction, pgbench -M prepared") { _ in
                            try await server.administer("TRUNCATE plain_reservations")
                            let count = 10
                            var round = try await server.pgbench(
                                singles, clients: 1, duration: .zero, transactions: count)
                            round.operations *= singlesPerTransaction
                            return round
                        },
                    ])
                directory.remove(file)
                return results
            }
        }

        private static let singlesPerTransaction = 1_000

        /// One row a statement and a round trip. The table has lost its rows, and other ids are as good as ours.
        private static let singles: String = {
            let insert = """
                \\set id random(1, 1000000000000000)
                INSERT INTO plain_reservations (tenant_id, \(Reservation.columns)) VALUES ('\(tenant)', :id, \
                'Passenger number 1 of some', '1A', 1.25, '2013-01-01Z', '{"meal": "vegan", "bags": 1}');

                """
            return "BEGIN;\n" + String(repeating: insert, count: singlesPerTransaction) + "COMMIT;\n"
        }()
    }
#endif
