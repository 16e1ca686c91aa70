import Tenancy

/// An airport that a tenant's flights leave from or go to.
struct Airport: Entity, Equatable {
    /// The code that the Federal Aviation Administration gave it.
    var id: String
    var name: String
    var latitude: Double
    var longitude: Double
    /// In feet.
    var altitude: Int
    var timeZone: String?

    static let schema = EntitySchema(
        "airports", Airport.init,
        .key("code", \.id),
        .field("name", \.name),
        .field("latitude", \.latitude),
        .field("longitude", \.longitude),
        .field("altitude", \.altitude),
        .field("time_zone", \.timeZone),
        search: [.text(\.name), .text(\.id, weight: 2)])
}

extension Airport: FileRow {
    static let file = "airports.csv"

    static func parser(_ csv: CSVReader) throws -> (CSVReader) throws(RowProblem) -> Airport {
        let columns = try ["faa", "name", "lat", "lon", "alt", "tzone"].map { try csv.column($0) }
        return { csv throws(RowProblem) in
            Airport(
                id: try csv.required(try csv.text(columns[0]), columns[0]),
                name: try csv.required(try csv.text(columns[1]), columns[1]),
                latitude: try csv.required(try csv.double(columns[2]), columns[2]),
                longitude: try csv.required(try csv.double(columns[3]), columns[3]),
                altitude: try csv.required(try csv.integer(columns[4]), columns[4]),
                timeZone: try csv.text(columns[5]))
        }
    }
}
