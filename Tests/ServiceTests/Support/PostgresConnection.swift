import CLibpq

/// As much of libpq as the tests of the servers need. It stays on the thread that made it.
final class PostgresConnection {
    private let handle: OpaquePointer

    /// - Parameter options: further settings of the connection, as libpq names them.
    init(_ address: String, options: [String: String] = [:]) throws {
        // With `expand_dbname` an address that is given as the database's name is taken apart.
        let settings = [("dbname", address), ("connect_timeout", "10")] + options.map { ($0.key, $0.value) }
        let connected = withCStrings(settings.map(\.0)) { keys in
            withCStrings(settings.map(\.1)) { values in PQconnectdbParams(keys, values, 1) }
        }
        guard let connected else { throw ServerFailure("libpq is out of memory") }
        guard PQstatus(connected) == CONNECTION_OK else {
            defer { PQfinish(connected) }
            throw ServerFailure(String(cString: PQerrorMessage(connected)))
        }
        handle = connected
    }

    deinit { PQfinish(handle) }

    var usesTLS: Bool { PQsslInUse(handle) == 1 }

    /// Runs one statement and returns its rows as text; without parameters it is sent by the simple protocol.
    @discardableResult
    func query(_ statement: String, _ parameters: [String] = []) throws -> [[String]] {
        let result =
            if parameters.isEmpty {
                PQexec(handle, statement)
            } else {
                withCStrings(parameters) {
                    PQexecParams(handle, statement, Int32(parameters.count), nil, $0, nil, nil, 0)
                }
            }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
            return (0..<PQntuples(result)).map { row in
                (0..<PQnfields(result)).map { column in String(cString: PQgetvalue(result, row, column)) }
            }
        default:
            // The field's name is a macro with a cast, which Swift does not see.
            let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
            throw ServerFailure(String(cString: PQerrorMessage(handle)), code: state ?? "")
        }
    }
}

/// Gives the body a schema of its own, which the application's role may enter, and removes it afterwards.
func withSchema<Value>(
    _ admin: String,
    _ body: (_ schema: String, _ admin: PostgresConnection) throws -> Value
) throws -> Value {
    let connection = try PostgresConnection(admin)
    // What is dropped is dropped on purpose, and needs no notice.
    try connection.query("SET client_min_messages TO warning")
    let schema = uniqueName("service_test")
    try connection.query("CREATE SCHEMA \(schema)")
    let outcome = Result {
        try connection.query("GRANT USAGE ON SCHEMA \(schema) TO tenancy_app")
        return try body(schema, connection)
    }
    try connection.query("DROP SCHEMA \(schema) CASCADE")
    return try outcome.get()
}
