import Foundation

@testable import TenancyPostgres

extension OwnServer {
    /// Kills the server's main process, as the system does when memory is short; then what it leaves behind, some of
    /// which may wait for ever for one that has ended. No other server may work in the folder before.
    func crash() throws {
        let file = folder + "/data/postmaster.pid"
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        guard let parent = lines.first.flatMap({ pid_t($0) }), kill(parent, SIGKILL) == 0 else {
            throw CancellationError()
        }
        let end = ContinuousClock.now + .seconds(10)
        let grace = ContinuousClock.now + .milliseconds(100)
        while true {
            let processes = try processes()
            if processes.isEmpty { break }
            guard ContinuousClock.now < end else { throw CancellationError() }
            if ContinuousClock.now > grace { for process in processes { kill(process, SIGKILL) } }
            usleep(5_000)
        }
        // The process that they name may be a zombie for a while, and a server would refuse to start.
        for lock in [file, folder + "/.s.PGSQL.\(port).lock"] { try FileManager.default.removeItem(atPath: lock) }
    }

    /// Those that work in the folder: each of the server's has it as its current one.
    func processes() throws -> [pid_t] {
        let files = FileManager.default
        let data = URL(filePath: folder + "/data").resolvingSymlinksInPath().path
        return try files.contentsOfDirectory(atPath: "/proc").compactMap { entry in
            guard let process = pid_t(entry),
                (try? files.destinationOfSymbolicLink(atPath: "/proc/\(entry)/cwd")) == data
            else { return nil }
            return process
        }
    }

    /// Asks as the administrator.
    @discardableResult
    func texts(_ query: String) async throws -> [[String]] {
        try await blocking { [port] in
            let configuration = PostgresConfiguration(
                host: "127.0.0.1", port: port, database: "postgres", user: "tenancy_admin")
            guard let parameters = ConnectionParameters(configuration, for: .tenants) else { throw CancellationError() }
            return try TestConnection(parameters).texts(query)
        }
    }

    /// Waits until it takes connections.
    func ready() async throws {
        guard await eventually({ (try? await texts("SELECT 1")) != nil }) else { throw CancellationError() }
    }
}
