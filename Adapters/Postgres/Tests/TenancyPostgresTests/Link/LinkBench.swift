import CLibpq
import Foundation
import Synchronization
import TenancyCore
import TenancyIO
import TestServers

@testable import TenancyPostgres

/// Gives the body a reactor and stops it afterwards.
func withReactor<Value>(_ body: (Reactor) async throws -> Value) async throws -> Value {
    let reactor = try Reactor(name: "link-test")
    let outcome: Result<Value, any Error>
    do { outcome = .success(try await body(reactor)) } catch { outcome = .failure(error) }
    await reactor.stop()
    return try outcome.get()
}

extension PostgresConfiguration {
    /// The application's login, changed as a test needs it.
    static func test(
        _ server: TestServer = .application, _ change: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(url: server.address())
        change(&configuration)
        return configuration
    }
}

/// The error that a call throws.
func failureOf<Value>(_ call: () async throws -> Value) async -> TenancyError? {
    do {
        _ = try await call()
        return nil
    } catch { return error as? TenancyError ?? TenancyError(.backendFailure, "another error: \(error)") }
}

/// How many file descriptors the process has open.
func openDescriptors() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0 }

/// Waits until a condition holds, or for 10 seconds.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let end = ContinuousClock.now.advanced(by: .seconds(10))
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return try await condition()
}

/// Asks as the administrator.
func administrator(_ query: String) async throws -> [[String]] {
    try await blocking { try TestConnection(.admin).texts(query) }
}

/// A socket that takes connections and never says a word.
final class SilentServer: Sendable {
    let port: Int
    private let descriptor: Int32

    init() throws {
        #if canImport(Darwin)
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #else
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let error = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) + listen(descriptor, 64)
                    + getsockname(descriptor, pointer, &length)
            }
        }
        guard error == 0 else { throw CancellationError() }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}

/// A server of the test's own, in a temporary folder, that can be stopped without harm to anybody.
final class OwnServer: Sendable {
    static let binaries: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
            .last { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }
    }()

    let port: Int
    let folder: String
    private let program: String

    /// Makes and starts a server that trusts everybody from this machine.
    init(options: [String] = [], isStandby: Bool = false) throws {
        guard let program = Self.binaries else { throw CancellationError() }
        self.program = program
        folder = FileManager.default.temporaryDirectory.appending(path: uniqueName("tenancy-pg")).path
        // Nobody listens on a port that the system has just given to somebody else.
        port = try SilentServer().port
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if getuid() == 0 { try Self.run("/bin/chown", ["postgres", folder]) }
        try server("initdb", ["-D", folder + "/data", "-U", "tenancy_admin", "-A", "trust", "--no-sync", "-E", "UTF8"])
        if isStandby { _ = FileManager.default.createFile(atPath: folder + "/data/standby.signal", contents: Data()) }
        if getuid() == 0 { try Self.run("/bin/chown", ["-R", "postgres", folder]) }
        try start(options)
    }

    func start(_ options: [String] = []) throws {
        let settings = ["listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=\(folder)", "fsync=off"]
        try server(
            "pg_ctl",
            ["-D", folder + "/data", "-W", "-l", folder + "/log", "-o"]
                + [(settings + options).map { "-c \($0)" }.joined(separator: " "), "start"])
    }

    func stop() throws { try server("pg_ctl", ["-D", folder + "/data", "-m", "immediate", "stop"]) }

    deinit {
        try? stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func server(_ name: String, _ arguments: [String]) throws {
        if getuid() == 0 {
            try Self.run("/usr/sbin/runuser", ["-u", "postgres", "--", program + "/" + name] + arguments)
        } else {
            try Self.run(program + "/" + name, arguments)
        }
    }

    /// Not by Foundation's `Process`, which waits until the daemons that a program leaves behind have ended too.
    private static func run(_ path: String, _ arguments: [String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in Int32(0)...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        let texts = ([path] + arguments).map { strdup($0) }
        defer { for text in texts { free(text) } }
        var process = pid_t()
        guard posix_spawn(&process, path, &actions, nil, texts + [nil], environ) == 0 else { throw CancellationError() }
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1 { guard errno == EINTR else { throw CancellationError() } }
        guard status == 0 else { throw CancellationError() }
    }
}
