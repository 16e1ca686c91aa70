import TestServers

extension TestServer {
    static let application = TestServer(variable: "TENANCY_TEST_REDIS_URL", name: "redis")
    static let admin = TestServer(variable: "TENANCY_TEST_REDIS_ADMIN_URL", name: "redis")
    static let secure = TestServer(variable: "TENANCY_TEST_REDIS_TLS_URL", name: "redis")
    static let cluster = TestServer(variable: "TENANCY_TEST_REDIS_CLUSTER_URLS", name: "redis-cluster")
    static let sentinel = TestServer(variable: "TENANCY_TEST_REDIS_SENTINEL_URLS", name: "redis-sentinel")
}
