import TestServers
import Testing

@Suite("PgBouncer", .requires(.pgbouncer))
struct PgBouncerServiceTests {
    @Test("What is written through the pooler is read through it")
    func roundTrip() async throws {
        let pooler = try TestServer.pgbouncer.address()
        let admin = try TestServer.postgresAdmin.address()
        let rows = try await blocking {
            try withSchema(admin) { schema, admin in
                try admin.query("CREATE TABLE \(schema).note (id int PRIMARY KEY, body text NOT NULL)")
                try admin.query("GRANT SELECT, INSERT ON \(schema).note TO tenancy_app")
                let connection = try PostgresConnection(pooler)
                try connection.query("INSERT INTO \(schema).note VALUES ($1, $2)", ["1", "through the pooler"])
                return try connection.query("SELECT body FROM \(schema).note WHERE id = $1", ["1"])
            }
        }
        #expect(rows == [["through the pooler"]])
    }

    @Test("A server connection belongs to a client for one transaction, not for its session")
    func transactionMode() async throws {
        let pooler = try TestServer.pgbouncer.address()
        let console = try TestServer.pgbouncerAdmin.address()
        let outcome = try await blocking {
            let settings = try PostgresConnection(console).query("SHOW CONFIG")
            // The other tests use the pool too, so it takes some tries until
            // two clients in turn are given one and the same server process;
            // in session mode no number of tries would do.
            let first = try PostgresConnection(pooler)
            let second = try PostgresConnection(pooler)
            let shared = try eventually(true) {
                try first.query("SELECT pg_backend_pid()") == second.query("SELECT pg_backend_pid()")
            }
            return (mode: settings.first { $0.first == "pool_mode" }?[1], shared: shared)
        }
        #expect(outcome.mode == "transaction")
        #expect(outcome.shared)
    }
}
