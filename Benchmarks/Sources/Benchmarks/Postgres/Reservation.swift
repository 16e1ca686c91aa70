#if Postgres
    import Tenancy

    /// The record that PostgreSQL is measured with: six columns, one of them JSON, one index, and a text that is
    /// searched.
    struct Reservation: Entity {
        var id: Int
        var passenger: String
        var seat: String?
        var fare: Double
        var departure: Timestamp
        var extras: JSON

        static let schema = EntitySchema(
            "reservations", Reservation.init,
            .key("id", \.id),
            .field("passenger", \.passenger),
            .field("seat", \.seat),
            .field("fare", \.fare),
            .field("departure", \.departure),
            .field("extras", \.extras),
            indexes: [.on(\.departure)])

        static let columns = "id, passenger, seat, fare, departure, extras"

        /// A record that depends on its id only.
        static func example(_ id: Int) -> Reservation {
            Reservation(
                id: id, passenger: "Passenger number \(id) of some", seat: id % 3 == 0 ? nil : "\(id % 60)A",
                fare: Double(id % 900) + 0.25,
                departure: Timestamp(microsecondsSince1970: (1_357_000_000 + Int64(minute(id)) * 60) * 1_000_000),
                extras: JSON(.object(["meal": .string("vegan"), "bags": .int(Int64(id % 4))])))
        }

        /// Scattered over a year, so that the index is not filled in its own order.
        private static func minute(_ id: Int) -> Int { (id &* 2_654_435_761) % 525_600 }

        /// The same records in SQL, for tenants by number and ids from 1 to a number.
        static func insert(tenants: ClosedRange<Int>, ids: Int) -> String {
            """
            INSERT INTO reservations (tenant_id, \(columns))
            SELECT t::text, i, 'Passenger number ' || i || ' of some',
                CASE WHEN i % 3 <> 0 THEN (i % 60) || 'A' END, i % 900 + 0.25,
                to_timestamp(1357000000 + (i * 2654435761 % 525600) * 60),
                jsonb_build_object('meal', 'vegan', 'bags', i % 4)
            FROM generate_series(\(tenants.lowerBound), \(tenants.upperBound)) t, generate_series(1, \(ids)::bigint) i;
            """
        }
    }

    /// A text that is searched. Most words are in few of the notes, some in many.
    struct Note: Entity {
        var id: Int
        var text: String

        static let schema = EntitySchema(
            "notes", Note.init, .key("id", \.id), .field("text", \.text), search: [.text(\.text)])

        static func example(_ id: Int) -> Note {
            let words = (0..<8).map { "word\((id &* (7_919 + $0 &* 104_729)) % 2_000)" }
            return Note(id: id, text: "flight " + words.joined(separator: " "))
        }
    }
#endif
