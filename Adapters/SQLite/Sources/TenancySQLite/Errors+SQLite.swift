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
    init(sqlite code: Int32, message: String?, plan: TablePlan? = nil) {
        let (kind, text) = Self.meaning(of: code)
        var details = Details(entity: plan?.entity.name, backendCode: "SQLITE_\(code)")
        guard code & 0xFF == SQLITE_CONSTRAINT, let plan, let message else {
            self.init(kind, text, details: details)
            return
        }
        let columns = Self.columns(in: message, of: plan)
        let positions = columns.compactMap { plan.entity.column(named: $0) }
        details.field = columns.count == 1 ? columns.first : nil
        if kind == .uniqueViolation, !positions.isEmpty {
            details.constraint = plan.indexName(positions, isUnique: true)
        }
        self.init(kind, text, details: details)
    }

    /// The error of a call into GRDB.
    init(grdb error: any Error, plan: TablePlan? = nil) {
        if let error = error as? DatabaseError {
            self.init(sqlite: error.extendedResultCode.rawValue, message: error.message, plan: plan)
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

    private static func meaning(of code: Int32) -> (Code, String) {
        switch code {
        case SQLITE_CONSTRAINT | (8 << 8), SQLITE_CONSTRAINT | (6 << 8), SQLITE_CONSTRAINT | (10 << 8):
            return (.uniqueViolation, "Another record of the tenant has the same key or unique value.")
        case SQLITE_CONSTRAINT | (5 << 8): return (.notNullViolation, "A field that must have a value has none.")
        case SQLITE_CONSTRAINT | (3 << 8): return (.foreignKeyViolation, "A record that is referred to is not there.")
        case SQLITE_CONSTRAINT | (12 << 8): return (.typeMismatch, "A value is not of its column's type.")
        default: break
        }
        switch code & 0xFF {
        case SQLITE_CONSTRAINT: return (.checkViolation, "A constraint of the database refused the record.")
        case SQLFunctions.outOfRange: return (.invalidValue, "A result is greater than its field can hold.")
        case SQLITE_TOOBIG: return (.valueTooLarge, "A value is larger than SQLite takes.")
        case SQLITE_BUSY, SQLITE_LOCKED: return (.locked, "Another process holds the database's lock.")
        case SQLITE_INTERRUPT: return (.cancelled, "The statement was stopped.")
        case SQLITE_FULL: return (.storageFull, "The disk, or the file's bound, is full.")
        case SQLITE_READONLY: return (.readOnly, "The database file can't be written.")
        case SQLITE_PERM, SQLITE_AUTH: return (.readOnly, "The database file's permissions refuse the access.")
        case SQLITE_CANTOPEN: return (.unavailable, "The database file can't be opened.")
        case SQLITE_IOERR: return (.unavailable, "The database file can't be read or written.")
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT:
            return (.corrupted, "The file is damaged or no SQLite database.")
        case SQLITE_NOMEM: return (.unavailable, "SQLite could not get memory.")
        case SQLITE_MISMATCH: return (.typeMismatch, "A value is not of its column's type.")
        case SQLITE_SCHEMA: return (.schemaConflict, "The database's tables were changed while the statement ran.")
        default: return (.backendFailure, "SQLite failed with a code that has no meaning of its own here.")
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
