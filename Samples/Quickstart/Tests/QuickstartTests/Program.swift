import Foundation
import Testing

/// The built program, run as a user runs it.
final class Program {
    /// How a run ended.
    struct Outcome {
        let code: Int32
        let output: String
        let errors: String

        var lines: [Substring] { output.split(separator: "\n") }

        /// The object on the last line.
        func json() throws -> [String: Any] {
            let last = try #require(lines.last)
            return try #require(try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
        }
    }

    private let process = Process()
    private let output: URL
    private let errors: URL

    /// Starts the program.
    ///
    /// - Parameter place: A directory for its output and its temporary files.
    init(_ arguments: [String], in place: Place) throws {
        let name = UUID().uuidString
        output = place.url.appending(path: "\(name).out")
        errors = place.url.appending(path: "\(name).err")
        process.executableURL = Self.executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["TMPDIR": place.temporary.path, "SWIFT_BACKTRACE": "enable=no"], uniquingKeysWith: { $1 })
        for url in [output, errors] { try Data().write(to: url) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
    }

    static func run(_ arguments: String..., in place: Place) async throws -> Outcome {
        try await Program(arguments, in: place).outcome()
    }

    /// Waits for the end, which is enforced after two minutes.
    func outcome() async throws -> Outcome {
        try await wait { !self.process.isRunning }
        return Outcome(
            code: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
            errors: try String(contentsOf: errors, encoding: .utf8))
    }

    /// Waits until a text was printed.
    func prints(_ text: String) async throws {
        try await wait { [output] in
            try String(contentsOf: output, encoding: .utf8).contains(text) || !self.process.isRunning
        }
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    private func wait(until isDone: () throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(120)
        while try !isDone() {
            guard ContinuousClock.now < end else {
                send(SIGKILL)
                throw QuietProgram()
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private struct QuietProgram: Error {}

    /// It is built into the directory that the tests run from, or that their bundle lies in.
    private static var executable: URL {
        let bundle = Bundle.allBundles.first { $0.bundleURL.pathExtension == "xctest" }
        let directory = bundle?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL
        return directory.appending(path: "Quickstart")
    }
}

/// A directory of a test's own.
final class Place {
    let url: URL
    /// Where the program puts what it removes in the end.
    let temporary: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "quickstart-tests-\(UUID().uuidString)")
        temporary = url.appending(path: "temporary")
        try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// What a run left of its temporary files.
    var leftovers: [String] { (try? FileManager.default.contentsOfDirectory(atPath: temporary.path)) ?? ["?"] }

    /// A path at which nothing is.
    func path(_ name: String) -> String { url.appending(path: name).path }

    /// What is at such a path or beside it.
    func files(_ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: url.path).filter { $0.hasPrefix(name) }
    }

    /// A directory of CSV files.
    func data(_ files: [String: String]) throws -> String {
        let directory = url.appending(path: "data-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, text) in files { try Data(text.utf8).write(to: directory.appending(path: name)) }
        return directory.path
    }
}
