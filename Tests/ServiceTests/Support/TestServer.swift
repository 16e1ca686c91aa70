import Foundation
import Testing

/// A server that `scripts/services` starts, and the variable that says where it is.
struct TestServer: Sendable {
    /// The variable that holds the server's address.
    let variable: String
    /// What `scripts/services up` calls the server.
    let name: String
    /// The variable that says why this server can't be had on this machine, for the one that may be absent.
    var unavailableVariable: String?

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

    /// The server's address, or all of them where there are several, separated by commas.
    func address() throws -> String {
        guard let value = Self.environment(variable) else { throw MissingServer(server: self) }
        return value
    }

    func endpoint() throws -> Endpoint { try Endpoint(address()) }

    func endpoints() throws -> [Endpoint] {
        try address().split(separator: ",").map { try Endpoint(String($0)) }
    }

    /// The authority that signed the servers' certificates.
    static func certificateAuthority() throws -> String {
        try TestServer(variable: "TENANCY_TEST_TLS_CA_FILE", name: "postgres").address()
    }

    static func environment(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
        return value
    }

    /// On CI a test of an absent server runs, and fails for want of its address; elsewhere it is skipped.
    fileprivate var isToBeTested: Bool {
        if let unavailableVariable, Self.environment(unavailableVariable) != nil { return false }
        return Self.environment(variable) != nil || Self.environment("CI") != nil
    }

    fileprivate var howToGetIt: String {
        if let reason = unavailableVariable.flatMap(Self.environment) { return "\(name) can't be had here: \(reason)" }
        return "\(variable) is not set; run `scripts/services up \(name)` and `eval \"$(scripts/services env)\"`"
    }

    struct MissingServer: Error, CustomStringConvertible {
        let server: TestServer
        var description: String { server.howToGetIt }
    }
}

extension Trait where Self == ConditionTrait {
    static func requires(_ server: TestServer) -> Self {
        .enabled(if: server.isToBeTested, Comment(rawValue: server.howToGetIt))
    }
}

/// The parts of an address that the C libraries want one by one.
struct Endpoint: Sendable {
    let host: String
    let port: Int
    let user: String
    let password: String
    let path: String

    init(_ address: String) throws {
        guard let url = URLComponents(string: address), let host = url.host, let port = url.port else {
            throw ServerFailure("not an address with a host and a port")
        }
        self.host = host
        self.port = port
        user = url.user ?? ""
        password = url.password ?? ""
        path = String(url.path.drop { $0 == "/" })
    }

    private init(host: String, port: Int, user: String, password: String, path: String) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.path = path
    }

    /// The same account elsewhere, as a redirection demands.
    func moved(toHost host: String, port: Int) -> Endpoint {
        Endpoint(host: host, port: port, user: user, password: password, path: path)
    }
}
