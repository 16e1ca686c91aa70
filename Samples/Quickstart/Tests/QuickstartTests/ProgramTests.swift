import Foundation
import Testing

@testable import Quickstart

@Suite struct ProgramTests {
    private static let members: Set = [
        "ok", "tenants", "rows", "rows_per_second", "load_seconds", "rejected", "attempts", "leaks", "hit_rate",
        "first_read_microseconds", "second_read_microseconds", "peak_rss_mib", "claims", "failed_claims", "data",
        "database", "model", "cache",
    ]

    @Test("On the sample every claim is true, and the last line says so", arguments: ["shared", "file-per-tenant"])
    func sample(model: String) async throws {
        let place = try Place()
        let outcome = try await Program.run("--json", "--model", model, in: place)
        #expect(outcome.code == 0)
        #expect(outcome.errors.isEmpty)
        let json = try outcome.json()
        #expect(Set(json.keys) == Self.members)
        #expect(json["ok"] as? Bool == true)
        #expect(json["tenants"] as? Int == 16)
        #expect(json["rows"] as? Int == 4_334)
        #expect(json["rejected"] as? Int == 0)
        #expect(json["leaks"] as? Int == 0)
        #expect(json["hit_rate"] as? Double == 0.9)
        #expect(json["failed_claims"] as? [String] == [])
        #expect(json["model"] as? String == model)
        #expect(place.leftovers.isEmpty)
    }

    @Test("What is not shown on a terminal has neither colours nor lines that are drawn over, and fits 80 columns")
    func plainOutput() async throws {
        let outcome = try await Program.run(in: Place())
        #expect(!outcome.output.contains("\u{1B}") && !outcome.output.contains("\r"))
        #expect(outcome.lines.allSatisfy { $0.count <= 80 || $0.contains("/") })
        #expect(outcome.lines.count { $0.hasPrefix("  ✓ ") } == 41)
    }

    @Test("The script that builds the program knows its options, and refuses others before it builds")
    func scriptOptions() async throws {
        let help = try await Program.run("--help", in: Place())
        let options = Set(help.output.matches(of: /--[a-z-]+/).map { String($0.output) })
            .subtracting(["--version"])
        #expect(options.count >= 7)
        let script = try Script.run("quickstart", "--help")
        #expect(script.code == 0)
        #expect(Set(script.output.matches(of: /--[a-z-]+/).map { String($0.output) }) == options)
        for wrong in [["--ful"], ["--data"], ["sqlite"], ["--json", "--unknown=1"]] {
            let refused = try Script.run("quickstart", wrong)
            #expect(refused.code == 64 && refused.output.contains("--help") && !refused.output.contains("building"))
        }
    }

    @Test("Rows that can't be loaded are named by file and line, and the rest is loaded")
    func damaged() async throws {
        let place = try Place()
        var sample = try SampleFiles()
        let mesa = sample.flights.count { $0.contains(",YV,") }
        sample.airlines = sample.airlines.map { $0.hasPrefix("YV,") ? "Y/V,Mesa Airlines Inc." : $0 }
        sample.airlines += ["UA,United once more", "ZZ", "QQ,No Flights"]
        let chicago = try #require(sample.airports.firstIndex { $0.hasPrefix("ORD,") })
        sample.airports[chicago] = sample.airports[chicago].replacing("Chicago", with: "Chic\0ago")
        let boston = try #require(sample.airports.firstIndex { $0.hasPrefix("BOS,") })
        sample.airports[boston] = "BOS,Logan,north,-71.0,19,-5,A,America/New_York"
        sample.airports.append(sample.airports[1])
        sample.planes += [sample.planes[1], "N1,NA", "N2,NA,x,y,z,two,3,NA,w"]
        sample.flights += [sample.flights[1], "no flight", sample.flights[2].replacing("2013-", with: "2013/")]
        let outcome = try await Program.run("--json", "--data", place.data(sample.files), in: place)

        #expect(outcome.code == 2)
        for expected in [
            "airlines.csv:17: The tenant id holds a character that is not allowed.",
            "airlines.csv:18: 'UA' is there already, on line 13",
            "airlines.csv:19: it has 1 fields, and the header has 2",
            "airports.csv:\(boston + 1): column 'lat' is not a number: 'north'",
            "airports.csv:\(chicago + 1): A text holds a NUL character.",
            "airports.csv:1460: '\(sample.airports[1].prefix(3))' is there already, on line 2",
            "planes.csv:3324: 'N10156' is there already, on line 2",
            "planes.csv:3325: it has 2 fields, and the header has 9",
            "planes.csv:3326: column 'engines' is not a whole number: 'two'",
        ] {
            #expect(outcome.lines.contains { $0 == "  ! " + expected }, "\(expected)")
        }
        let json = try outcome.json()
        #expect(json["ok"] as? Bool == false)
        #expect(json["failed_claims"] as? [String] == [])
        #expect(json["rejected"] as? Int == 9 + mesa + 3)
        #expect(json["rows"] as? Int == 4_334 - mesa)
        #expect(json["tenants"] as? Int == 16)
        #expect(place.leftovers.isEmpty)
    }

    @Test("Airlines with a single flight, or with none, are kept apart as well")
    func fewFlights() async throws {
        let place = try Place()
        var sample = try SampleFiles()
        let united = try #require(sample.flights.first { $0.contains(",UA,") })
        let american = try #require(sample.flights.first { $0.contains(",AA,") })
        sample.flights = [sample.flights[0], united, american]
        let outcome = try await Program.run("--json", "--data", place.data(sample.files), in: place)
        #expect(outcome.code == 0)
        #expect(try outcome.json()["rows"] as? Int == 2)
        #expect(try outcome.json()["tenants"] as? Int == 16)
    }

    @Test("Files without rows show nothing, which is no success")
    func noRows() async throws {
        let place = try Place()
        let headers = try SampleFiles().files.mapValues { String($0.prefix { $0 != "\n" }) + "\n" }
        let outcome = try await Program.run("--json", "--data", place.data(headers), in: place)
        #expect(outcome.code == 1)
        #expect(try outcome.json()["ok"] as? Bool == false)
    }

    @Test("What a file holds can't act on the terminal")
    func escapes() async throws {
        let place = try Place()
        var sample = try SampleFiles()
        sample.airlines[1] = "9E,Endeavor\u{1B}[2J Air"
        let outcome = try await Program.run("--data", place.data(sample.files), in: place)
        #expect(outcome.output.contains("Endeavor\u{FFFD}[2J Air"))
        #expect(!outcome.output.contains("\u{1B}"))
    }
}
