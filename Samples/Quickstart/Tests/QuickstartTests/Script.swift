import Foundation

/// A script of the repository, run to its end.
enum Script {
    /// - Returns: The exit code, and what was printed on both outputs.
    static func run(_ name: String, _ arguments: [String]) throws -> (code: Int32, output: String) {
        let root = URL(filePath: #filePath).pathComponents.dropLast(5).joined(separator: "/").dropFirst()
        let process = Process()
        process.executableURL = URL(filePath: root + "/scripts/\(name)")
        process.arguments = arguments
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }

    static func run(_ name: String, _ arguments: String...) throws -> (code: Int32, output: String) {
        try run(name, arguments)
    }
}
