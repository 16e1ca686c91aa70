import CLibpq
import Foundation
import TenancyCore
import TestServers

@testable import TenancyPostgres

/// A connection that waits for each answer: what the statements are tried with, apart from the adapter's own.
final class TestConnection {
    private let handle: OpaquePointer

    init(_ parameters: ConnectionParameters) throws {
        guard let handle = parameters.withCStrings({ PQconnectdbParams($0, $1, 0) }) else {
            throw TenancyError(.unavailable, "libpq is out of memory")
        }
        guard PQstatus(handle) == CONNECTION_OK else {
            defer { PQfinish(handle) }
            throw TenancyError(connection: String(cString: PQerrorMessage(handle)))
        }
        self.handle = handle
        // What is made and dropped on purpose needs no notice.
        try execute("SET client_min_messages TO warning")
    }

    convenience init(_ server: TestServer) throws {
        let configuration = try PostgresConfiguration(url: server.address())
        guard let parameters = ConnectionParameters(configuration, for: .tenants) else { throw CancellationError() }
        try self.init(parameters)
    }

    deinit { PQfinish(handle) }

    /// Runs a statement; returns its rows and the command's own count.
    @discardableResult
    func run(_ bound: BoundStatement, plan: TablePlan? = nil) throws -> (rows: PostgresRows?, count: Int) {
        let result = bound.parameters.withPointers { count, values, lengths, formats in
            PQexecParams(handle, bound.statement.text, count, bound.statement.types, values, lengths, formats, 1)
        }
        return try finish(result, plan)
    }

    /// Runs one statement without values.
    @discardableResult
    func execute(_ text: String) throws -> (rows: PostgresRows?, count: Int) {
        try finish(PQexecParams(handle, text, 0, nil, nil, nil, nil, 1), nil)
    }

    /// Prepares and runs a statement by its name, so often that the server plans it for any values.
    func runPrepared(_ bound: BoundStatement) throws {
        for _ in 0..<8 {
            let text = bound.statement.text
            let types = bound.statement.types
            PQclear(PQprepare(handle, bound.statement.name, text, Int32(types.count), types))
            let result = bound.parameters.withPointers { count, values, lengths, formats in
                PQexecPrepared(handle, bound.statement.name, count, values, lengths, formats, 1)
            }
            _ = try finish(result, nil)
        }
    }

    private func finish(_ result: OpaquePointer?, _ plan: TablePlan?) throws -> (rows: PostgresRows?, count: Int) {
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            guard let result else { break }
            let count = Int(String(cString: PQcmdTuples(result))) ?? 0
            return (PostgresRows(owning: result), count)
        default: break
        }
        defer { PQclear(result) }
        lastMessage = String(cString: PQerrorMessage(handle))
        throw TenancyError(postgres: result, plan: plan)
    }

    /// The server's text of the last error, for a test's own eyes.
    private(set) var lastMessage = ""

    /// Runs `body` in a transaction and commits it, or rolls it back if it throws.
    func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        try execute("BEGIN")
        do {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            _ = try? execute("ROLLBACK")
            throw error
        }
    }

    /// The rows of a statement without values, as text.
    func texts(_ query: String) throws -> [[String]] {
        let result = PQexec(handle, query)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_TUPLES_OK else {
            lastMessage = String(cString: PQerrorMessage(handle))
            throw TenancyError(postgres: result)
        }
        return (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { String(cString: PQgetvalue(result, row, $0)) }
        }
    }
}
