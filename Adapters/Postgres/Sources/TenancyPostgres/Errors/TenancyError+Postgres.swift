internal import CLibpq
import TenancyCore

/// What the server says of an error, without its texts, which may hold values.
struct ServerReport: Sendable, Hashable {
    /// The five characters of the SQLSTATE; empty if the server sent none.
    var state: String
    var table: String?
    var column: String?
    var constraint: String?
    /// The function of the server that reported the error.
    var function: String?

    init(
        state: String, table: String? = nil, column: String? = nil, constraint: String? = nil, function: String? = nil
    ) {
        self.state = state
        self.table = table
        self.column = column
        self.constraint = constraint
        self.function = function
    }

    /// The report in a failed result.
    init(_ result: OpaquePointer?) {
        // The fields' names are macros with a cast, which Swift does not see.
        func field(_ letter: Unicode.Scalar) -> String? {
            PQresultErrorField(result, Int32(letter.value)).map { String(cString: $0) }
        }
        self.init(
            state: field("C") ?? "", table: field("t"), column: field("c"), constraint: field("n"),
            function: field("R"))
    }
}

extension ServerReport {
    /// Whether a statement that was prepared is no longer there, or no longer fits the table that it reads.
    var isOfStaleStatement: Bool { state == "26000" || (state == "0A000" && function == "RevalidateCachedQuery") }
}

/// What the server's errors mean to a caller. The one place where SQLSTATEs are looked at.
extension TenancyError {
    /// The error that a server reported.
    ///
    /// A cancelled statement is taken for one whose time was up; who cancelled it for another reason knows better.
    ///
    /// - Parameter plan: The table that the statement was about.
    init(_ report: ServerReport, plan: TablePlan? = nil) {
        let (code, message, hint) = Self.meaning(of: report)
        var details = Details(entity: plan?.entity.name, backendCode: report.state.isEmpty ? nil : report.state)
        if report.state.hasPrefix("23") { details.constraint = report.constraint }
        if let plan, report.table == nil || report.table == plan.entity.name {
            details.field = Self.field(report, plan.entity)
        }
        self.init(code, message, hint: hint, details: details)
    }

    /// The error of a failed result.
    init(postgres result: OpaquePointer?, plan: TablePlan? = nil) { self.init(ServerReport(result), plan: plan) }

    /// The field that a report is about: its column, or the only one beside the tenant's in its index.
    private static func field(_ report: ServerReport, _ entity: EntityDescription) -> String? {
        if let column = report.column { return entity.column(named: column) == nil ? nil : column }
        guard let constraint = report.constraint else { return nil }
        if constraint == IndexName.primaryKey(entity) { return entity.key.name }
        let index = entity.indexes.first { IndexName.of($0, entity) == constraint }
        guard let columns = index?.columns, columns.count == 1 else { return nil }
        return entity.fields[columns[0]].name
    }

    private static func meaning(of report: ServerReport) -> (Code, String, hint: String?) {
        switch report.state {
        case "23505", "23P01": (.uniqueViolation, "Another record of the tenant has the same key or unique value.", nil)
        case "23502": (.notNullViolation, "A field that must have a value has none.", nil)
        case "23503", "23001":
            (.foreignKeyViolation, "A record that is referred to is not there, or still needed.", nil)
        case "40001": (.serializationFailure, "Concurrent transactions could not be put in an order.", nil)
        case "40003": (.outcomeUnknown, "The server does not know whether the statement was carried out.", nil)
        case "40P01": (.deadlock, "The server ended the transaction to resolve a deadlock.", nil)
        case "57014": (.timeout, "The server stopped the statement.", nil)
        case "25P03", "25P04": (.timeout, "The server ended a transaction that took too long.", nil)
        case "55P03": (.locked, "Another transaction holds a lock that the statement needs.", nil)
        case "25006": (.readOnly, "The server takes no writes, or the transaction is one for reading only.", nil)
        case "25P02": (.transactionClosed, "The transaction was ended by an earlier error.", nil)
        case "25001":
            (
                .invalidConfiguration, "Transactions begin with another isolation level than READ COMMITTED.",
                "Reset default_transaction_isolation of the login role and the database (ALTER ROLE … RESET …, "
                    + "ALTER DATABASE … RESET …), and have the pooler make its connections anew."
            )
        case "25P01", "3B001": (.transactionClosed, "The transaction has ended.", nil)
        case "53100": (.storageFull, "The server's disk is full.", nil)
        case "22001": (.valueTooLarge, "A value is longer than its column.", nil)
        case "XX001", "XX002": (.corrupted, "The server found damaged data.", nil)
        case "44000": (.tenantMismatch, "A policy of the database refused the record.", nil)
        case "42501": insufficientPrivilege(report)
        case "28P01":
            (
                .invalidConfiguration, "The server refused the role or its password.",
                "Check the user and the password."
            )
        case "28000":
            (
                .invalidConfiguration, "The server does not let the role in from here.",
                "Check that the role exists and may log in, and the server's pg_hba.conf."
            )
        case "3D000": (.invalidConfiguration, "The server has no such database.", "Check the database's name.")
        case "53300":
            (
                .unavailable, "The server, or the role, has too many connections.",
                "Lower pool.maximum or the number of processes, raise the server's max_connections, or use a pooler."
            )
        case "57P03":
            (
                .unavailable, "The server is starting up or shutting down.",
                "Repeat in a moment; if it stays so, see the server's log."
            )
        case "26000", "42P05":
            (
                .backendFailure, "A prepared statement is not the one that was prepared.",
                "Set pooling to .transaction if a pooler stands between, such as PgBouncer in transaction mode."
            )
        default: meaningOfClass(report.state)
        }
    }

