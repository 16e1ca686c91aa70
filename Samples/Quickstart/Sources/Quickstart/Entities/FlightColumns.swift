import Tenancy

extension Flight: FileRow {
    static let file = "flights.csv"

    static func parser(_ csv: CSVReader) throws -> (CSVReader) throws(RowProblem) -> Flight {
        let columns = try FlightColumns(csv)
        return { csv throws(RowProblem) in try columns.flight(csv) }
    }
}

/// Where a flight's values stand in the CSV, and how a row becomes a flight.
struct FlightColumns {
    let carrier: Int
    private let year, month, day, number, tailNumber, origin, destination, hour, minute, distance: Int
    private let departureTime, departureDelay, scheduledArrivalTime, arrivalTime, arrivalDelay, airTime: Int

    init(_ csv: CSVReader) throws {
        carrier = try csv.column("carrier")
        (year, month, day) = (try csv.column("year"), try csv.column("month"), try csv.column("day"))
        number = try csv.column("flight")
        tailNumber = try csv.column("tailnum")
        (origin, destination) = (try csv.column("origin"), try csv.column("dest"))
        (hour, minute) = (try csv.column("time_hour"), try csv.column("minute"))
        distance = try csv.column("distance")
        departureTime = try csv.column("dep_time")
        departureDelay = try csv.column("dep_delay")
        scheduledArrivalTime = try csv.column("sched_arr_time")
        arrivalTime = try csv.column("arr_time")
        arrivalDelay = try csv.column("arr_delay")
        airTime = try csv.column("air_time")
    }

    /// The flight of the reader's record.
    func flight(_ csv: CSVReader) throws(RowProblem) -> Flight {
        let carrier = try csv.required(try csv.text(carrier), carrier)
        let number = try csv.required(try csv.integer(number), number)
        let origin = try csv.required(try csv.text(origin), origin)
        let hour = try csv.required(try csv.instant(hour), hour)
        let minute = try csv.required(try csv.integer(minute), minute)
        guard (0...59).contains(minute) else { throw RowProblem("column 'minute' lies outside 0…59") }
        let departure = Timestamp(microsecondsSince1970: Int64(hour + minute * 60) * 1_000_000)
        return Flight(
            id: "\(carrier)\(number)-\(try date(csv))-\(origin)",
            carrier: carrier,
            number: number,
            tailNumber: try csv.text(tailNumber),
            origin: origin,
            destination: try csv.required(try csv.text(destination), destination),
            scheduledDeparture: departure,
            departureTime: try csv.integer(departureTime),
            departureDelay: try csv.integer(departureDelay),
            scheduledArrivalTime: try csv.required(try csv.integer(scheduledArrivalTime), scheduledArrivalTime),
            arrivalTime: try csv.integer(arrivalTime),
            arrivalDelay: try csv.integer(arrivalDelay),
            airTime: try csv.integer(airTime),
            distance: try csv.required(try csv.integer(distance), distance))
    }

    /// The day on which the flight leaves where it leaves, which needn't be the day in UTC, as `20130101`.
    private func date(_ csv: CSVReader) throws(RowProblem) -> Int {
        let year = try csv.required(try csv.integer(year), year)
        let month = try csv.required(try csv.integer(month), month)
        let day = try csv.required(try csv.integer(day), day)
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else {
            throw RowProblem("year, month and day are no date")
        }
        return (year * 100 + month) * 100 + day
    }
}
