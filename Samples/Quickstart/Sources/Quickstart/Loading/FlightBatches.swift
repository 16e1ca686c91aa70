/// Sorts the rows of the CSV, which stand there by date, into batches of one airline each, as a handle can write them.
struct FlightBatches {
    /// Flights of one airline, and the lines that they stand on.
    struct Batch: Sendable {
        let airline: String
        var flights: [Flight] = []
        var lines: [Int] = []
    }

    private var csv: CSVReader
    private let columns: FlightColumns
    private let size: Int
    private var open: [String: Batch]
    private var isAtEnd = false
    /// The rows that can't be read.
    private(set) var rejections: [Rejection] = []

    init(_ csv: CSVReader, airlines: [Airline], size: Int) throws {
        self.csv = csv
        self.size = size
        columns = try FlightColumns(csv)
        open = Dictionary(uniqueKeysWithValues: airlines.map { ($0.id, Batch(airline: $0.id)) })
    }

    /// How much of the file was read, from 0 to 1.
    var fraction: Double { csv.size == 0 ? 1 : Double(csv.consumed) / Double(csv.size) }

    /// The next batch that is full, or at the file's end what is left of each airline; `nil` after the last one.
    mutating func next() throws -> Batch? {
        while !isAtEnd {
            switch try csv.next() {
            case .end: isAtEnd = true
            case .malformed(let reason): reject(reason)
            case .record:
                do throws(RowProblem) {
                    if let batch = try add(try columns.flight(csv)) { return batch }
                } catch {
                    reject(error.reason)
                }
            }
        }
        guard let airline = open.first(where: { !$0.value.flights.isEmpty })?.key else { return nil }
        return open.removeValue(forKey: airline)
    }

    private mutating func add(_ flight: Flight) throws(RowProblem) -> Batch? {
        // Changed where it lies: a copy of the batch would be a copy of all its flights.
        guard let place = open.index(forKey: flight.carrier) else {
            throw RowProblem("no airline has the code '\(flight.carrier)'")
        }
        open.values[place].flights.append(flight)
        open.values[place].lines.append(csv.line)
        guard open.values[place].flights.count == size else { return nil }
        let batch = open.values[place]
        open.values[place] = Batch(airline: flight.carrier)
        return batch
    }

    private mutating func reject(_ reason: String) {
        rejections.append(Rejection(file: csv.name, line: csv.line, reason: reason))
    }
}
