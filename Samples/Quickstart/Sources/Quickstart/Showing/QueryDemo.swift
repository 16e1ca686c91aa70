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
        for flight in flights.prefix(3) {
            let day = flight.scheduledDeparture.description.prefix(10)
            let route = "\(flight.origin)–\(flight.destination)"
            stage.report.line(
                "  \(flight.carrier)\(Text.left(String(flight.number), 5)) \(route)  \(day)  "
                    + "\(flight.departureDelay ?? 0) minutes")
        }
        stage.report.claim(
            "the pages together are what the CSV has, each flight once",
            flights.count == expected && Set(flights.map(\.id)).count == expected,
            "\(Text.right(Text.number(flights.count), 8)) flights on \(pages) pages")
        let delays = flights.compactMap(\.departureDelay)
        stage.report.claim("they come in order, across pages", zip(delays, delays.dropFirst()).allSatisfy { $0 >= $1 })
    }

    private func aggregate(_ airline: Airline, _ handle: TenantHandle) async throws {
        stage.report.section("An aggregate: \(airline.name) by airport of departure")
        let facts = stage.facts(of: airline.id)
        let groups = try await handle.query(Flight.self)
            .grouped(by: \.origin, .count(), .average(\.departureDelay), .maximum(\.distance))
        for group in groups {
            let (count, delay, distance) = group.figures
            stage.report.line(
                "  \(group.key)  \(Text.right(Text.number(count), 7)) flights, \(Text.tenths(delay ?? 0)) minutes late "
                    + "on average, up to \(Text.number(distance ?? 0)) miles")
        }
        stage.report.claim(
            "each airport's flights are as many as in the CSV",
            Dictionary(groups.map { ($0.key, $0.figures.0) }, uniquingKeysWith: +) == facts.flightsByOrigin)
        let miles = try await handle.query(Flight.self).aggregate(.sum(\.distance))
        stage.report.claim(
            "so is the sum of all miles", miles == facts.distance, Text.right(Text.number(miles ?? 0), 8) + " miles")
    }

    /// Searches for an airport that some airlines serve and some don't.
    private func search() async throws {
        stage.report.section("A search over airports: “chicago oh”")
        let code = "ORD"
        var found: [String] = []
        for airline in stage.flying {
            let hits = try await stage.sdk.tenant(airline.id).search(Airport.self, "chicago oh", limit: 5)
            guard let best = hits.first else { continue }
            if found.isEmpty { stage.report.line("  \(best.element.id)  \(best.element.name)") }
            if best.element.id == code { found.append(airline.id) }
        }
        let serving = stage.flying.map(\.id).filter { stage.facts(of: $0).airports.contains(code) }
        stage.report.claim(
            "found by the airlines that fly there, and by no other", found == serving && !found.isEmpty,
            found.joined(separator: " "))
    }
}
