public import TenancyCore

extension DatabaseSource {
    /// Records in PostgreSQL, whose row level security keeps tenants apart.
    ///
    /// Making the adapter throws ``TenancyError/Code/invalidConfiguration`` if a setting is out of range.
    public static func postgres(_ configuration: PostgresConfiguration) -> DatabaseSource {
        let name = configuration.supabase == nil ? "postgres" : "supabase"
        return DatabaseSource(name: name) { environment throws(TenancyError) in
            try PostgresAdapter(configuration, name: name, environment)
        }
    }

    /// Records in PostgreSQL.
    ///
    /// - Parameters:
    ///   - user: The role that statements run under. It must not own the tables.
    ///   - migration: The role that makes and changes tables; `nil` if somebody else does.
    ///   - configure: Changes the other settings.
    public static func postgres(
        host: String, port: Int = 5432, database: String, user: String, password: Secret? = nil,
        migration: PostgresConfiguration.Credentials? = nil,
        configure: (inout PostgresConfiguration) -> Void = { _ in }
    ) -> DatabaseSource {
        var configuration = PostgresConfiguration(
            host: host, port: port, database: database, user: user, password: password)
        configuration.migration = migration
        configure(&configuration)
        return .postgres(configuration)
    }

    /// Records in PostgreSQL, at an address as ``PostgresConfiguration/init(url:)`` takes it.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``.
    public static func postgres(
        url: String, migration: PostgresConfiguration.Credentials? = nil,
        configure: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws(TenancyError) -> DatabaseSource {
        var configuration = try PostgresConfiguration(url: url)
        configuration.migration = migration
        configure(&configuration)
        return .postgres(configuration)
    }

    /// Records in Supabase: its pooler in transaction mode, its role and its claims.
    ///
    /// - Parameters:
    ///   - url: The address of the pooler, as Supabase shows it.
    ///   - options: The role and the claim.
    ///   - migration: The role that makes and changes tables; `nil` if somebody else does.
    ///   - configure: Changes the other settings.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``.
    public static func supabase(
        url: String, options: SupabaseOptions = SupabaseOptions(),
        migration: PostgresConfiguration.Credentials? = nil,
        configure: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws(TenancyError) -> DatabaseSource {
        var configuration = try PostgresConfiguration(url: url)
        configuration.supabase = options
        configuration.pooling = .transaction
        configuration.migration = migration
        configure(&configuration)
        return .postgres(configuration)
    }
}
