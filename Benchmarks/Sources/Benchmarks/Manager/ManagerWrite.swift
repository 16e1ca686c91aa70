#if Postgres && Redis
    import Tenancy

    /// Updates records, blocking and invalidating them in the cache; beside the same updates by an SDK without a cache.
    enum ManagerWrite: Benchmark {
        static let name = "manager-write"

        private static let rows = 1 << 12

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await CachedSDK.with(directory, [Booking.self]) { bench in
                try await bench.sdk(isCached: true) { cached, _ in
                    try await bench.sdk(isCached: false) { bare, _ in
                        let (handle, bareHandle) = (try await bench.handle(cached), try await bench.handle(bare))
                        try await handle.bulkCreate((1...rows).map { Booking.example($0) })
                        var results: [Measurement] = []
                        for tasks in [1, 16] {
                            for executor in Executor.all(cached, for: handle.id) {
                                let comparison = Comparison(
                                    name: name, tasks: tasks, executor: executor.name, seconds: seconds)
                                let workers = Workers(tasks: tasks, executor: executor.executor)
                                results.append(
                                    try await comparison.run(floor: "the database alone") {
                                        try await update(handle, workers, for: $0)
                                    } theirs: {
                                        try await update(bareHandle, workers, for: $0)
                                    })
                            }
                        }
                        return results
                    }
                }
            }
        }

        private static func update(
            _ handle: TenantHandle, _ workers: Workers, for duration: Duration
        ) async throws -> Round {
            try await workers.run(for: duration) { numbers in
                for number in numbers {
                    try await handle.update(Booking.example((CacheExample.position(number) & (rows - 1)) + 1))
                }
            }
        }
    }
#endif
