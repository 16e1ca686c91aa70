import Foundation
import TenancyCore
import TenancyIO

@testable import TenancyRedis

/// A server of a test's own, in a temporary folder, which may be stopped and started again.
final class OwnServer: @unchecked Sendable {
    // Unchecked: a test uses its server from one task.

    let port: Int
    private let folder: String
    private var options: [String]
    private var file: String?
    private var process: Process?

    convenience init(_ options: String...) throws { try self.init(options: options) }

    init(options: [String]) throws {
        port = try Self.freePort()
        folder = FileManager.default.temporaryDirectory.path + "/" + uniqueName("tenancy-redis")
        self.options = options
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// Gives the body a running server, and removes it afterwards.
    static func with<Value>(
        _ server: OwnServer, _ body: (OwnServer) async throws -> Value
    ) async throws -> Value {
        defer { server.remove() }
        try await server.start()
        return try await body(server)
    }

    var isRunning: Bool { process != nil }

    var endpoint: RedisEndpoint { RedisEndpoint(host: "127.0.0.1", port: port) }

    var configuration: RedisConfiguration {
        var configuration = RedisConfiguration(host: "127.0.0.1", port: port)
        configuration.commandTimeout = .seconds(10)
        configuration.idleTimeout = .seconds(10)
        configuration.clientName = uniqueName("test")
        return configuration
    }

    func start() async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["redis-server"] + (file.map { [$0] } ?? []) + defaults + options
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        let answers = try await eventually {
            guard let socket = try? await self.ping() else { return false }
            return socket
        }
        guard answers else { throw TenancyError(.unavailable, "redis-server did not start") }
    }

    /// The options of every server; those of a sentinel stand in its file.
    private var defaults: [String] {
        if file != nil { return [] }
        return ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
            + ["--enable-debug-command", "yes"]
    }

    /// Has the server read a file, which it may rewrite, and be a sentinel.
    func beSentinel(_ lines: [String]) throws {
        let text = ["port \(port)", "bind 127.0.0.1", "dir \(folder)"] + lines
        try text.joined(separator: "\n").write(toFile: folder + "/sentinel.conf", atomically: true, encoding: .utf8)
        file = folder + "/sentinel.conf"
        options = ["--sentinel"]
    }

    /// Stops the server in its tracks, or has it go on.
    func pause(_ isPaused: Bool) {
        if let process { Foundation.kill(process.processIdentifier, isPaused ? SIGSTOP : SIGCONT) }
    }

    func remove() {
        kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Ends the server as a crash would.
    func kill() {
        guard let process else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    func administrator() async throws -> Administrator { try await Administrator(configuration) }

    /// Sends a command; returns the reply as text.
    @discardableResult
    func send(_ words: String...) async throws -> String {
        let admin = try await administrator()
        defer { Task { await admin.close() } }
        return try await admin.send(words)
    }

    /// Whether the server answers, whatever its role is.
    private func ping() async throws -> Bool {
        try await send("PING") == "PONG"
    }

    /// A port that nobody listens on, and that the system gives to no connection.
    static func freePort() throws -> Int {
        for _ in 0..<100 {
            let port = Int.random(in: 20_000..<32_000)
            if canListen(on: port) { return port }
        }
        throw TenancyError(.backendFailure, "no port is free")
    }

    private static func canListen(on port: Int) -> Bool {
        #if canImport(Darwin)
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #else
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
