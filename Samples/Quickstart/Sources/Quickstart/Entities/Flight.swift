import Tenancy

/// A flight of an airline, which is the tenant.
struct Flight: Entity, Equatable {
    /// The airline's code and number, the day, and where it left from: what is unique about a flight.
    var id: String
    /// The airline's code. No call looks at it: the tenant is bound by the handle. It is kept so that whoever checks a
    /// row can see whose it is.
    var carrier: String
    var number: Int
    var tailNumber: String?
    var origin: String
    var destination: String
    /// By the schedule.
    var scheduledDeparture: Timestamp
    /// By the clock on the wall, as `hhmm`; none if it never left.
    var departureTime: Int?
    /// In minutes, negative if it left early; none if it never left.
    var departureDelay: Int?
    var scheduledArrivalTime: Int
    var arrivalTime: Int?
    var arrivalDelay: Int?
    /// In minutes.
    var airTime: Int?
    /// In miles.
    var distance: Int

    static let schema = EntitySchema(
        "flights", Flight.init,
        .key("id", \.id),
        .field("carrier", \.carrier),
        .field("number", \.number),
        .field("tail_number", \.tailNumber),
        .field("origin", \.origin),
        .field("destination", \.destination),
        .field("scheduled_departure", \.scheduledDeparture),
        .field("departure_time", \.departureTime),
        .field("departure_delay", \.departureDelay),
        .field("scheduled_arrival_time", \.scheduledArrivalTime),
        .field("arrival_time", \.arrivalTime),
        .field("arrival_delay", \.arrivalDelay),
        .field("air_time", \.airTime),
        .field("distance", \.distance),
        indexes: [.on(\.scheduledDeparture), .on(\.origin, \.destination)])
}
