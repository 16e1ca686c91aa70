/// Sorts the rows of the CSV, which stand there by date, into batches of one airline each, as a handle can write them.
struct FlightBatches {
    private var reader: RowReader<Flight>
    private let size: Int
    private var open: [String: FileBatch<Flight>]
    private var isAtEnd = false

    init(_ dataset: Dataset, airlines: [Airline], size: Int) throws {
        reader = try RowReader(dataset)
        self.size = size
        open = Dictionary(uniqueKeysWithValues: airlines.map { ($0.id, FileBatch(tenant: $0.id)) })
    }

    /// The rows that can't be read, or have no airline.
    var rejections: [Rejection] { reader.rejections }

    /// How much of the file was read, from 0 to 1.
    var fraction: Double { reader.csv.size == 0 ? 1 : Double(reader.csv.consumed) / Double(reader.csv.size) }

    /// The next batch that is full, or at the file's end what is left of each airline; `nil` after the last one.
    mutating func next() throws -> FileBatch<Flight>? {
        while !isAtEnd {
            guard let flight = try reader.next() else {
                isAtEnd = true
                break
            }
            // Changed where it lies: a copy of the batch would be a copy of all its flights.
            guard let place = open.index(forKey: flight.carrier) else {
                reader.reject("no airline '\(flight.carrier)' was loaded")
                continue
            }
            open.values[place].append(flight, line: reader.csv.line)
            guard open.values[place].rows.count == size else { continue }
            let batch = open.values[place]
            open.values[place] = FileBatch(tenant: flight.carrier)
            return batch
        }
        guard let airline = open.first(where: { !$0.value.rows.isEmpty })?.key else { return nil }
        return open.removeValue(forKey: airline)
    }
}
