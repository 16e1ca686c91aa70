#if Postgres
    import Tenancy

    /// Reads one record by its key, through a handle, under row security and without a cache.
    enum PostgresRead: Benchmark {
        static let name = "pg-read-rls"

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await PostgresSDK.with(directory, [Reservation.self]) { bench in
                let reads = try await PointReads(bench)
                var results: [Measurement] = []
                for tasks in [256, 1] {
                    let clients = tasks == 1 ? 1 : 16
                    for executor in Executor.all(bench.sdk) {
                        let comparison = Comparison(
                            name: name, tasks: tasks, executor: executor.name, seconds: seconds)
                        let workers = Workers(tasks: tasks, executor: executor.executor)
                        results += try await comparison.run(
                            ours: { try await reads.read(workers, for: $0) },
                            floors: [
                                reads.floor(PointReads.plainName, PointReads.plain, clients: clients),
                                reads.floor(PointReads.usualName, PointReads.usual, clients: clients),
                            ])
                    }
                }
                return results
            }
        }
    }

    /// The same read by the usual recipe, for the record: its own rate beside the same floor.
    enum PostgresReadUsual: Benchmark {
        static let name = "pg-read-rls-usual"

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await PostgresSDK.with(directory, [Reservation.self]) { bench in
                let reads = try await PointReads(bench)
                let usual = reads.floor(PointReads.usualName, PointReads.usual, clients: 16)
                let plain = reads.floor(PointReads.plainName, PointReads.plain, clients: 16)
                // The clients' processor time is pgbench's.
                let comparison = Comparison(name: name, tasks: 16, seconds: seconds)
                return try await comparison.run(ours: usual.run, floors: [plain])
            }
        }
    }
#endif
