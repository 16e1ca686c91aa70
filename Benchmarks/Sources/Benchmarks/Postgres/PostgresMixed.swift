#if Postgres
    import Tenancy

    /// Point reads while slow statements run, beside the same reads alone. What counts is p99.
    ///
    /// Statements are slow for two reasons: they compute, which takes the machine's cores from the reads too, or they
    /// wait for a lock, which takes nothing but the connection that they are on.
    enum PostgresMixed: Benchmark {
        static let name = "pg-mixed-slow"

        private static let tasks = 64
        private static let slow = 4
        private static let heavyTenant = 200
        private static let heavyRows = 300_000

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await PostgresSDK.with(directory, [Reservation.self]) { bench in
                let reads = try await PointReads(bench)
                guard let heavy = try await bench.handles(heavyTenant...heavyTenant).first else { return [] }
                try await bench.server.administer(
                    Reservation.insert(tenants: heavyTenant...heavyTenant, ids: heavyRows) + "\nANALYZE reservations;")
                let workers = Workers(tasks: tasks)
                let comparison = Comparison(name: name, tasks: tasks, executor: "global", seconds: seconds)
                func alone(_ beside: String) -> Comparison.Floor {
                    Comparison.Floor("\(beside): the reads alone") { try await reads.read(workers, for: $0) }
                }
                let computing = try await comparison.run(floor: "\(slow) aggregates compute") { duration in
                    try await beside({ _ in try await aggregate(heavy) }) {
                        try await reads.read(workers, for: duration)
                    }
                } theirs: {
                    try await alone("").run($0)
                }
                let waiting = try await comparison.run(floor: "\(slow) updates wait for a lock") { duration in
                    let locks = try bench.server.startAdministering(hold)
                    let round: Result<Round, any Error>
                    do {
                        round = .success(
                            try await beside({ try await update(heavy, $0 + 1) }) {
                                try await reads.read(workers, for: duration)
                            })
                    } catch { round = .failure(error) }
                    await locks.end()
                    return try round.get()
                } theirs: {
                    try await alone("").run($0)
                }
                return [computing, waiting]
            }
        }

        /// Holds what the updates want, most of the time.
        private static let hold = String(
            repeating: """
                BEGIN;
                SELECT count(*) FROM (SELECT FROM reservations WHERE tenant_id = '\(heavyTenant)' AND id <= \(slow)
                    FOR UPDATE) held;
                SELECT pg_sleep(0.4);
                COMMIT;

                """, count: 200)

        private static func aggregate(_ handle: TenantHandle) async throws {
            let count = try await handle.query(Reservation.self).where { $0.passenger.contains("7 of some") }.count()
            guard count > 0 else { throw BenchmarkError("Nothing was counted.") }
        }

        private static func update(_ handle: TenantHandle, _ id: Int) async throws {
            try await handle.update(Reservation.example(id))
        }

        /// Repeats the slow statement in some tasks for as long as the body takes.
        private static func beside(
            _ statement: @escaping @Sendable (Int) async throws -> Void, _ body: () async throws -> Round
        ) async throws -> Round {
            let tasks = (0..<slow).map { number in
                Task {
                    var count = 0
                    while !Task.isCancelled {
                        do { try await statement(number) } catch {
                            if Task.isCancelled { break }
                            throw error
                        }
                        count += 1
                    }
                    return count
                }
            }
            // All of them are under way before the reads begin.
            try await Task.sleep(for: .milliseconds(50))
            let round: Result<Round, any Error>
            do { round = .success(try await body()) } catch { round = .failure(error) }
            for task in tasks { task.cancel() }
            for task in tasks { _ = try await task.value }
            return try round.get()
        }
    }
#endif
