import CMySQL

/// As much of libmysqlclient as the tests of the servers need. It stays on the thread that made it.
final class MySQLConnection {
    private let handle: UnsafeMutablePointer<MYSQL>

    /// - Parameter authority: the file of the authority that must have signed the server's certificate; none for no TLS.
    init(_ endpoint: Endpoint, database: String? = nil, authority: String? = nil) throws {
        guard let handle = mysql_init(nil) else { throw ServerFailure("libmysqlclient is out of memory") }
        self.handle = handle
        var timeout: UInt32 = 10
        _ = mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &timeout)
        _ = mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
        let prepared =
            if let authority {
                tenancy_mysql_require_tls(handle, authority)
            } else {
                tenancy_mysql_allow_public_key_retrieval(handle)
            }
        let connected =
            prepared == 0
            ? mysql_real_connect(
                handle,
                endpoint.host,
                endpoint.user,
                endpoint.password,
                database ?? endpoint.path,
                UInt32(endpoint.port),
                nil,
                0
            ) : nil
        // The handle is closed by `deinit`, which runs for a failed initializer too.
        guard connected != nil else { throw lastFailure }
    }

    deinit { mysql_close(handle) }

    private var lastFailure: ServerFailure {
        ServerFailure(String(cString: mysql_error(handle)), code: String(mysql_errno(handle)))
    }

    /// Runs one statement and returns its rows as text; NULL is an empty string.
    @discardableResult
    func query(_ statement: String) throws -> [[String]] {
        guard mysql_real_query(handle, statement, UInt(statement.utf8.count)) == 0 else { throw lastFailure }
        guard let result = mysql_store_result(handle) else {
            guard mysql_field_count(handle) == 0 else { throw lastFailure }
            return []
        }
        defer { mysql_free_result(result) }
        let width = Int(mysql_num_fields(result))
        var rows: [[String]] = []
        while let row = mysql_fetch_row(result) {
            rows.append((0..<width).map { column in row[column].map { String(cString: $0) } ?? "" })
        }
        return rows
    }
}

/// What a server of the MySQL family did with the same few statements.
struct MySQLFamilyReport: Sendable {
    var version = ""
    var rows: [[String]] = []
    var tooLong: ServerFailure?
    var foreignDatabase: ServerFailure?
    var cipher = ""
    var authentication = ""

    /// Writes and reads as the application, in a database of its own, which the administrator makes and removes.
    static func gather(app: Endpoint, admin: Endpoint, authority: String) throws -> MySQLFamilyReport {
        let administrator = try MySQLConnection(admin)
        let database = uniqueName("tenancy_test")
        try administrator.query("CREATE DATABASE \(database)")
        let report = Result {
            try administrator.query("CREATE TABLE \(database).note (id int PRIMARY KEY, body varchar(8) NOT NULL)")
            let connection = try MySQLConnection(app, database: database)
            try connection.query("INSERT INTO note VALUES (1, 'grüße')")
            var report = MySQLFamilyReport()
            report.version = try connection.query("SELECT VERSION()").first?.first ?? ""
            report.rows = try connection.query("SELECT id, body FROM note")
            report.tooLong = failure { try connection.query("INSERT INTO note VALUES (2, 'longer than eight')") }
            report.foreignDatabase = failure { try connection.query("SELECT * FROM mysql.user") }
            report.authentication =
                try administrator.query("SELECT plugin FROM mysql.user WHERE user = '\(app.user)'").first?.first ?? ""
            report.cipher =
                try MySQLConnection(app, database: database, authority: authority)
                .query("SHOW STATUS LIKE 'Ssl_cipher'").first?.last ?? ""
            return report
        }
        try administrator.query("DROP DATABASE \(database)")
        return try report.get()
    }
}
