import Foundation

/// A Redis server of the run's own. It keeps what it was told, so that it comes back from a crash with old values.
final class OwnRedis {
    let port: Int
    private let folder: URL
    private var process: Process

    private init(port: Int, folder: URL, process: Process) {
        self.port = port
        self.folder = folder
        self.process = process
    }

    /// Starts a server on a port that nobody uses.
    static func start(in folder: URL) async throws -> OwnRedis {
        for _ in 0..<20 {
            // Below the ports that the kernel hands to outgoing connections.
            let port = Int.random(in: 20_000..<32_000)
            let process = try launch(port, folder)
            if try await answers(port, process) { return OwnRedis(port: port, folder: folder, process: process) }
            stop(process)
        }
        throw CheckError("redis-server did not start.")
    }

    /// Ends the server as a crash does, and starts it with what it had written.
    func restart() async throws {
        Self.stop(process)
        process = try Self.launch(port, folder)
        guard try await Self.answers(port, process) else { throw CheckError("redis-server did not start again.") }
    }

    /// Cuts all connections.
    func cut() async throws {
        _ = try await Tool.run("redis-cli", ["-p", String(port), "CLIENT", "KILL", "TYPE", "normal"])
    }

    func stop() { Self.stop(process) }

    private static func launch(_ port: Int, _ folder: URL) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", folder.path, "--save", "",
            "--appendonly", "yes", "--appendfsync", "no",
        ]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private static func answers(_ port: Int, _ process: Process) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(20)
        while process.isRunning, ContinuousClock.now < end {
            // Another server may be there already, which is not this one.
            if let text = try? await Tool.run("redis-cli", ["-p", String(port), "INFO", "server"]),
                text.contains("process_id:\(process.processIdentifier)\r\n")
            {
                return true
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    private static func stop(_ process: Process) {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

/// Programs that come with the servers.
enum Tool {
    /// Runs a program to its end.
    ///
    /// - Returns: What it wrote to its standard output.
    static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment, uniquingKeysWith: { $1 })
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                do {
                    try process.run()
                    let data = try output.fileHandleForReading.readToEnd() ?? Data()
                    process.waitUntilExit()
                    guard process.terminationStatus == 0 else { throw CheckError("\(name) failed.") }
                    continuation.resume(returning: String(decoding: data, as: UTF8.self))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}
