#if Redis
    import Tenancy
    import TenancyRedis

    /// Gets one value through the adapter.
    enum RedisGet: Benchmark {
        static let name = "redis-get"

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await RedisExample.with { example in
                var results: [Measurement] = []
                for tasks in [1, 16, 256] {
                    for executor in example.executors {
                        let comparison = Comparison(
                            name: name, tasks: tasks, executor: executor.name, seconds: seconds)
                        let workers = Workers(tasks: tasks, executor: executor.executor)
                        results += try await comparison.run(
                            ours: { try await example.get(workers, for: $0) }, floors: floors(example, tasks))
                    }
                }
                return results
            }
        }

        private static func floors(_ example: RedisExample, _ tasks: Int) -> [Comparison.Floor] {
            guard tasks == 256 else {
                let name = tasks == 1 ? "a C loop, 1 caller" : "C, \(tasks) callers on one connection"
                return [Comparison.Floor(name) { try await example.floor.get(callers: tasks, for: $0) }]
            }
            let get = ["GET", example.server.prefix + "__rand_int__"]
            return [("-P 1 -c 50", ["-P", "1", "-c", "50"]), ("-P 64 -c 1", ["-P", "64", "-c", "1"])].map {
                name, arguments in
                Comparison.Floor("redis-benchmark \(name)") {
                    try await example.server.benchmark(arguments, get, for: $0)
                }
            }
        }
    }

    /// Gets 100 values in one call.
    enum RedisMget: Benchmark {
        static let name = "redis-mget-100"

        private static let batch = 100

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await RedisExample.with { example in
                let (cache, keys, tenant) = (example.cache, example.keys, example.server.tenant)
                var results: [Measurement] = []
                for executor in example.executors {
                    let comparison = Comparison(name: name, tasks: 1, executor: executor.name, seconds: seconds)
                    let workers = Workers(tasks: 1, executor: executor.executor)
                    results.append(
                        try await comparison.run(floor: "a C loop over MGET, 1 caller") { duration in
                            try await workers.run(for: duration) { numbers in
                                for number in numbers {
                                    let commands = (0..<batch).map {
                                        CacheCommand.get(keys[CacheExample.position(number &* batch &+ $0)])
                                    }
                                    let replies = try await cache.run(commands, for: tenant)
                                    for reply in replies {
                                        guard case .value = reply else { throw BenchmarkError("A value is missing.") }
                                    }
                                }
                            }
                        } theirs: {
                            try await example.floor.mget(for: $0)
                        })
                }
                return results
            }
        }
    }

    /// Stores one value with a life time.
    enum RedisSet: Benchmark {
        static let name = "redis-set"

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await RedisExample.with { example in
                let (cache, keys, tenant) = (example.cache, example.keys, example.server.tenant)
                var results: [Measurement] = []
                for tasks in [1, 16, 256] {
                    for executor in example.executors {
                        let comparison = Comparison(
                            name: name, tasks: tasks, executor: executor.name, seconds: seconds)
                        let workers = Workers(tasks: tasks, executor: executor.executor)
                        let floor = "C over SET … PX, \(tasks) caller\(tasks == 1 ? "" : "s") on one connection"
                        results.append(
                            try await comparison.run(floor: floor) { duration in
                                try await workers.run(for: duration) { numbers in
                                    for number in numbers {
                                        let key = keys[CacheExample.position(number)]
                                        guard try await cache.run([RedisExample.set(key)], for: tenant) == [.done]
                                        else { throw BenchmarkError("A value was not stored.") }
                                    }
                                }
                            } theirs: {
                                try await example.floor.set(callers: tasks, for: $0)
                            })
                    }
                }
                return results
            }
        }
    }
#endif
