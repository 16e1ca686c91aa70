#if Postgres && Redis
    import Tenancy

    /// Reads one record by its key, through a handle, from Redis; beside a value of 256 bytes through the adapter alone.
    enum ManagerHitL2: Benchmark {
        static let name = "manager-hit-l2"

        private static let rows = 1 << 12

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await RedisExample.with { example in
                try await CachedSDK.with(directory, [Booking.self]) { bench in
                    try await bench.sdk(isCached: true) { sdk, database in
                        let handle = try await bench.handle(sdk)
                        try await handle.bulkCreate((1...rows).map { Booking.example($0) })
                        _ = try await handle.read(Booking.self, ids: Array(1...rows))
                        let before = database.statements
                        var results: [Measurement] = []
                        for tasks in [1, 16, 256] {
                            for (executor, bare) in zip(Executor.all(sdk, for: handle.id), example.executors) {
                                let comparison = Comparison(
                                    name: name, tasks: tasks, executor: executor.name, seconds: seconds)
                                let workers = Workers(tasks: tasks, executor: executor.executor)
                                let bareWorkers = Workers(tasks: tasks, executor: bare.executor)
                                results.append(
                                    try await comparison.run(floor: RedisGet.name) {
                                        try await CacheExample.read(handle, count: rows, workers, for: $0)
                                    } theirs: {
                                        try await example.get(bareWorkers, for: $0)
                                    })
                            }
                        }
                        // Life times end at times that vary, so a few may have been loaded again.
                        guard database.statements - before <= rows else {
                            throw BenchmarkError("The cache missed \(database.statements - before) times.")
                        }
                        return results
                    }
                }
            }
        }
    }
#endif
