import Foundation

@testable import TenancyPostgres

/// PgBouncer in transaction mode in front of a server of the test's own, or of a replica.
final class OwnPooler: Sendable {
    /// Where PgBouncer is; it is installed together with the pooler that `scripts/services` starts.
    static let program: String? = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/sbin"]).map { $0 + "/pgbouncer" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    let port: Int
    private let folder: String

    /// Makes and starts a pooler that trusts everybody from this machine.
    convenience init(inFrontOf server: OwnServer) throws { try self.init(inFrontOf: server, ignoring: nil) }

    /// - Parameter ignored: A setting that it takes from clients and does nothing with.
    init(inFrontOf server: OwnServer, ignoring ignored: String?) throws {
        guard let program = Self.program else { throw CancellationError() }
        folder = try OwnServer.makeFolder("tenancy-pgbouncer")
        port = try SilentServer().port
        try "\"tenancy_app\" \"\"\n\"tenancy_admin\" \"\"\n".write(
            toFile: folder + "/users.txt", atomically: true, encoding: .utf8)
        try """
        [databases]
        * = host=127.0.0.1 port=\(server.port)

        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = \(port)
        unix_socket_dir =
        auth_type = trust
        auth_file = \(folder)/users.txt
        pool_mode = transaction
        default_pool_size = 6
        server_login_retry = 1
        ignore_startup_parameters = \(ignored ?? "extra_float_digits")
        logfile = \(folder)/log
        pidfile = \(folder)/pid
        """.write(toFile: folder + "/pgbouncer.ini", atomically: true, encoding: .utf8)
        try OwnServer.runAsServer(program, ["-q", "-d", folder + "/pgbouncer.ini"])
        // It leaves its parent before it listens.
        try OwnServer.waitUntilReady(port)
    }

    deinit {
        if let text = try? String(contentsOfFile: folder + "/pid", encoding: .utf8),
            let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
        {
            kill(process, SIGKILL)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
