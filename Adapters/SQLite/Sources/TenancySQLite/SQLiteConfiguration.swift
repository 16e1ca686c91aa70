public import TenancyCore

/// How an SQLite database is opened and used.
///
/// A file has one writer at a time, and writes wait for it in the order in which they come. So a write that is made
/// inside a transaction's body, but not by the transaction, would wait for the transaction that waits for it. It throws
/// ``TenancyError/Code/transactionConflict`` at once, as it does in every task that the body starts, detached ones
/// excepted: make a transaction's writes by the transaction, or after it.
public struct SQLiteConfiguration: Sendable {
    /// Where tenants' records are kept.
    public struct Model: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String { case shared, filePerTenant }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// All tenants in one file, whose every statement carries the tenant.
        public static let shared = Model(.shared)
        /// A directory with a file for each tenant, made when the tenant is first used. Statements carry the tenant
        /// here too, so that a file in the wrong place shows nothing.
        public static let filePerTenant = Model(.filePerTenant)
        /// The model's name.
        public var description: String { kind.rawValue }
    }

    /// What is certain to be on disk when a write has been acknowledged.
    public struct Durability: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String { case process, machine }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// Survives the end of the process; the last writes before a loss of power may be missing, whole
        /// transactions at a time (`synchronous=NORMAL`).
        public static let process = Durability(.process)
        /// Survives a loss of power, for one disk flush a commit (`synchronous=FULL`).
        public static let machine = Durability(.machine)
        /// The durability's name.
        public var description: String { kind.rawValue }
    }

    /// The file, or with ``Model/filePerTenant`` the directory, which is made if it is not there. A database in memory
    /// (`:memory:`) is not supported, because each connection would have its own.
    public var path: String
    /// Where tenants' records are kept.
    public var model: Model
    /// What is certain to be on disk when a write has been acknowledged; ``Durability/process`` unless set.
    public var durability = Durability.process
    /// How many connections read beside the one for point reads, for each file; 4 unless set, at least 1.
    public var maximumReaders = 4
    /// How many streams outside transactions are open at once, for each file; 16 unless set, at least 1. Each has a
    /// connection of its own for as long as it is read; one more waits until another ends.
    public var maximumStreams = 16
    /// How many tenants' files are kept open while they are not in use; 64 unless set, at least 1. Files in use
    /// are never closed, so that more may be open for a while.
    public var maximumOpenFiles = 64
    /// How many prepared statements each connection keeps; 128 unless set, at least 1.
    public var maximumStatements = 128
    /// How long a call without an earlier deadline waits for a lock that another process holds; 5 seconds unless set.
    public var busyTimeout = Duration.seconds(5)
    /// How large a file may grow, in bytes, rounded up to a page; `nil` for no bound. A write beyond it fails with
    /// ``TenancyError/Code/storageFull``.
    public var maximumFileBytes: Int64?
    /// How much of a file each connection caches, in bytes; unless set, 16 MiB of a shared file and 2 MiB of a
    /// tenant's, of which many are open.
    public var cacheBytes: Int?
    /// How much of a file is mapped into memory, in bytes; 0, which is none, unless set. A mapped file that another
    /// process truncates ends this one.
    public var mappedBytes = 0
    /// Whether files are opened for reading only. They must exist, and have the entities' tables.
    public var isReadOnly = false

    /// A configuration with every default.
    public init(path: String, model: Model = .shared) {
        self.path = path
        self.model = model
    }

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, naming the setting.
    func validate() throws(TenancyError) {
        let problem: String? =
            if path.isEmpty || path.utf8.contains(0) {
                "The path is empty or holds a NUL character."
            } else if path == ":memory:" || path.hasPrefix("file:") {
                "The path names a database in memory or an URI; SQLite databases are files here."
            } else if maximumReaders < 1 {
                "maximumReaders is less than 1."
            } else if maximumStreams < 1 {
                "maximumStreams is less than 1."
            } else if maximumOpenFiles < 1 {
                "maximumOpenFiles is less than 1."
            } else if maximumStatements < 1 {
                "maximumStatements is less than 1."
            } else if busyTimeout < .zero {
                "busyTimeout is negative."
            } else if (maximumFileBytes ?? 1) < 1 {
                "maximumFileBytes is less than 1."
            } else if (cacheBytes ?? 0) < 0 || mappedBytes < 0 {
                "cacheBytes or mappedBytes is negative."
            } else {
                nil
            }
        if let problem { throw TenancyError(.invalidConfiguration, "SQLite: " + problem) }
    }
}

extension DatabaseSource {
    /// Records in SQLite files; nothing else needs to be installed or to run.
    ///
    /// - Parameters:
    ///   - path: The file, or for ``SQLiteConfiguration/Model/filePerTenant`` the directory.
    ///   - model: Where tenants' records are kept.
    ///   - configure: Changes the other settings.
    public static func sqlite(
        path: String, model: SQLiteConfiguration.Model = .shared,
        configure: (inout SQLiteConfiguration) -> Void = { _ in }
    ) -> DatabaseSource {
        var configuration = SQLiteConfiguration(path: path, model: model)
        configure(&configuration)
        return .sqlite(configuration)
    }

    /// Records in SQLite files.
    ///
    /// Making the adapter throws ``TenancyError/Code/invalidConfiguration`` if a setting is out of range.
    public static func sqlite(_ configuration: SQLiteConfiguration) -> DatabaseSource {
        DatabaseSource(name: SQLiteAdapter.name) { environment throws(TenancyError) in
            try SQLiteAdapter(configuration, environment)
        }
    }
}
