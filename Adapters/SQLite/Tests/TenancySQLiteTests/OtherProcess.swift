import Foundation
import Testing

/// Another process that has an SQLite file open, and runs the statements that it is sent.
///
/// Python's own module for SQLite, so that it is a program that knows nothing of Tenancy.
final class OtherProcess {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    private static let program = """
        import sqlite3, sys
        database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
        for line in sys.stdin:
            try:
                print(repr(database.execute(line).fetchall()), flush=True)
            except sqlite3.Error as error:
                print(error, flush=True)
        """

    /// Locks a file as a whole, by POSIX's locks.
    private static let locker = """
        import fcntl, sys
        file = open(sys.argv[1], "r+b")
        for line in sys.stdin:
            if line.startswith("LOCK"):
                fcntl.lockf(file, getattr(fcntl, line.strip()))
            print("[(1,)]", flush=True)
        """

    /// - Parameter locks: Whether it doesn't open the file as a database, but takes the locks that it is sent.
    init(_ path: String, locks: Bool = false) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", locks ? Self.locker : Self.program, path]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try #require(run("SELECT 1") == "[(1,)]", "these tests need python3 with sqlite3")
    }

    deinit { end() }

    /// Runs a statement, and answers its rows or its error.
    @discardableResult
    func run(_ sql: String) throws -> String {
        try input.fileHandleForWriting.write(contentsOf: Data((sql + "\n").utf8))
        var answer = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data([10]), !byte.isEmpty {
            answer += byte
        }
        return String(decoding: answer, as: UTF8.self)
    }

    /// Kills it, with whatever locks it holds.
    func end() {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

/// A directory on which something is mounted, for as long as this lives.
final class Mount: Sendable {
    let path: String

    /// Whether this process may mount.
    static let isAllowed = (try? Mount(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])) != nil

    /// An empty file system of a few bytes.
    static func small(bytes: Int) throws -> Mount { try Mount(["-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs"]) }

    private init(_ arguments: [String]) throws {
        path = NSTemporaryDirectory() + "tenancy-mount-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        do { try Self.run("mount", arguments + [path]) } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw error
        }
    }

    /// A file or directory that nobody can write to, root neither.
    init(forReadingOnly path: String) throws {
        self.path = path
        try Self.run("mount", ["--bind", path, path])
        try Self.run("mount", ["-o", "remount,ro,bind", path])
    }

    deinit {
        try? Self.run("umount", ["-l", path])
        if path.contains("tenancy-mount-") { try? FileManager.default.removeItem(atPath: path) }
    }

    private struct Failed: Error { var command: String }

    private static func run(_ command: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(command: command) }
    }
}
