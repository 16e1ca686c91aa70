import Tenancy

/// What every part of the show works with.
struct Stage {
    let sdk: MultiTenantSDK
    let report: Report
    let airlines: [Airline]
    /// What the CSV says of each airline.
    let facts: [String: AirlineFacts]
    /// The airports and planes that each airline was given.
    let references: ReferenceLoader.Outcome

    /// The airlines that have flights, in the order of their codes.
    var flying: [Airline] { airlines.filter { facts(of: $0.id).flights > 0 } }

    /// The airline with the most flights.
    var largest: Airline? { flying.max { facts(of: $0.id).flights < facts(of: $1.id).flights } }

    /// The codes of the airports that an airline serves, but for those that could not be loaded.
    func airports(of airline: String) -> Set<String> { references.airports[airline] ?? [] }

    func facts(of airline: String) -> AirlineFacts { facts[airline] ?? AirlineFacts() }
}

extension TenantHandle {
    /// Figures over all flights that change if any flight does.
    func fingerprint() async throws -> [[Value]] {
        try await query(Flight.self).untyped.aggregate([
            AggregateFunction(.count), AggregateFunction(.sum, "number"), AggregateFunction(.sum, "distance"),
            AggregateFunction(.sum, "departure_delay"), AggregateFunction(.sum, "arrival_delay"),
            AggregateFunction(.sum, "air_time"), AggregateFunction(.minimum, "id"), AggregateFunction(.maximum, "id"),
        ])
    }
}
