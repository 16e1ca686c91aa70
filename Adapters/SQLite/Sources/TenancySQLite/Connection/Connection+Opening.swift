internal import CTenancySQLite
import Foundation
internal import GRDB
internal import GRDBSQLite
import TenancyCore
import TenancyIO

extension Connection {
    /// Opens a file. The first connection to a file is its writer, which makes it and turns it to write-ahead logging.
    ///
    /// - Parameter searches: Whether triggers keep a search index, which SQLite lets them do only where it is told to
    ///   trust what stands in the file. It is told so on no connection that doesn't need it.
    static func open(
        _ path: String, as role: Role, on threads: ConnectionThreads, searches: Bool = false,
        _ configuration: SQLiteConfiguration
    ) async throws(TenancyError) -> Connection {
        let connection = Connection(role, on: threads, configuration)
        do throws(TenancyError) {
            try await connection.open(path, searches: searches, configuration)
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }

    private func open(_ path: String, searches: Bool, _ configuration: SQLiteConfiguration) throws(TenancyError) {
        var grdb = Configuration()
        grdb.label = "tenancy.sqlite"
        grdb.readonly = role != .writer || configuration.isReadOnly
        grdb.foreignKeysEnabled = true
        grdb.allowsUnsafeTransactions = true
        // Taken over by our own handler below, but it holds while GRDB opens the file.
        grdb.busyMode = .timeout(min(5, configuration.busyTimeout / .seconds(1)))
        do {
            let queue = try DatabaseQueue(path: path, configuration: grdb)
            let handle = queue.inDatabase { database -> OpaquePointer? in database.sqliteConnection }
            guard let handle else { throw Lifecycle.closed }
            adopt(queue, handle)
            callbacks.install(on: handle)
            // GRDB's hooks trap when a transaction is committed without it.
            sqlite3_commit_hook(handle, nil, nil)
            sqlite3_rollback_hook(handle, nil, nil)
            var code = tenancy_sqlite_defend(UnsafeMutableRawPointer(handle))
            if code == SQLITE_OK { code = SQLFunctions.register(on: handle) }
            guard code == SQLITE_OK else { throw failure(code) }
            try queue.inDatabase { database in
                for pragma in pragmas(configuration, trusts: searches && role == .writer) {
                    try database.execute(sql: pragma)
                }
            }
            if !grdb.readonly { try turnToWriteAheadLog(queue, configuration) }
            if role != .writer { stopObserving() }
            // The writer waits here for those who bring the tables up, and no longer when that is done.
            if role != .writer { callbacks.stopWaiting() }
        } catch {
            throw TenancyError(grdb: error, on: handle).explained(path, isReadOnly: grdb.readonly)
        }
    }

    /// Ends GRDB's observation of what is compiled, by which it notices changes of tables. Nobody but it needs that,
    /// and it does only while it brings the tables up.
    func stopObserving() {
        if let handle { sqlite3_set_authorizer(handle, nil, nil) }
    }

    private static func cacheBytes(_ configuration: SQLiteConfiguration) -> Int {
        configuration.cacheBytes ?? (configuration.model == .shared ? 16 << 20 : 2 << 20)
    }

    private func pragmas(_ configuration: SQLiteConfiguration, trusts: Bool) -> [String] {
        var pragmas = [
            "PRAGMA trusted_schema = \(trusts ? "ON" : "OFF")",
            "PRAGMA cell_size_check = ON",
            "PRAGMA synchronous = \(configuration.durability == .machine ? "FULL" : "NORMAL")",
            "PRAGMA cache_size = -\(Self.cacheBytes(configuration) / 1_024)",
            "PRAGMA mmap_size = \(configuration.mappedBytes)",
            "PRAGMA temp_store = DEFAULT",
        ]
        if role == .writer, !configuration.isReadOnly {
            pragmas.append("PRAGMA journal_size_limit = 67108864")
            // What was deleted must not stay in the file's free space. It costs a quarter of a mass deletion's time, and
            // nothing of an update's.
            pragmas.append("PRAGMA secure_delete = ON")
            if let bytes = configuration.maximumFileBytes {
                pragmas.append("PRAGMA max_page_count = \(max(1, (bytes + 4_095) / 4_096))")
            }
        }
        return pragmas
    }

    /// Write-ahead logging is a property of the file. Two processes that turn to it at once can get in each other's
    /// way without SQLite's busy handler being asked, so that it is tried again here.
    private func turnToWriteAheadLog(_ queue: DatabaseQueue, _ configuration: SQLiteConfiguration) throws {
        let end = ContinuousClock.now + configuration.busyTimeout
        while true {
            do {
                let mode = try queue.inDatabase { try String.fetchOne($0, sql: "PRAGMA journal_mode = WAL") }
                guard mode == "wal" else {
                    throw TenancyError(
                        .unavailable, "The file system does not support SQLite's write-ahead log.",
                        hint: "Put the file on a local disk.")
                }
                return
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < end {
                usleep(5_000)
            }
        }
    }
}

extension TenancyError {
    /// The error of opening a file, with what the file system tells of the cause. Called where blocking is allowed.
    func explained(_ path: String, isReadOnly: Bool) -> TenancyError {
        guard code == .unavailable || code == .readOnly else { return self }
        var status = stat()
        let directory = (path as NSString).deletingLastPathComponent
        let (message, hint): (String, String)
        if stat(directory.isEmpty ? "." : directory, &status) != 0 {
            (message, hint) = (
                "The database file can't be opened: its directory is not there or can't be entered.",
                "Make the directory, or correct the path."
            )
        } else if status.st_mode & S_IFMT != S_IFDIR {
            (message, hint) = (
                "The database file can't be opened: what should be its directory is a file.", "Correct the path."
            )
        } else if stat(path, &status) != 0 {
            (message, hint) = (
                isReadOnly
                    ? "The database file is not there, and reading only does not make it."
                    : "The database file is not there and can't be made.",
                isReadOnly
                    ? "Correct the path, or open it for writing once."
                    : "Allow the process to write to the file's directory."
            )
        } else if status.st_mode & S_IFMT == S_IFDIR {
            (message, hint) = (
                "The path of the database file is a directory's.",
                "Name a file in it, or choose the model with a file for each tenant."
            )
        } else if access(path, isReadOnly ? R_OK : R_OK | W_OK) != 0 {
            (message, hint) = (
                "The database file's permissions, or a file system for reading only, refuse the access.",
                "Allow the process to write to the file and its directory, or set isReadOnly."
            )
        } else {
            (message, hint) = (self.message, self.hint)
        }
        return TenancyError(code, message, hint: hint, details: details)
    }
}

extension Connection.Role {
    var threadName: String {
        switch self {
        case .writer: "sqlite-write"
        case .reader: "sqlite-read"
        case .pointReader: "sqlite-point"
        }
    }
}
