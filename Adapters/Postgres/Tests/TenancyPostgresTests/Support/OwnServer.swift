import Foundation
import Testing

@testable import TenancyPostgres

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
        (program, folder, port) = try Self.place()
        try server("initdb", ["-D", folder + "/data", "-U", "tenancy_admin", "-A", "trust", "--no-sync", "-E", "UTF8"])
        if isStandby { _ = FileManager.default.createFile(atPath: folder + "/data/standby.signal", contents: Data()) }
        if getuid() == 0 { try Self.run("/bin/chown", ["-R", "postgres", folder]) }
        try start(options)
    }

    /// Makes and starts a replica of another server.
    init(following primary: OwnServer, options: [String] = []) throws {
        (program, folder, port) = try Self.place()
        try primary.waitUntilReady()
        try server(
            "pg_basebackup",
            [
                "-D", folder + "/data", "-d", "host=127.0.0.1 port=\(primary.port) user=tenancy_admin", "-c", "fast",
                "-R", "--no-sync",
            ])
        try start(options)
    }

    /// Waits until the server takes connections.
    func waitUntilReady() throws { try Self.waitUntilReady(port) }

    /// Waits until somebody takes connections on a port of this machine.
    static func waitUntilReady(_ port: Int) throws {
        guard let program = Self.binaries else { throw CancellationError() }
        for _ in 0..<600 {
            if (try? runAsServer(program + "/pg_isready", ["-q", "-h", "127.0.0.1", "-p", String(port)])) != nil {
                return
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw CancellationError()
    }

    private static func place() throws -> (program: String, folder: String, port: Int) {
        guard let program = Self.binaries else { throw CancellationError() }
        // Nobody listens on a port that the system has just given to somebody else.
        return (program, try makeFolder("tenancy-pg"), try SilentServer().port)
    }

    /// Makes a folder for whom servers run as.
    static func makeFolder(_ name: String) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: uniqueName(name)).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if getuid() == 0 { try Self.run("/bin/chown", ["postgres", folder]) }
        return folder
    }

    func start(_ options: [String] = []) throws {
        let settings = ["listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=\(folder)", "fsync=off"]
        try server(
            "pg_ctl",
            ["-D", folder + "/data", "-W", "-l", folder + "/log", "-o"]
                + [(settings + options).map { "-c \($0)" }.joined(separator: " "), "start"])
    }

    func stop() throws { try server("pg_ctl", ["-D", folder + "/data", "-m", "immediate", "stop"]) }

    /// Makes a primary of a replica.
    func promote() throws { try server("pg_ctl", ["-D", folder + "/data", "promote"]) }

    /// Sends a signal to each of the server's processes.
    func signal(_ number: Int32) throws { for process in try processes() { kill(process, number) } }

    deinit {
        try? signal(SIGCONT)
        try? stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func server(_ name: String, _ arguments: [String]) throws {
        try Self.runAsServer(program + "/" + name, arguments)
    }

    /// Runs a program that refuses to run with every right.
    static func runAsServer(_ path: String, _ arguments: [String]) throws {
        if getuid() == 0 {
            try Self.run("/usr/sbin/runuser", ["-u", "postgres", "--", path] + arguments)
        } else {
            try Self.run(path, arguments)
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
