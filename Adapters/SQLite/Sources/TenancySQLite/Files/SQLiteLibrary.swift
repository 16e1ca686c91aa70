internal import GRDBSQLite
import TenancyCore

/// The SQLite library that the process runs with, which need not be the one that it was built with.
struct SQLiteLibrary {
    var version: Int32
    var isThreadSafe: Bool
    var hasSearch: Bool

    /// The least version, as SQLite counts: strict tables, `RETURNING` and their corrections.
    static let leastVersion: Int32 = 3_040_000

    /// The one that is linked.
    static var current: SQLiteLibrary {
        SQLiteLibrary(
            version: sqlite3_libversion_number(), isThreadSafe: sqlite3_threadsafe() != 0,
            hasSearch: sqlite3_compileoption_used("ENABLE_FTS5") != 0)
    }

    /// - Throws: ``TenancyError`` with ``TenancyError/Code/unsupported`` if the library can't do what is needed.
    func check(searches: Bool) throws(TenancyError) {
        if version < Self.leastVersion {
            throw TenancyError(
                .unsupported, "SQLite \(Self.text(version)) is older than \(Self.text(Self.leastVersion)).",
                hint: "Install a newer SQLite library, or build the program with one.")
        }
        if !isThreadSafe {
            throw TenancyError(
                .unsupported, "SQLite was built without support for threads.",
                hint: "Use a library built with SQLITE_THREADSAFE=1 or 2.")
        }
        if searches, !hasSearch {
            throw TenancyError(
                .unsupported, "SQLite was built without full-text search, and an entity has search fields.",
                hint: "Use a library built with SQLITE_ENABLE_FTS5, or declare no search fields.")
        }
    }

    private static func text(_ version: Int32) -> String {
        "\(version / 1_000_000).\(version / 1_000 % 1_000).\(version % 1_000)"
    }
}
