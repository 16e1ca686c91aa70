import Tenancy

/// Lets every airline try to see and to change the flights of the next one, in every way that the SDK has.
struct IsolationCheck {
    let stage: Stage

    /// The most flights of a victim that are tried for one by one.
    private static let targets = 20

    /// - Returns: How many attempts reached something.
    func run() async throws -> (attempts: Int, leaks: Int) {
        stage.report.section("One airline's handle, and another airline's rows")
        let airlines = stage.airlines
        guard airlines.count > 1, !stage.flying.isEmpty else {
            stage.report.claim("there are two airlines to keep apart, and one has flights", false)
            return (0, 0)
        }
        var before: [String: [[Value]]] = [:]
        for airline in airlines { before[airline.id] = try await stage.sdk.tenant(airline.id).fingerprint() }

        var ways = Intruder.ways.map { (name: $0.name, attack: $0.attack, attempts: Attempts()) }
        for (place, airline) in airlines.enumerated() {
            // An airline without flights can try as well as any, but there is nothing of it to be reached.
            let others = airlines[(place + 1)...] + airlines[..<place]
            guard let victim = others.first(where: { stage.facts(of: $0.id).flights > 0 }) else { continue }
            let intruder = try await intruder(airline.id, victim.id)
            for way in ways.indices { try await ways[way].attack(intruder, &ways[way].attempts) }
        }
        stage.report.header("", "attempts", "leaks")
        for way in ways {
            stage.report.claim(
                way.name + (way.attempts.skipped == 0 ? "" : " (\(way.attempts.skipped) not made)"),
                way.attempts.showIsolation, Text.number(way.attempts.made), Text.number(way.attempts.leaks))
        }
        try await checkOwnRows(airlines)
        var changed: [String] = []
        for airline in airlines
        where try await stage.sdk.tenant(airline.id).fingerprint() != before[airline.id] { changed.append(airline.id) }
        stage.report.claim(
            "after all that, every airline's flights are what they were", changed.isEmpty,
            note: changed.joined(separator: " "))
        return (ways.reduce(0) { $0 + $1.attempts.made }, ways.reduce(changed.count) { $0 + $1.attempts.leaks })
    }

    private func intruder(_ airline: String, _ victim: String) async throws -> Intruder {
        let victimHandle = try await stage.sdk.tenant(victim)
        let targets = try await victimHandle.query(Flight.self).limit(Self.targets).all()
        // The victim reads its flights first, so that the cache holds what the intruder asks for.
        _ = try await victimHandle.read(Flight.self, ids: targets.map(\.id))
        let foreign = stage.airports(of: victim).subtracting(stage.airports(of: airline))
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
            "every row that a handle streams is its airline's own", isOwn,
            Text.number(rows) + " rows")
    }
}
