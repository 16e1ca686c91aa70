import Foundation
import TenancyCore

@testable import TenancyPostgres

/// A server of the test's own with what Supabase installs in every project, as far as tables and policies see it: its
/// roles, its default privileges in `public`, and the functions of its schema `auth`.
struct SupabaseServer: Sendable {
    private let server: OwnServer

    /// The login that the application uses: one that can only become `authenticated`.
    static let login = "shop_app"

    static func start() async throws -> SupabaseServer {
        let server = try await blocking { try OwnServer() }
        try await server.ready()
        for statement in roles + functions + privileges { try await server.texts(statement + "; SELECT 1") }
        return SupabaseServer(server: server)
    }

    /// What an application writes: the address with the password left out, the rest by Supabase's conventions.
    func source(
        schema: String, _ configure: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws -> DatabaseSource {
        try .supabase(
            url: "postgres://\(Self.login)@127.0.0.1:\(server.port)/postgres?schema=\(schema)",
            migration: .init(user: "postgres")
        ) { configuration in
            configuration.pool.minimum = 0
            configuration.pool.maximum = 8
            configuration.lanes = 1
            configure(&configuration)
        }
    }

    /// Runs a statement with every right.
    func execute(_ statement: String) async throws { try await server.texts(statement + "; SELECT 1") }

    /// What a request through Supabase's own API sees: PostgREST logs in as `authenticator`, takes a role on and sets
    /// the claims of the token, whose signature it has checked.
    func request(as role: String, claims: String?, _ query: String) async throws -> [[String]] {
        try await blocking { [port = server.port] in
            let configuration = PostgresConfiguration(
                host: "127.0.0.1", port: port, database: "postgres", user: "authenticator")
            guard let parameters = ConnectionParameters(configuration, for: .tenants) else { throw CancellationError() }
            let connection = try TestConnection(parameters)
            return try connection.transaction {
                try connection.execute("SET LOCAL ROLE \(role)")
                if let claims {
                    try connection.execute(
                        "SELECT set_config('request.jwt.claims', \(Identifier.literal(claims)), true)")
                }
                if query.hasPrefix("SELECT") { return try connection.texts(query) }
                return [["\(try connection.execute(query).count)"]]
            }
        }
    }

    private static let roles = [
        "CREATE ROLE anon NOLOGIN NOINHERIT", "CREATE ROLE authenticated NOLOGIN NOINHERIT",
        "CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS", "CREATE ROLE authenticator LOGIN NOINHERIT",
        "GRANT anon, authenticated, service_role TO authenticator", "CREATE ROLE supabase_auth_admin LOGIN NOINHERIT",
        "CREATE ROLE postgres LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS",
        "GRANT anon, authenticated, service_role TO postgres", "GRANT CREATE ON DATABASE postgres TO postgres",
        "CREATE ROLE \(login) LOGIN NOINHERIT", "GRANT authenticated TO \(login)",
    ]

    /// The claims of the request are one setting; of older versions, one of another name or one for each claim.
    private static let functions =
        [
            "CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin",
            """
            CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
            SELECT coalesce(nullif(current_setting('request.jwt.claim', true), ''),
                nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$
            """,
        ]
        + [("uid", "sub", "uuid"), ("role", "role", "text"), ("email", "email", "text")].map { name, claim, type in
            """
            CREATE FUNCTION auth.\(name)() RETURNS \(type) LANGUAGE sql STABLE AS $$
            SELECT coalesce(nullif(current_setting('request.jwt.claim.\(claim)', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> '\(claim)')::\(type) $$
            """
        }

    private static let privileges =
        [
            "GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role, postgres",
            "GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role",
            "GRANT ALL ON SCHEMA public TO postgres",
        ]
        + ["tables", "functions", "sequences"].map {
            """
            ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public
            GRANT ALL ON \($0) TO postgres, anon, authenticated, service_role
            """
        }
}
