#if Postgres
    import Foundation
    import Tenancy
    import TenancyPostgres

    /// A schema of this run's own in a PostgreSQL database.
    struct PostgresPlace: DatabasePlace {
        private let configuration: PostgresConfiguration
        /// What of the address psql has to be told and the configuration does not show.
        private let tls: [String: String]

        /// - Parameters:
        ///   - address: The database, for the role that statements run under.
        ///   - admin: The same database, for the role that makes the tables.
        init(_ address: String, admin: String) throws {
            var configuration = try PostgresConfiguration(url: address)
            let owner = try PostgresConfiguration(url: admin)
            guard owner.hosts == configuration.hosts, owner.database == configuration.database else {
                throw QuickstartError(
                    "--database and --database-admin are not the same database.",
                    hint: "Let them differ in the user and the password only.")
            }
            configuration.migration = .init(user: owner.user, password: owner.password)
            configuration.schema = "quickstart_\(String(UInt64.random(in: .min ... .max), radix: 36))"
            configuration.pool.minimum = 2
            self.configuration = configuration
            let parameters = URLComponents(string: admin)?.queryItems ?? []
            tls = ["sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"].reduce(into: [:]) { tls, setting in
                if let value = parameters.first(where: { $0.name == setting.key })?.value { tls[setting.value] = value }
            }
        }

        let name = "postgres"
        let model = "row-level-security"
        var source: DatabaseSource { .postgres(configuration) }

        var explanation: String {
            "PostgreSQL, row level security, schema \(configuration.schema) of \(configuration.database), removed in the end"
        }

        /// Removes the schema with psql: an application has no call that drops its tables.
        func remove(isUnfinished: Bool) async {
            let psql = Process()
            psql.executableURL = URL(filePath: "/usr/bin/env")
            let owner = configuration.migration
            psql.arguments = [
                "psql", "--no-psqlrc", "--quiet", "--no-password",
                "--host", configuration.hosts.map(\.name).joined(separator: ","),
                "--port", configuration.hosts.map { String($0.port) }.joined(separator: ","),
                "--username", owner?.user ?? configuration.user, "--dbname", configuration.database,
                "--command", "SET client_min_messages = error; \(Self.removal(of: configuration.schema))",
            ]
            var environment = ProcessInfo.processInfo.environment.merging(tls, uniquingKeysWith: { $1 })
            if let password = owner?.password { environment["PGPASSWORD"] = password.reveal() }
            psql.environment = environment
            psql.standardInput = FileHandle.nullDevice
            psql.standardError = FileHandle.nullDevice
            let isRemoved = await withCheckedContinuation { continuation in
                psql.terminationHandler = { continuation.resume(returning: $0.terminationStatus == 0) }
                do {
                    try psql.run()
                } catch {
                    psql.terminationHandler = nil
                    continuation.resume(returning: false)
                }
            }
            if !isRemoved {
                let removal = Self.removal(of: configuration.schema)
                let text = "psql could not remove the run's schema, if it was made. Run: \(removal)\n"
                FileHandle.standardError.write(Data(text.utf8))
            }
        }

        private static func removal(of schema: String) -> String { "DROP SCHEMA IF EXISTS \(schema) CASCADE" }
    }
#endif
