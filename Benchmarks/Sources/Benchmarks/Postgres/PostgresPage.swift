#if Postgres
    import Tenancy

    /// Pages of 50 records in the order of an index, under row security: one from a time on, and the one after it.
    enum PostgresPage: Benchmark {
        static let name = "pg-page"

        private static let tenant = 100
        private static let rows = 100_000
        private static let tasks = 16
        private static let size = 50

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await PostgresSDK.with(directory, [Reservation.self]) { bench in
                guard let handle = try await bench.handles(tenant...tenant).first else { return [] }
                try await bench.server.administer(Reservation.insert(tenants: tenant...tenant, ids: rows))
                try await bench.server.copyPlain("reservations")
                let comparison = Comparison(name: name, tasks: tasks, executor: "global", seconds: seconds)
                let workers = Workers(tasks: tasks)
                let floor = "pgbench -M prepared, the same pages of a table without row security, \(tasks) clients"
                return [
                    try await comparison.run(floor: floor) { duration in
                        var round = try await workers.run(for: duration) { numbers in
                            for number in numbers { try await pages(handle, number) }
                        }
                        // Two pages are one operation of a worker.
                        round.operations *= 2
                        round.latencies = round.latencies.map { $0 / 2 }
                        return round
                    } theirs: {
                        try await bench.server.pgbench(script, clients: tasks, duration: $0)
                    }
                ]
            }
        }

        private static func pages(_ handle: TenantHandle, _ number: Int) async throws {
            let second = 1_357_000_000 + Int64(number &* 7_919 % 300_000) * 60
            let query = handle.query(Reservation.self)
                .where { $0.departure >= Timestamp(microsecondsSince1970: second * 1_000_000) }
                .sorted(by: \.departure)
            let first = try await query.page(size: size)
            let next = try await query.page(size: size, after: first.next)
            guard first.items.count == size, next.items.count == size else {
                throw BenchmarkError("A page is not full.")
            }
        }

        private static let script = """
            \\set second 1357000000 + random(0, 299999) * 60
            SELECT \(Reservation.columns) FROM plain_reservations
            WHERE tenant_id = '\(tenant)' AND departure >= to_timestamp(:second)
            ORDER BY departure, id LIMIT \(size + 1);

            """
    }
#endif
