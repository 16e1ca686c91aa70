import Tenancy

/// A plane that a tenant flies.
struct Plane: Entity, Equatable {
    /// The tail number.
    var id: String
    /// When it was built.
    var year: Int?
    var type: String
    var manufacturer: String
    var model: String
    var engines: Int
    var seats: Int
    /// In miles an hour.
    var speed: Int?

    static let schema = EntitySchema(
        "planes", Plane.init,
        .key("tail_number", \.id),
        .field("year", \.year),
        .field("type", \.type),
        .field("manufacturer", \.manufacturer),
        .field("model", \.model),
        .field("engines", \.engines),
        .field("seats", \.seats),
        .field("speed", \.speed),
        indexes: [.on(\.manufacturer, \.model)])
}

extension Plane: FileRow {
    static let file = "planes.csv"

    static func parser(_ csv: CSVReader) throws -> (CSVReader) throws(RowProblem) -> Plane {
        let columns = try ["tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "speed"]
            .map { try csv.column($0) }
        return { csv throws(RowProblem) in
            Plane(
                id: try csv.required(try csv.text(columns[0]), columns[0]),
                year: try csv.integer(columns[1]),
                type: try csv.required(try csv.text(columns[2]), columns[2]),
                manufacturer: try csv.required(try csv.text(columns[3]), columns[3]),
                model: try csv.required(try csv.text(columns[4]), columns[4]),
                engines: try csv.required(try csv.integer(columns[5]), columns[5]),
                seats: try csv.required(try csv.integer(columns[6]), columns[6]),
                speed: try csv.integer(columns[7]))
        }
    }
}
