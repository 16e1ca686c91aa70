import Foundation

@testable import Quickstart

/// The sample's files, to be changed.
struct SampleFiles {
    var airlines: [String]
    var airports: [String]
    var planes: [String]
    var flights: [String]

    init() throws {
        func lines(_ file: String) throws -> [String] {
            try String(contentsOf: Dataset.sample.url(of: file), encoding: .utf8).split(separator: "\n")
                .map(String.init)
        }
        airlines = try lines(Airline.file)
        airports = try lines(Airport.file)
        planes = try lines(Plane.file)
        flights = try lines(Flight.file)
    }

    var files: [String: String] {
        [Airline.file: airlines, Airport.file: airports, Plane.file: planes, Flight.file: flights]
            .mapValues { $0.joined(separator: "\n") + "\n" }
    }

    /// The flights again and again, each time with other numbers.
    mutating func multiplyFlights(by count: Int) {
        let rows = flights.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for copy in 1..<count {
            for var row in rows {
                row[10] = "\((Int(row[10]) ?? 0) + copy * 10_000)"
                flights.append(row.joined(separator: ","))
            }
        }
    }
}