    /// A row that a policy refused and a right that was not granted have one state; only the reporting function tells.
    private static func insufficientPrivilege(_ report: ServerReport) -> (Code, String, hint: String?) {
        if report.function == "ExecWithCheckOptions" {
            return (.tenantMismatch, "A policy of the database refused the record.", nil)
        }
        return (
            .invalidConfiguration, "The role has no right to do this.",
            "Grant the login role USAGE of the schema, and SELECT, INSERT, UPDATE and DELETE on the entities' tables."
        )
    }

    /// The error as one of making tables: a right that is missing is then another than of those who use them.
    ///
    /// - Parameter role: The role that makes tables.
    func asOfMigration(schema: String, role: String?) -> TenancyError {
        guard details.backendCode == "42501", let role = role.map(Identifier.quote) else { return self }
        let schema = Identifier.quote(schema)
        return TenancyError(
            .invalidConfiguration, "The role of migration has no right to make or change tables.",
            // The role lets others use the schema.
            hint: "Run: GRANT USAGE, CREATE ON SCHEMA \(schema) TO \(role) WITH GRANT OPTION; if there is no such "
                + "schema, GRANT CREATE ON the database. Tables that are there already must be owned by \(role).",
            details: details)
    }

    private static func meaningOfClass(_ state: String) -> (Code, String, hint: String?) {
        switch state.prefix(2) {
        case "08", "57", "58", "53", "":
            (.unavailable, "The server can't be reached, or takes no statements now.", nil)
        case "22": (.invalidValue, "A value or a result is out of the range of its type.", nil)
        case "23": (.checkViolation, "A constraint of the database refused the record.", nil)
        case "40": (.serializationFailure, "The server rolled the transaction back.", nil)
        case "42", "0A", "3F": (.schemaConflict, "The database's tables are not as the entities declare them.", nil)
        case "54": (.valueTooLarge, "A value, an index entry or a statement is larger than the server takes.", nil)
        default: (.backendFailure, "PostgreSQL failed with a state that has no meaning of its own here.", nil)
        }
    }

    /// The error of a connection that could not be made or was lost.
    ///
    /// - Parameter message: libpq's text, of which nothing is kept: it is only looked into for what was the matter.
    init(connection message: String?) {
        let message = message ?? ""
        let isRefused = ["authentication failed", "no pg_hba.conf entry", "role \"", "database \""].contains {
            message.contains($0)
        }
        let isUntrusted = ["certificate", "SSL was required", "does not support SSL"].contains { message.contains($0) }
        if isRefused && !message.contains("starting up") {
            self.init(ServerReport(state: "28000"))
        } else if isUntrusted {
            self.init(
                .invalidConfiguration, "The server's TLS is not what the configuration asks for.",
                hint: "Check the TLS mode, the authority's file and the host's name.")
        } else {
            self.init(.unavailable, "The server can't be reached, or closed the connection.")
        }
    }

    /// A write whose connection was lost before the server had said what came of it.
    static func outcomeUnknown(_ cause: TenancyError) -> TenancyError {
        TenancyError(
            .outcomeUnknown, "The connection was lost before the server had acknowledged a write.",
            details: cause.details)
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
