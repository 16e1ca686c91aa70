import Tenancy

/// The record that the databases are measured with: six columns of five types, a text too long to be held in a
/// string's own words, a column without values in a third of the rows, and one index.
struct Booking: Entity {
    var id: Int
    var passenger: String
    var seat: String?
    var fare: Double
    var miles: Int
    var departure: Timestamp

    static let schema = EntitySchema(
        "bookings", Booking.init,
        .key("id", \.id),
        .field("passenger", \.passenger),
        .field("seat", \.seat),
        .field("fare", \.fare),
        .field("miles", \.miles),
        .field("departure", \.departure),
        indexes: [.on(\.departure)])

    /// A record that depends on its id only.
    static func example(_ id: Int) -> Booking {
        // Scattered over a year, so that the index is not filled in its own order.
        let minute = (id &* 2_654_435_761) % 525_600
        return Booking(
            id: id, passenger: "Passenger number \(id) of some", seat: id % 3 == 0 ? nil : "\(id % 60)A",
            fare: Double(id % 900) + 0.25, miles: id % 5_000,
            departure: Timestamp(microsecondsSince1970: 1_357_000_000_000_000 + Int64(minute) * 60_000_000))
    }
}
