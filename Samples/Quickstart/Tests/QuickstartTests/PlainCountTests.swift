import Foundation
import Testing

@testable import Quickstart

@Suite struct PlainCountTests {
    @Test("Lines are counted by airline, but for the header, empty ones and those that were reported")
    func counts() throws {
        let text = "\u{FEFF}day,carrier\r\n1,UA\r\n\r\n2,\"AA\"\n3\n4,UA\n5,UA"
        let count = try PlainCount(Data(text.utf8), except: [5, 7, 99])
        #expect(count.byCarrier == ["UA": 2, "AA": 1])
        #expect(count.total == 3)
        #expect(count.rejected == 2)
    }

    @Test("Lines that the reader swallows with an open quote are counted all the same")
    func swallowed() throws {
        let text = "day,carrier\n1,UA\n\"2,UA\n3,UA\n4\",UA\n5,UA\n"
        #expect(try PlainCount(Data(text.utf8), except: []).total == 5)
    }

    @Test("The sample has as many flights as it is said to have")
    func sample() throws {
        let sample = Dataset.sample
        let data = try Data(contentsOf: sample.directory.appending(path: "flights.csv"))
        #expect(try PlainCount(data, except: []).total == sample.knownFlights)
    }
}
