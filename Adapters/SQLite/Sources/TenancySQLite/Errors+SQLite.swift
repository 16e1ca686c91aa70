import Foundation
internal import GRDB
internal import GRDBSQLite
import TenancyCore

/// What SQLite's result codes mean to a caller. The one place where they are looked at.
///
/// SQLite's messages name tables and columns and no values, but only those of constraints are used, and of them only
/// the names; the rest would say nothing to a caller that the code doesn't.
extension TenancyError {
    /// The error of an extended result code.
    ///
    /// - Parameters:
    ///   - message: SQLite's own text.
    ///   - plan: The table that the statement was about.
    ///   - systemError: The number of the operating system's last error on the connection, if it is known.
    init(sqlite code: Int32, message: String?, plan: TablePlan? = nil, systemError: Int32 = 0) {
        let (kind, text, hint) = Self.meaning(of: code, systemError)
        var details = Details(entity: plan?.entity.name, backendCode: "SQLITE_\(code)")
        guard code & 0xFF == SQLITE_CONSTRAINT, let plan, let message else {
            self.init(kind, text, hint: hint, details: details)
            return
        }
        let columns = Self.columns(in: message, of: plan)
        let positions = columns.compactMap { plan.entity.column(named: $0) }
        details.field = columns.count == 1 ? columns.first : nil
        if kind == .uniqueViolation, !positions.isEmpty {
            details.constraint = plan.indexName(positions, isUnique: true)
        }
        self.init(kind, text, hint: hint, details: details)
    }

    /// The error of a call into GRDB, on a connection that may not have been opened.
    init(grdb error: any Error, on handle: OpaquePointer?) {
        if let error = error as? DatabaseError {
            self.init(
                sqlite: error.extendedResultCode.rawValue, message: error.message,
                systemError: handle.map { sqlite3_system_errno($0) } ?? 0)
        } else {
            self = .wrap(error)
        }
    }

    /// The columns that a constraint's message names (`UNIQUE constraint failed: t.a, t.b`), without the tenant's.
    private static func columns(in message: String, of plan: TablePlan) -> [String] {
        guard let colon = message.range(of: "failed: ") else { return [] }
        return message[colon.upperBound...].split(separator: ",").compactMap { part in
            let name = part.split(separator: ".").last.map { $0.trimmingPrefix(while: { $0 == " " }) }
            guard let name, name != "tenant_id", plan.entity.column(named: String(name)) != nil else { return nil }
            return String(name)
        }
    }

    /// What a code means, in words, and what to do about it if that is not the same for every backend.
    private static func meaning(of code: Int32, _ systemError: Int32) -> (Code, String, String?) {
        switch code {
        case SQLITE_CONSTRAINT | (8 << 8), SQLITE_CONSTRAINT | (6 << 8), SQLITE_CONSTRAINT | (10 << 8):
            return (.uniqueViolation, "Another record of the tenant has the same key or unique value.", nil)
        case SQLITE_CONSTRAINT | (5 << 8): return (.notNullViolation, "A field that must have a value has none.", nil)
        case SQLITE_CONSTRAINT | (3 << 8):
            return (.foreignKeyViolation, "A record that is referred to is not there.", nil)
        case SQLITE_CONSTRAINT | (12 << 8): return (.typeMismatch, "A value is not of its column's type.", nil)
        default: break
        }
        switch code & 0xFF {
        case SQLITE_CONSTRAINT: return (.checkViolation, "A constraint of the database refused the record.", nil)
        case SQLFunctions.outOfRange: return (.invalidValue, "A result is greater than its field can hold.", nil)
        case SQLITE_TOOBIG: return (.valueTooLarge, "A value is larger than SQLite takes.", nil)
        case SQLITE_INTERRUPT: return (.cancelled, "The statement was stopped.", nil)
        case SQLITE_MISMATCH: return (.typeMismatch, "A value is not of its column's type.", nil)
        case SQLITE_SCHEMA:
            return (.schemaConflict, "The database's tables were changed while the statement ran.", nil)
        default: return fileMeaning(of: code, systemError)
        }
    }

    /// The part of ``meaning(of:_:)`` that is about the file.
    private static func fileMeaning(of code: Int32, _ systemError: Int32) -> (Code, String, String?) {
        // The write-ahead log's index reports every failure to grow as one of input and output.
        let isFull = [ENOSPC, EDQUOT, EFBIG].contains(systemError)
        switch code & 0xFF {
        case SQLITE_FULL,
            SQLITE_IOERR where isFull,
            SQLITE_CANTOPEN where isFull:
            return (
                .storageFull, "The disk, a quota or the file's bound is full.",
                "Free some space or raise the bound, then repeat; nothing of the call was kept."
            )
        case SQLITE_BUSY, SQLITE_LOCKED:
            return (
                .locked, "Another connection holds the database file's lock.",
                "Repeat. If it stays so, find the process that keeps a transaction open on the file, or raise busyTimeout."
            )
        case SQLITE_READONLY:
            return (
                .readOnly, "The database file can't be written.",
                "Allow the process to write to the file and its directory, by their permissions and their file system, "
                    + "or set isReadOnly and only read."
            )
        case SQLITE_PERM, SQLITE_AUTH:
            return (
                .readOnly, "The database file's permissions refuse the access.",
                "Correct the permissions of the file and its directory."
            )
        case SQLITE_CANTOPEN where [EMFILE, ENFILE].contains(systemError):
            return (
                .unavailable, "The process may not open more files.",
                "Raise the limit of open files, or lower maximumOpenFiles, maximumReaders or maximumStreams."
            )
        case SQLITE_CANTOPEN:
            return (
                .unavailable, "The database file, or one of those beside it, can't be opened.",
                "Check that its directory is there and that the process may read and write in it."
            )
        case SQLITE_IOERR:
            return (
                .unavailable, "The database file can't be read or written.",
                "Check the disk and the file system that the file is on."
            )
        case SQLITE_CORRUPT, SQLITE_FORMAT:
            return (.corrupted, "The database file is damaged.", "Restore the file from a backup.")
        case SQLITE_NOTADB:
            return (
                .corrupted, "The file is no SQLite database, or it is encrypted.",
                "Correct the path, or restore the file from a backup."
            )
        case SQLITE_NOMEM:
            return (.unavailable, "SQLite could not get memory.", "Lower cacheBytes, or give the process more memory.")
        default: return (.backendFailure, "SQLite failed with a code that has no meaning of its own here.", nil)
        }
    }

    /// Whether the error is one row's own, so that others can be written beside it.
    var isOfOneRow: Bool {
        switch code {
        case .uniqueViolation, .notNullViolation, .foreignKeyViolation, .checkViolation, .typeMismatch, .staleVersion,
            .notFound, .invalidValue, .valueTooLarge:
            true
        default: false
        }
    }
}
