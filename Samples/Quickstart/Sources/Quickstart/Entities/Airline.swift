/// An airline, which becomes a tenant.
struct Airline: Identifiable {
    /// Its code, which is also the tenant's id.
    let id: String
    let name: String
}

extension Airline: FileRow {
    static let file = "airlines.csv"

    static func parser(_ csv: CSVReader) throws -> (CSVReader) throws(RowProblem) -> Airline {
        let columns = try ["carrier", "name"].map { try csv.column($0) }
        return { csv throws(RowProblem) in
            Airline(
                id: try csv.required(try csv.text(columns[0]), columns[0]),
                name: try csv.required(try csv.text(columns[1]), columns[1]))
        }
    }
}
