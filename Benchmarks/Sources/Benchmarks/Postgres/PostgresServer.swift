import Foundation
import Tenancy

#if Postgres
    import TenancyPostgres

    /// A database of its own on the server that the environment names, and a role that row security binds. Both are
    /// made for a benchmark and dropped after it.
    struct PostgresServer {
        private static let variable = "TENANCY_TEST_POSTGRES_ADMIN_URL"

        private let address: URLComponents
        private let database: String
        private let role: String
        private let password: String
        let directory: Directory

        /// Gives the body a fresh database.
        static func with<Value>(
            _ directory: Directory, _ body: (PostgresServer) async throws -> Value
        ) async throws -> Value {
            let server = try PostgresServer(directory)
            try await server.create()
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(server)) } catch { outcome = .failure(error) }
            try await server.drop()
            return try outcome.get()
        }

        private init(_ directory: Directory) throws {
            let hint = "Run `scripts/services up postgres` and `eval \"$(scripts/services env)\"`."
            guard let text = ProcessInfo.processInfo.environment[Self.variable], !text.isEmpty else {
                throw BenchmarkError(
                    "\(Self.variable) is not set, and this benchmark needs a PostgreSQL server. \(hint)")
            }
            guard let address = URLComponents(string: text), address.host != nil, address.user != nil else {
                throw BenchmarkError("\(Self.variable) is no address of a PostgreSQL server. \(hint)")
            }
            self.address = address
            self.directory = directory
            let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
            database = "tenancy_bench_\(suffix)"
            role = "tenancy_bench_\(suffix)"
            password = String(UInt64.random(in: 0 ... .max), radix: 36)
        }

        /// A configuration for the SDK: the bound role, and the administrator for the tables alone.
        func configuration(_ entities: [any Entity.Type]) -> SDKConfig {
            SDKConfig(
                database: .postgres(
                    host: address.host ?? "", port: address.port ?? 5432, database: database, user: role,
                    password: Secret(password),
                    migration: .init(user: address.user ?? "", password: address.password.map { Secret($0) })
                ) { $0.tls = .disable },
                entities: entities)
        }

        // MARK: What is done beside the SDK

        /// Runs SQL as the administrator, to whom row security does not apply.
        @discardableResult
        func administer(_ sql: String, in database: String? = nil) async throws -> String {
            try await psql(["-f", "-"], input: sql, in: database).text
        }

        /// How long one command of psql takes, by its own measure, without connecting.
        func time(_ command: String) async throws -> Duration {
            let text = try await administer("\\timing on\n\(command)\n")
            guard let line = text.split(separator: "\n").last(where: { $0.hasPrefix("Time: ") }),
                let milliseconds = line.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
            else { throw BenchmarkError("psql told no time: \(text.suffix(400))") }
            return .microseconds(Int64(milliseconds * 1_000))
        }

        private func psql(_ arguments: [String], input: String, in database: String?) async throws -> Subprocess.Output
        {
            let psql = Subprocess(name: "psql", environment: environment(asAdministrator: true, database))
            return try await psql.run(["-X", "-q", "-v", "ON_ERROR_STOP=1"] + arguments, input: input)
        }

        /// Starts SQL as the administrator and leaves it at work.
        func startAdministering(_ sql: String) throws -> RunningProcess {
            try Subprocess(name: "psql", environment: environment(asAdministrator: true, nil))
                .start(["-X", "-q", "-f", "-"], input: sql)
        }

        /// Runs a script of pgbench for a while, or for a number of transactions for each client.
        ///
        /// - Returns: How many transactions there were.
        func pgbench(
            _ script: String, clients: Int, duration: Duration, transactions: Int? = nil
        ) async throws -> Round {
            let file = directory.path()
            try Data(script.utf8).write(to: URL(filePath: file))
            defer { directory.remove(file) }
            // pgbench counts in whole seconds.
            let seconds = max(1, Int((duration / .seconds(1)).rounded(.up)))
            let length = transactions.map { ["-t", String($0)] } ?? ["-T", String(seconds)]
            let pgbench = Subprocess(name: "pgbench", environment: environment(asAdministrator: false, nil))
            let output = try await pgbench.run(
                ["-n", "-M", "prepared", "-c", String(clients), "-j", String(min(clients, 2)), "-f", file] + length)
            guard let rate = Self.number(output.text, after: "tps = "),
                let count = Self.number(output.text, after: "number of transactions actually processed: "), rate > 0
            else { throw BenchmarkError("pgbench told no rate: \(output.text.suffix(400))") }
            return Round(operations: Int(count), duration: .seconds(count / rate), cpu: output.cpu)
        }

        private static func number(_ text: String, after label: String) -> Double? {
            guard let range = text.range(of: label) else { return nil }
            return Double(text[range.upperBound...].prefix { $0.isNumber || $0 == "." })
        }

        private func environment(asAdministrator: Bool, _ database: String?) -> [String: String] {
            [
                "PGHOST": address.host ?? "", "PGPORT": String(address.port ?? 5432),
                "PGUSER": asAdministrator ? address.user ?? "" : role,
                "PGPASSWORD": asAdministrator ? address.password ?? "" : password,
                // On one machine encryption would be measured more than anything else; ours goes without too.
                "PGSSLMODE": "disable",
                "PGDATABASE": database ?? self.database, "PGOPTIONS": "-c client_min_messages=warning",
            ]
        }

        private func create() async throws {
            let home = String(address.path.dropFirst())
            try await administer(
                """
                CREATE ROLE \(role) LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '\(password)';
                CREATE DATABASE \(database);
                """, in: home)
        }

        private func drop() async throws {
            let home = String(address.path.dropFirst())
            try await administer(
                "DROP DATABASE IF EXISTS \(database) WITH (FORCE);\nDROP ROLE IF EXISTS \(role);", in: home)
        }

        /// Makes a table with an entity's columns, rows and indexes, and without row security.
        func copyPlain(_ table: String) async throws {
            try await administer(
                """
                CREATE TABLE plain_\(table) (LIKE \(table) INCLUDING ALL);
                INSERT INTO plain_\(table) SELECT * FROM \(table);
                GRANT ALL ON plain_\(table) TO \(role);
                VACUUM ANALYZE plain_\(table);
                VACUUM ANALYZE \(table);
                """)
        }
    }
#endif
