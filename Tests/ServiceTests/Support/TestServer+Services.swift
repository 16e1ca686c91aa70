import TestServers

extension TestServer {
    static let postgres = TestServer(variable: "TENANCY_TEST_POSTGRES_URL", name: "postgres")
    static let postgresAdmin = TestServer(variable: "TENANCY_TEST_POSTGRES_ADMIN_URL", name: "postgres")
    static let postgresReplica = TestServer(variable: "TENANCY_TEST_POSTGRES_REPLICA_URL", name: "postgres")
    static let pgbouncer = TestServer(variable: "TENANCY_TEST_PGBOUNCER_URL", name: "pgbouncer")
    static let pgbouncerAdmin = TestServer(variable: "TENANCY_TEST_PGBOUNCER_ADMIN_URL", name: "pgbouncer")
    static let mysql = TestServer(
        variable: "TENANCY_TEST_MYSQL_URL",
        name: "mysql",
        unavailableVariable: "TENANCY_TEST_MYSQL_UNAVAILABLE"
    )
    static let mysqlAdmin = TestServer(variable: "TENANCY_TEST_MYSQL_ADMIN_URL", name: "mysql")
    static let mariadb = TestServer(variable: "TENANCY_TEST_MARIADB_URL", name: "mariadb")
    static let mariadbAdmin = TestServer(variable: "TENANCY_TEST_MARIADB_ADMIN_URL", name: "mariadb")
    static let mongodb = TestServer(variable: "TENANCY_TEST_MONGODB_URL", name: "mongodb")
    static let redis = TestServer(variable: "TENANCY_TEST_REDIS_URL", name: "redis")
    static let redisTLS = TestServer(variable: "TENANCY_TEST_REDIS_TLS_URL", name: "redis")
    static let redisCluster = TestServer(variable: "TENANCY_TEST_REDIS_CLUSTER_URLS", name: "redis-cluster")
    static let redisSentinel = TestServer(variable: "TENANCY_TEST_REDIS_SENTINEL_URLS", name: "redis-sentinel")

    func endpoint() throws -> Endpoint { try Endpoint(address()) }

    func endpoints() throws -> [Endpoint] {
        try address().split(separator: ",").map { try Endpoint(String($0)) }
    }

    /// The authority that signed the servers' certificates.
    static func certificateAuthority() throws -> String {
        try TestServer(variable: "TENANCY_TEST_TLS_CA_FILE", name: "postgres").address()
    }
}
