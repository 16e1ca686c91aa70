import TestServers

extension TestServer {
    static let application = TestServer(variable: "TENANCY_TEST_POSTGRES_URL", name: "postgres pgbouncer")
    static let admin = TestServer(variable: "TENANCY_TEST_POSTGRES_ADMIN_URL", name: "postgres pgbouncer")
    static let replica = TestServer(variable: "TENANCY_TEST_POSTGRES_REPLICA_URL", name: "postgres pgbouncer")
    static let pooler = TestServer(variable: "TENANCY_TEST_PGBOUNCER_URL", name: "postgres pgbouncer")
}
