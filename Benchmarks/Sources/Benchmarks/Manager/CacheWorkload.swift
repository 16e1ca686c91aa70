#if Postgres && Redis
    import Tenancy

    /// Real flights of their airlines, read and written at random by Zipf's law over 100,000 of them, 5 % writes; beside
    /// the same without a cache. What counts, beside the rates, is the hit rate and what the database was spared.
    enum CacheWorkload: Benchmark {
        static let name = "cache-workload"

        private static let count = 100_000
        private static let tasks = 16
        private static let writes = 0.05

        static func run(seconds: Double, directory: Directory) async throws -> [Measurement] {
            let trips = try Trip.load(count)
            let airlines = Set(trips.map(\.airline)).sorted()
            // Under ids that no other run has in the cache.
            let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
            let tenants = try airlines.map { try TenantID("bench-\($0)-\(suffix)") }
            return try await CachedSDK.with(directory, [Trip.self], tenants: tenants) { bench in
                try await bench.sdk(isCached: true) { cached, cachedDatabase in
                    try await bench.sdk(isCached: false) { bare, bareDatabase in
                        let ours = try await Traffic(cached, trips, airlines, tenants, Zipf(count))
                        let theirs = try await Traffic(bare, trips, airlines, tenants, ours.zipf)
                        try await ours.store()
                        try await ours.warm()
                        var (reads, spent, hits) = (Rate(), Rate(), Rate())
                        let comparison = Comparison(name: name, tasks: tasks, executor: "global", seconds: seconds)
                        var result = try await comparison.run(floor: "the same without a cache") { duration in
                            let before = (cachedDatabase.statements, cached.data.cacheStatistics)
                            let round = try await ours.run(Workers(tasks: tasks), for: duration)
                            spent.add(cachedDatabase.statements - before.0, of: round.operations)
                            if let old = before.1, let new = cached.data.cacheStatistics {
                                hits.add(new.hits - old.hits, of: new.hits + new.misses - old.hits - old.misses)
                            }
                            return round
                        } theirs: { duration in
                            let before = bareDatabase.statements
                            let round = try await theirs.run(Workers(tasks: tasks), for: duration)
                            reads.add(bareDatabase.statements - before, of: round.operations)
                            return round
                        }
                        result.hitRate = hits.value
                        result.statementsSaved = 1 - spent.value / reads.value
                        return [result]
                    }
                }
            }
        }

        /// How many of how many.
        private struct Rate {
            private var part = 0
            private var whole = 0

            var value: Double { Double(part) / Double(max(whole, 1)) }

            mutating func add(_ part: Int, of whole: Int) {
                self.part += part
                self.whole += whole
            }
        }

        private struct Traffic: Sendable {
            let zipf: Zipf
            private let places: [(tenant: Int, trip: Trip)]
            private let handles: [TenantHandle]

            init(
                _ sdk: MultiTenantSDK, _ trips: [(airline: String, trip: Trip)], _ airlines: [String],
                _ tenants: [TenantID], _ zipf: Zipf
            ) async throws {
                self.zipf = zipf
                let numbers = Dictionary(uniqueKeysWithValues: airlines.enumerated().map { ($1, $0) })
                places = trips.map { (numbers[$0.airline] ?? 0, $0.trip) }
                var handles: [TenantHandle] = []
                for tenant in tenants { handles.append(try await sdk.tenant(tenant.rawValue)) }
                self.handles = handles
            }

            func store() async throws {
                for (tenant, handle) in handles.enumerated() {
                    try await handle.bulkCreate(places.filter { $0.tenant == tenant }.map(\.trip))
                }
            }

            /// Reads each flight once.
            func warm() async throws {
                for (tenant, handle) in handles.enumerated() {
                    let ids = places.filter { $0.tenant == tenant }.map(\.trip.id)
                    for start in stride(from: 0, to: ids.count, by: 500) {
                        let part = Array(ids[start..<min(start + 500, ids.count)])
                        guard try await handle.read(Trip.self, ids: part).count == part.count else {
                            throw BenchmarkError("A flight is missing.")
                        }
                    }
                }
            }

            func run(_ workers: Workers, for duration: Duration) async throws -> Round {
                try await workers.run(for: duration) { numbers in
                    for _ in numbers {
                        var (tenant, trip) = places[zipf.next()]
                        guard Double.random(in: 0..<1) < writes else {
                            guard try await handles[tenant].read(Trip.self, trip.id)?.id == trip.id else {
                                throw BenchmarkError("A flight is missing.")
                            }
                            continue
                        }
                        trip.arrivalDelay = Int.random(in: -30..<300)
                        try await handles[tenant].update(trip)
                    }
                }
            }
        }
    }

    /// Numbers by Zipf's law: the second most frequent one comes half as often as the first, the third a third.
    struct Zipf: Sendable {
        private let sums: [Double]
        private let order: [Int]

        init(_ count: Int) {
            var sum = 0.0
            sums = (1...count).map { rank in
                sum += 1 / Double(rank)
                return sum
            }
            // So that neighbours in rank are no neighbours in time, nor of one airline.
            order = (0..<count).map { ($0 &* 7_919) % count }
        }

        /// A number from 0, at random.
        func next() -> Int {
            let wanted = Double.random(in: 0..<(sums.last ?? 0))
            var (low, high) = (0, sums.count - 1)
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] > wanted { high = middle } else { low = middle + 1 }
            }
            return order[low]
        }
    }
#endif
