import Foundation
import Testing

@testable import Quickstart

@Suite struct CSVReaderTests {
    /// The records of a text as lists of fields, and what is wrong with the others by their lines.
    private func read(_ text: String) throws -> (records: [[String?]], problems: [Int: String]) {
        let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).csv")
        try Data(text.utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        var csv = try CSVReader(url)
        var records: [[String?]] = []
        var problems: [Int: String] = [:]
        while true {
            switch try csv.next() {
            case .end: return (records, problems)
            case .malformed(let reason): problems[csv.line] = reason
            case .record: records.append(try csv.fields.indices.map { try csv.text($0) })
            }
        }
    }

    @Test("Quoted fields hold commas, quotes and line breaks")
    func quoted() throws {
        let (records, problems) = try read("a,b\n\"x,y\",\"he said \"\"no\"\"\"\r\n\"two\nlines\",z\nlast,\"one\"")
        #expect(records == [["x,y", "he said \"no\""], ["two\nlines", "z"], ["last", "one"]])
        #expect(problems.isEmpty)
    }

    @Test("Empty fields and NA have no value, empty lines are no records, and a byte order mark is no text")
    func missing() throws {
        let (records, _) = try read("\u{FEFF}a,b\n\n,NA\nNAN,x\n\n")
        #expect(records == [[nil, nil], ["NAN", "x"]])
    }

    @Test("What is no record is reported by its line, and reading goes on with the next")
    func malformed() throws {
        let (records, problems) = try read("a,b\n1,2\n1\n1,2,3\nx\"y,2\n\"x\"y,2\n3,4\n\"never closed,5\n6,7\n")
        #expect(records == [["1", "2"], ["3", "4"], ["6", "7"]])
        #expect(problems.keys.sorted() == [3, 4, 5, 6, 8])
    }

    @Test("Records that lie across two blocks of the file are whole")
    func blocks() throws {
        let lines = (0..<60_000).map { "\($0),\"text, \($0)\"" }
        let (records, problems) = try read("a,b\n" + lines.joined(separator: "\r\n"))
        #expect(problems.isEmpty)
        #expect(records == (0..<60_000).map { ["\($0)", "text, \($0)"] })
    }

    @Test("Instants are those of Foundation, and what is none is refused")
    func instants() throws {
        let texts = ["1970-01-01T00:00:00Z", "2013-12-31T23:59:59Z", "2000-02-29T12:00:00Z", "1900-03-01T00:00:00Z"]
        let wrong = ["2013-02-29T00:00:00Z", "2013-13-01T00:00:00Z", "2013-01-01 00:00:00Z", "2013-01-01T24:00:00Z"]
        let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).csv")
        try Data(("t\n" + (texts + wrong).joined(separator: "\n")).utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        var csv = try CSVReader(url)
        for text in texts {
            guard case .record = try csv.next() else { throw RowProblem("no record") }
            #expect(try csv.instant(0) == Int(Date(text, strategy: .iso8601).timeIntervalSince1970))
        }
        for _ in wrong {
            guard case .record = try csv.next() else { throw RowProblem("no record") }
            #expect(throws: RowProblem.self) { try csv.instant(0) }
        }
    }
}
