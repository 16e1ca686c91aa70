import Tenancy

/// What one airline asks of its own flights.
struct QueryDemo {
    let stage: Stage

    func run() async throws {
        guard let airline = stage.largest else {
            return stage.report.claim("there is an airline with flights to show queries with", false)
        }
        let handle = try await stage.sdk.tenant(airline.id)
        try await page(airline, handle)
        try await aggregate(airline, handle)
        try await search()
    }

    private func page(_ airline: Airline, _ handle: TenantHandle) async throws {
        stage.report.section("A paged query: \(airline.name)'s flights that left more than an hour late")
        let query = handle.query(Flight.self).where { $0.departureDelay > AirlineFacts.late }
            .sorted(by: \.departureDelay, .descending).sorted(by: \.scheduledDeparture)
        let expected = stage.facts(of: airline.id).lateFlights
        // Some ten pages, however many flights there are.
        let size = min(1_000, max(10, expected / 10))
        var cursor: Cursor?
        var pages = 0
        var flights: [Flight] = []
        repeat {
            let page = try await query.page(size: size, after: cursor)
            flights += page.items
            pages += 1
            cursor = page.next
        } while cursor != nil
        if !flights.isEmpty { stage.report.header("flight    route      scheduled", "min. late") }
        for flight in flights.prefix(3) {
            let day = flight.scheduledDeparture.description.prefix(10)
            let name = Text.left("\(flight.carrier)\(flight.number)", 8)
            stage.report.row(
                "\(name)  \(flight.origin)–\(flight.destination)    \(day)", Text.number(flight.departureDelay ?? 0))
        }
        if flights.count > 3 { stage.report.row("…") }
        stage.report.claim(
            "the pages are what the CSV has, each flight once",
            flights.count == expected && Set(flights.map(\.id)).count == expected,
            Text.number(flights.count), "\(pages) pages")
        let delays = flights.compactMap(\.departureDelay)
        stage.report.claim("they come in order, across pages", zip(delays, delays.dropFirst()).allSatisfy { $0 >= $1 })
    }

    private func aggregate(_ airline: Airline, _ handle: TenantHandle) async throws {
        stage.report.section("An aggregate: \(airline.name) by airport of departure")
        let facts = stage.facts(of: airline.id)
        let groups = try await handle.query(Flight.self)
            .grouped(by: \.origin, .count(), .average(\.departureDelay), .maximum(\.distance))
        stage.report.header("from", "flights", "mean delay", "farthest")
        for group in groups {
            let (count, delay, distance) = group.figures
            stage.report.row(
                group.key, Text.number(count), delay.map { Text.tenths($0) + " min" } ?? "–",
                Text.number(distance ?? 0) + " mi")
        }
        stage.report.claim(
            "each airport's flights are as many as in the CSV",
            Dictionary(groups.map { ($0.key, $0.figures.0) }, uniquingKeysWith: +) == facts.flightsByOrigin)
        let miles = try await handle.query(Flight.self).aggregate(.sum(\.distance))
        stage.report.claim(
            "so is the sum of all miles", miles == facts.distance, Text.number(miles ?? 0))
    }

    /// Searches for an airport that some airlines serve and some don't.
    private func search() async throws {
        guard let code = airportToFind() else {
            stage.report.section("A search over airports")
            return stage.report.claim("there is an airport to search for", false)
        }
        var text: String?
        var found: [String] = []
        for airline in stage.airlines {
            let handle = try await stage.sdk.tenant(airline.id)
            if text == nil, let airport = try await handle.read(Airport.self, code) {
                let words = Self.searchText(for: airport.name)
                text = words
                stage.report.section("A search over airports: “\(words)”")
                stage.report.row("\(airport.id)  \(airport.name)")
            }
        }
        guard let text else { return stage.report.claim("the airport \(code) is there to be found", false) }
        for airline in stage.airlines {
            let hits = try await stage.sdk.tenant(airline.id).search(Airport.self, text, limit: 100)
            if hits.contains(where: { $0.element.id == code }) { found.append(airline.id) }
        }
        let serving = stage.airlines.map(\.id).filter { stage.airports(of: $0).contains(code) }
        stage.report.claim(
            "found by the airlines that fly there, and by no other", found == serving && !found.isEmpty,
            note: found.joined(separator: " "))
    }

    /// Chicago's, as long as it tells airlines apart; else the airport that does so best.
    private func airportToFind() -> String? {
        var serving: [String: Int] = [:]
        for airline in stage.airlines {
            for code in stage.airports(of: airline.id) { serving[code, default: 0] += 1 }
        }
        let half = stage.airlines.count / 2
        if let count = serving["ORD"], count < stage.airlines.count { return "ORD" }
        return serving.min { (abs($0.value - half), $0.key) < (abs($1.value - half), $1.key) }?.key
    }

    /// What somebody might type who looks for a name: its first word, and the beginning of its second one.
    static func searchText(for name: String) -> String {
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }.prefix(2)
        guard words.count == 2, let first = words.first, let second = words.last else { return words.joined() }
        return "\(first) \(second.prefix(2))"
    }
}
