#if Postgres && Redis
    import Tenancy

    /// 1,000 tasks ask for one record that is not in the cache: how often it is loaded, and how long all of them take;
    /// then with two SDKs on the same servers, as two processes would. Beside the same reads without a cache.
    enum Stampede: Benchmark {
        static let name = "stampede"

        private static let tasks = 1_000
        private static let rows = 1 << 14

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            try await CachedSDK.with(directory, [Booking.self]) { bench in
                try await bench.sdk(isCached: true) { first, firstDatabase in
                    try await bench.sdk(isCached: true) { second, secondDatabase in
                        let handles = [try await bench.handle(first), try await bench.handle(second)]
                        try await handles[0].bulkCreate((1...rows).map { Booking.example($0) })
                        return [
                            try await stampede([handles[0]], [firstDatabase], seconds, from: 0),
                            try await stampede(handles, [firstDatabase, secondDatabase], seconds, from: rows / 2),
                        ]
                    }
                }
            }
        }

        private static func stampede(
            _ handles: [TenantHandle], _ databases: [CountedDatabase], _ seconds: Double, from start: Int
        ) async throws -> Measurement {
            var next = start
            var most = 0
            let comparison = Comparison(
                name: name, tasks: tasks * handles.count, executor: "global", seconds: seconds)
            var result = try await comparison.run(floor: "the database alone") { duration in
                try await rounds(for: duration) {
                    next += 1
                    let before = databases.reduce(0) { $0 + $1.statements }
                    try await readAtOnce(handles, next, .default)
                    most = max(most, databases.reduce(0) { $0 + $1.statements } - before)
                }
            } theirs: { duration in
                try await rounds(for: duration) { try await readAtOnce(handles, rows, .uncached) }
            }
            guard next < start + rows / 2 else { throw BenchmarkError("There were not enough records.") }
            result.loads = Double(most)
            return result
        }

        private static func rounds(for duration: Duration, _ body: () async throws -> Void) async throws -> Round {
            try await Round.measure {
                let end = ContinuousClock.now + duration
                var latencies: [UInt32] = []
                repeat {
                    let start = ContinuousClock.now
                    try await body()
                    latencies.append(UInt32(clamping: Int64(start.duration(to: .now) / .nanoseconds(1))))
                } while ContinuousClock.now < end
                return (latencies.count, latencies)
            }
        }

        private static func readAtOnce(_ handles: [TenantHandle], _ id: Int, _ options: ReadOptions) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<tasks * handles.count {
                    let handle = handles[task % handles.count]
                    group.addTask {
                        guard try await handle.read(Booking.self, id, options: options)?.id == id else {
                            throw BenchmarkError("A record is missing.")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
#endif
