import TestServers
import Testing

@Suite("PostgreSQL", .requires(.postgres))
struct PostgresServiceTests {
    @Test("A row that the application wrote on the primary arrives on the replica, which takes no writes")
    func replication() async throws {
        let app = try TestServer.postgres.address()
        let admin = try TestServer.postgresAdmin.address()
        let replica = try TestServer.postgresReplica.address()
        let outcome = try await blocking {
            try withSchema(admin) { schema, admin in
                try admin.query("CREATE TABLE \(schema).note (id int PRIMARY KEY, body text NOT NULL)")
                try admin.query("GRANT SELECT, INSERT ON \(schema).note TO tenancy_app")

                let writer = try PostgresConnection(app)
                try writer.query("INSERT INTO \(schema).note VALUES ($1, $2)", ["1", "grüße"])

                let reader = try PostgresConnection(replica)
                let arrived = try eventually([["grüße"]]) {
                    // The table itself arrives a moment later too.
                    do { return try reader.query("SELECT body FROM \(schema).note") } catch let failure as ServerFailure
                        where ["42P01", "3F000"].contains(failure.code)
                    { return [] }
                }
                let refusal = failure { try reader.query("INSERT INTO \(schema).note VALUES (2, 'x')") }
                let written = try writer.query("SELECT body FROM \(schema).note WHERE id = $1", ["1"])
                return (written: written, arrived: arrived, refusal: refusal)
            }
        }
        #expect(outcome.written == [["grüße"]])
        #expect(outcome.arrived == [["grüße"]])
        #expect(outcome.refusal?.code == "25006", "read_only_sql_transaction")
    }

    @Test("The application's role owns nothing and has no attribute that would put it above row level security")
    func role() async throws {
        let app = try TestServer.postgres.address()
        let outcome = try await blocking {
            let connection = try PostgresConnection(app)
            let attributes = try connection.query(
                """
                SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
                FROM pg_roles WHERE rolname = current_user
                """
            )
            let memberships = try connection.query(
                "SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole"
            )
            let owned = try connection.query(
                """
                SELECT (SELECT count(*) FROM pg_database WHERE datdba = current_user::regrole)
                     + (SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole)
                """
            )
            return (attributes: attributes, memberships: memberships, owned: owned)
        }
        #expect(outcome.attributes == [["f", "f", "f", "f", "f"]])
        #expect(outcome.memberships == [["0"]])
        #expect(outcome.owned == [["0"]])
    }

    @Test("Row level security shows the application one tenant's rows, and none without a tenant")
    func rowLevelSecurity() async throws {
        let app = try TestServer.postgres.address()
        let admin = try TestServer.postgresAdmin.address()
        let outcome = try await blocking {
            try withSchema(admin) { schema, admin in
                try admin.query("CREATE TABLE \(schema).note (tenant text, id int, PRIMARY KEY (tenant, id))")
                try admin.query("ALTER TABLE \(schema).note ENABLE ROW LEVEL SECURITY")
                try admin.query("ALTER TABLE \(schema).note FORCE ROW LEVEL SECURITY")
                try admin.query(
                    """
                    CREATE POLICY tenant ON \(schema).note
                    USING (tenant = (SELECT NULLIF(current_setting('app.tenant_id', true), '')))
                    """
                )
                try admin.query("GRANT SELECT, INSERT ON \(schema).note TO tenancy_app")
                try admin.query("INSERT INTO \(schema).note VALUES ('a', 1), ('b', 1), ('b', 2)")

                let connection = try PostgresConnection(app)
                let unbound = try connection.query("SELECT * FROM \(schema).note")
                try connection.query("BEGIN")
                try connection.query("SELECT set_config('app.tenant_id', $1, true)", ["b"])
                let bound = try connection.query("SELECT tenant, id FROM \(schema).note ORDER BY id")
                let refusal = failure { try connection.query("INSERT INTO \(schema).note VALUES ('a', 2)") }
                try connection.query("ROLLBACK")
                return (unbound: unbound, bound: bound, refusal: refusal)
            }
        }
        #expect(outcome.unbound.isEmpty)
        #expect(outcome.bound == [["b", "1"], ["b", "2"]])
        #expect(outcome.refusal?.code == "42501", "insufficient_privilege")
    }

    @Test("The primary's certificate stands up to a full check")
    func tls() async throws {
        let app = try TestServer.postgres.address()
        let authority = try TestServer.certificateAuthority()
        let usesTLS = try await blocking {
            try PostgresConnection(app, options: ["sslmode": "verify-full", "sslrootcert": authority]).usesTLS
        }
        #expect(usesTLS)
    }
}
