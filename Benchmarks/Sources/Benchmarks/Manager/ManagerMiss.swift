#if Postgres && Redis
    import Tenancy

    /// Reads records that are not in the cache, and stores them there; beside the same reads past the cache.
    enum ManagerMiss: Benchmark {
        static let name = "manager-miss"

        private static let rows = 1 << 17

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await CachedSDK.with(directory, [Booking.self]) { bench in
                try await bench.sdk(isCached: true) { sdk, database in
                    let handle = try await bench.handle(sdk)
                    try await handle.bulkCreate((1...rows).map { Booking.example($0) })
                    var results: [Measurement] = []
                    for tasks in [1, 64] {
                        for executor in Executor.all(sdk, for: handle.id) {
                            let comparison = Comparison(
                                name: name, tasks: tasks, executor: executor.name, seconds: seconds)
                            let workers = Workers(tasks: tasks, executor: executor.executor)
                            // What is stored is soon gone, and a record is not asked for again before that.
                            let cold = ReadOptions(cacheTimeToLive: .milliseconds(5))
                            let before = (database.statements, sdk.data.cacheStatistics?.hits ?? 0)
                            var reads = 0
                            results.append(
                                try await comparison.run(floor: "the database alone") {
                                    let round = try await read(handle, cold, workers, for: $0)
                                    reads += round.operations
                                    return round
                                } theirs: {
                                    try await read(handle, .uncached, workers, for: $0)
                                })
                            guard database.statements - before.0 > reads else {
                                throw BenchmarkError("The cache hit.")
                            }
                        }
                    }
                    return results
                }
            }
        }

        private static func read(
            _ handle: TenantHandle, _ options: ReadOptions, _ workers: Workers, for duration: Duration
        ) async throws -> Round {
            try await workers.run(for: duration) { numbers in
                for number in numbers {
                    let id = ((number &* 7_919) & (rows - 1)) + 1
                    guard try await handle.read(Booking.self, id, options: options)?.id == id else {
                        throw BenchmarkError("A record is missing.")
                    }
                }
            }
        }
    }
#endif
