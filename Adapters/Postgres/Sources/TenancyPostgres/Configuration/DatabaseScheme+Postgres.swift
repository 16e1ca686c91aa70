public import TenancyCore

extension DatabaseScheme {
    /// PostgreSQL, as a configuration file names it; see ``PostgresConfiguration``.
    ///
    /// | key | environment variable | type | default | range |
    /// |---|---|---|---|---|
    /// | `database.url` | `TENANCY_CONFIG_DATABASE_URL` | secret | – (required) | `postgres://…`, with every other setting as a parameter |
    /// | `database.password` | `TENANCY_CONFIG_DATABASE_PASSWORD` | secret | the address's | |
    /// | `database.migrationUser` | `TENANCY_CONFIG_DATABASE_MIGRATION_USER` | text | nobody; tables are made by somebody else | |
    /// | `database.migrationPassword` | `TENANCY_CONFIG_DATABASE_MIGRATION_PASSWORD` | secret | none | |
    /// | `database.replicas` | `TENANCY_CONFIG_DATABASE_REPLICAS` | secret | those of the address | hosts with ports, or addresses, separated by commas |
    /// | `database.maximumReplicaLag` | `TENANCY_CONFIG_DATABASE_MAXIMUM_REPLICA_LAG` | time | the address's, or 5 s | 1 ms to 1 h |
    public static var postgres: DatabaseScheme {
        DatabaseScheme(name: "postgres", keys: keys) { settings throws(TenancyError) in
            let configuration = try configuration(settings)
            try configuration.validate()
            return .postgres(configuration)
        }
    }

    /// Supabase, as a configuration file names it: the keys of ``postgres``, the address being the pooler's, and these.
    ///
    /// | key | environment variable | type | default | range |
    /// |---|---|---|---|---|
    /// | `database.role` | `TENANCY_CONFIG_DATABASE_ROLE` | text | `authenticated` | |
    /// | `database.claim` | `TENANCY_CONFIG_DATABASE_CLAIM` | text | `tenant_id` | |
    public static var supabase: DatabaseScheme {
        DatabaseScheme(
            name: "supabase", keys: keys + [SettingKey("role", .text), SettingKey("claim", .text)]
        ) { settings throws(TenancyError) in
            var configuration = try configuration(settings)
            var options = SupabaseOptions()
            options.role = settings.text("role") ?? options.role
            options.claim = settings.text("claim") ?? options.claim
            configuration.supabase = options
            configuration.pooling = .transaction
            try configuration.validate()
            return .postgres(configuration)
        }
    }

    private static let keys = [
        SettingKey("url", .secret, isRequired: true), SettingKey("password", .secret),
        SettingKey("migrationUser", .text), SettingKey("migrationPassword", .secret),
        // Addresses may hold passwords.
        SettingKey("replicas", .secret),
        SettingKey("maximumReplicaLag", .duration(in: .milliseconds(1)...(.seconds(3_600)))),
    ]

    static func configuration(_ settings: Settings) throws(TenancyError) -> PostgresConfiguration {
        var result = try PostgresConfiguration(url: settings.secret("url")?.reveal() ?? "")
        result.password = settings.secret("password") ?? result.password
        let password = settings.secret("migrationPassword")
        if let user = settings.text("migrationUser") {
            result.migration = .init(user: user, password: password)
        } else if password != nil {
            throw TenancyError(
                .invalidConfiguration, "PostgreSQL: migrationPassword is set, and migrationUser is not.")
        }
        if let replicas = settings.secret("replicas")?.reveal() {
            result.replicas = []
            for replica in replicas.split(separator: ",", omittingEmptySubsequences: false) {
                let text = String(replica.drop { $0 == " " })
                try result.addReplica(url: text.contains("://") ? text : "postgres://" + text)
            }
        }
        result.maximumReplicaLag = settings.duration("maximumReplicaLag") ?? result.maximumReplicaLag
        return result
    }
}
