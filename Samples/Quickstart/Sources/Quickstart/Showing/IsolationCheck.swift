import Tenancy

/// Lets every airline try to see and to change the flights of the next one, in every way that the SDK has.
struct IsolationCheck {
    let stage: Stage

    /// The most flights of a victim that are tried for one by one.
    private static let targets = 20

    /// - Returns: How many attempts reached something.
    func run() async throws -> (attempts: Int, leaks: Int) {
        stage.report.section("One airline's handle, and another airline's rows")
        let airlines = stage.flying
        guard airlines.count > 1 else {
            stage.report.claim("there are airlines to keep apart", false)
            return (0, 0)
        }
        var before: [String: [[Value]]] = [:]
        for airline in airlines { before[airline.id] = try await stage.sdk.tenant(airline.id).fingerprint() }

        var ways = Intruder.ways.map { (name: $0.name, attack: $0.attack, attempts: Attempts()) }
        for (place, airline) in airlines.enumerated() {
            let victim = airlines[(place + 1) % airlines.count]
            let intruder = try await intruder(airline.id, victim.id)
            for way in ways.indices { try await ways[way].attack(intruder, &ways[way].attempts) }
        }
        for way in ways {
            let figures =
                "\(Text.right(Text.number(way.attempts.made), 8)) attempts, \(way.attempts.leaks) leaks"
                + (way.attempts.skipped == 0 ? "" : ", \(way.attempts.skipped) not made")
            stage.report.claim(way.name, way.attempts.showIsolation, figures)
        }
        try await checkOwnRows(airlines)
        var changed: [String] = []
        for airline in airlines
        where try await stage.sdk.tenant(airline.id).fingerprint() != before[airline.id] { changed.append(airline.id) }
        stage.report.claim(
            "after all that, every airline's flights are what they were", changed.isEmpty,
            changed.joined(separator: ", "))
        return (ways.reduce(0) { $0 + $1.attempts.made }, ways.reduce(changed.count) { $0 + $1.attempts.leaks })
    }

    private func intruder(_ airline: String, _ victim: String) async throws -> Intruder {
        let victimHandle = try await stage.sdk.tenant(victim)
        let targets = try await victimHandle.query(Flight.self).limit(Self.targets).all()
        // The victim reads its flights first, so that the cache holds what the intruder asks for.
        _ = try await victimHandle.read(Flight.self, ids: targets.map(\.id))
        let foreign = stage.facts(of: victim).airports.subtracting(stage.facts(of: airline).airports)
        return Intruder(
            own: try await stage.sdk.tenant(airline), victim: victimHandle, targets: targets,
            foreignAirports: try await victimHandle.read(Airport.self, ids: foreign.sorted()))
    }

    /// Reads every row of every airline and looks whose it is.
    private func checkOwnRows(_ airlines: [Airline]) async throws {
        var rows = 0
        var isOwn = true
        for airline in airlines {
            var seen = 0
            for try await flight in try await stage.sdk.tenant(airline.id).query(Flight.self).stream(batchSize: 1_000) {
                seen += 1
                if flight.carrier != airline.id { isOwn = false }
            }
            if seen != stage.facts(of: airline.id).flights { isOwn = false }
            rows += seen
        }
        stage.report.claim(
            "every row that a handle streams is its airline's own", isOwn, "\(Text.right(Text.number(rows), 8)) rows")
    }
}
