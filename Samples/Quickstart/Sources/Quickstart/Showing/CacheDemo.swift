import Tenancy

/// Reads through the cache.
struct CacheDemo {
    /// What was measured.
    struct Outcome {
        var hitRate = 0.0
        var firstRead = Duration.zero
        var secondRead = Duration.zero
    }

    /// How often each flight is read.
    private static let rounds = 10
    private static let flights = 500

    let stage: Stage

    func run() async throws -> Outcome {
        var outcome = Outcome()
        guard let airline = stage.largest else {
            stage.report.claim("there is an airline with flights to show the cache with", false)
            return outcome
        }
        stage.report.section("Reads through the cache")
        let handle = try await stage.sdk.tenant(airline.id)
        let flights = try await handle.query(Flight.self).sorted(by: \.id, .descending).limit(Self.flights).all()
        // Written as they are, so that none that was read above is in the cache still.
        try await handle.bulkUpdate(flights)
        guard let last = flights.first, let before = counts() else {
            stage.report.claim("there are flights to read, and a cache", false)
            return outcome
        }

        var isRight = true
        for round in 0..<Self.rounds {
            var times: [Duration] = []
            for flight in flights {
                let start = ContinuousClock.now
                let read = try await handle.read(Flight.self, flight.id)
                times.append(start.duration(to: .now))
                if read != flight { isRight = false }
            }
            let median = times.sorted()[times.count / 2]
            if round == 0 { outcome.firstRead = median }
            if round == 1 { outcome.secondRead = median }
        }
        let after = counts() ?? before
        let (hits, misses) = (after.hits - before.hits, after.misses - before.misses)
        outcome.hitRate = Double(hits) / Double(max(hits + misses, 1))
        stage.report.claim(
            "each of \(flights.count) flights is read \(Self.rounds) times, from the database once",
            misses == flights.count && hits == flights.count * (Self.rounds - 1))
        stage.report.claim("every read returns what is stored", isRight)
        stage.report.header("", "hit rate", "hits", "misses")
        stage.report.row(
            "all \(Self.rounds) rounds", Text.tenths(outcome.hitRate * 100) + " %", Text.number(hits),
            Text.number(misses))
        stage.report.header("", "median")
        stage.report.row("first read, from the database", Text.tenths(outcome.firstRead.microseconds) + " µs")
        stage.report.row("second read, from the cache", Text.tenths(outcome.secondRead.microseconds) + " µs")
        try await checkFreshness(handle, last)
        return outcome
    }

    /// How many reads were answered by the process's own copies or by the cache, and how many by neither.
    private func counts() -> (hits: Int, misses: Int)? {
        let data = stage.sdk.data
        return data.cacheStatistics.map { ($0.hits + (data.localCacheStatistics?.hits ?? 0), $0.misses) }
    }

    /// What is in the cache must not outlive a write, neither one by key nor one by filter.
    private func checkFreshness(_ handle: TenantHandle, _ flight: Flight) async throws {
        var changed = flight
        changed.distance += 1
        try await handle.update(changed)
        let afterUpdate = try await handle.read(Flight.self, flight.id)
        try await handle.query(Flight.self).where { $0.id == flight.id }.update(.set(\.distance, to: flight.distance))
        let afterFilter = try await handle.read(Flight.self, flight.id)
        stage.report.claim(
            "a read after a write returns what was written", afterUpdate == changed && afterFilter == flight)
    }
}
