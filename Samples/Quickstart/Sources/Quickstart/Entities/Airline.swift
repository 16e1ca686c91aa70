/// An airline, which becomes a tenant.
struct Airline: Identifiable {
    /// Its code, which is also the tenant's id.
    let id: String
    let name: String

    /// The airlines of a file.
    static func read(_ dataset: Dataset) throws -> Table<Airline> {
        try dataset.table("airlines.csv") { csv in
            let columns = try ["carrier", "name"].map { try csv.column($0) }
            return { csv throws(RowProblem) in
                Airline(
                    id: try csv.required(try csv.text(columns[0]), columns[0]),
                    name: try csv.required(try csv.text(columns[1]), columns[1]))
            }
        }
    }
}
