/// What the CSV says of one airline: what the database's answers are compared with.
struct AirlineFacts: Sendable {
    /// Minutes after which a flight is called late here.
    static let late = 60

    var flights = 0
    var lateFlights = 0
    var distance = 0
    var flightsByOrigin: [String: Int] = [:]
    var airports: Set<String> = []
    var planes: Set<String> = []

    mutating func add(_ flight: Flight) {
        flights += 1
        if let delay = flight.departureDelay, delay > Self.late { lateFlights += 1 }
        distance += flight.distance
        flightsByOrigin[flight.origin, default: 0] += 1
        airports.insert(flight.origin)
        airports.insert(flight.destination)
        if let tailNumber = flight.tailNumber { planes.insert(tailNumber) }
    }

    mutating func add(_ other: AirlineFacts) {
        flights += other.flights
        lateFlights += other.lateFlights
        distance += other.distance
        flightsByOrigin.merge(other.flightsByOrigin, uniquingKeysWith: +)
        airports.formUnion(other.airports)
        planes.formUnion(other.planes)
    }
}
