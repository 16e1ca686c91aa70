public import TenancyCore
import TenancyIO

extension PostgresConfiguration {
    /// A configuration from an address such as `postgres://app:secret@db:5432/shop?sslmode=verify-full`.
    ///
    /// Several hosts are separated by commas. Parameters by libpq's names: `sslmode`, `sslrootcert`,
    /// `application_name`, `connect_timeout` (seconds), `keepalives_idle`, `keepalives_interval` (seconds),
    /// `keepalives_count`, `tcp_user_timeout` (milliseconds), `host`, `port`, `user`, `password`, `dbname`; and
    /// `statement_timeout`, `lock_timeout`, `transaction_timeout` (milliseconds, 0 for none), `schema`, `pooling`
    /// (`session` or `transaction`), `pool_min`, `pool_max`, `lanes`, `replicas` (hosts with ports, separated by
    /// commas), `maximum_replica_lag` (milliseconds).
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, which names what is wrong and shows
    ///   no value.
    public init(url: String) throws(TenancyError) {
        let parsed = try ServerAddress(url, schemes: ["postgres", "postgresql"], product: "PostgreSQL")
        self.init(
            hosts: Self.hosts(of: parsed), database: parsed.path ?? "", user: parsed.user ?? "",
            password: parsed.password)
        let unknown = parsed.parameters.map(\.name).filter { !Self.parameters.contains($0) }
        guard unknown.isEmpty else {
            throw TenancyError(
                .invalidConfiguration,
                "PostgreSQL: An address has parameters that are unknown: \(unknown.joined(separator: ", ")).")
        }
        if parsed.parameters.contains(where: { $0.name == "host" }) { hosts = [] }
        for (name, value) in parsed.parameters { try set(name, value) }
        // The port may stand before the host.
        if let port = parsed.parameters.first(where: { $0.name == "port" })?.value { try set("port", port) }
        try validate()
    }

    private static let parameters: Set = [
        "sslmode", "sslrootcert", "application_name", "connect_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "host", "port", "user", "password", "dbname", "statement_timeout",
        "lock_timeout", "transaction_timeout", "schema", "pooling", "pool_min", "pool_max", "lanes", "replicas",
        "maximum_replica_lag",
    ]

    private mutating func set(_ name: String, _ value: String) throws(TenancyError) {
        switch name {
        case "sslmode":
            guard let mode = TLS.Mode(rawValue: value) else { throw Self.invalid(name) }
            tls = TLS(mode, authorityFile: tls.authorityFile)
        case "sslrootcert": tls = TLS(tls.mode, authorityFile: value)
        case "application_name": applicationName = value
        case "connect_timeout": connectTimeout = .seconds(try Self.number(name, value))
        case "keepalives_idle": keepalives.idle = .seconds(try Self.number(name, value))
        case "keepalives_interval": keepalives.interval = .seconds(try Self.number(name, value))
        case "keepalives_count": keepalives.count = try Self.number(name, value)
        case "tcp_user_timeout": keepalives.unacknowledged = try Self.bound(name, value)
        case "host": hosts = value.split(separator: ",").map { Host(String($0)) }
        case "port":
            let port = try Self.number(name, value)
            hosts = hosts.map { Host($0.name, port: port) }
        case "user": user = value
        case "password": password = Secret(value)
        case "dbname": database = value
        case "statement_timeout": statementTimeout = try Self.bound(name, value)
        case "lock_timeout": lockTimeout = try Self.bound(name, value)
        case "transaction_timeout": transactionTimeout = try Self.bound(name, value)
        case "schema": schema = value
        case "pooling":
            guard let pooling = Pooling(value) else { throw Self.invalid(name) }
            self.pooling = pooling
        case "pool_min": pool.minimum = try Self.number(name, value)
        case "pool_max": pool.maximum = try Self.number(name, value)
        case "lanes": lanes = try Self.number(name, value)
        case "replicas":
            for replica in value.split(separator: ",", omittingEmptySubsequences: false) {
                try addReplica(url: "postgres://" + replica)
            }
        case "maximum_replica_lag": maximumReplicaLag = .milliseconds(try Self.number(name, value))
        default: throw Self.invalid(name)
        }
    }

    /// Adds a server that follows the primary, by an address such as `postgres://replica:5432`.
    ///
    /// - Parameter url: Its role, password and database may be left out; a replica has the primary's. Other settings
    ///   are the primary's as well.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration`` if the address says something else,
    ///   names several hosts, or has parameters. It names what is wrong and shows no value.
    public mutating func addReplica(url: String) throws(TenancyError) {
        let parsed = try ServerAddress(url, schemes: ["postgres", "postgresql"], product: "PostgreSQL: replicas")
        func invalid(_ message: String) -> TenancyError {
            TenancyError(.invalidConfiguration, "PostgreSQL: replicas: " + message)
        }
        guard parsed.hosts.count == 1, let host = Self.hosts(of: parsed).first, !host.name.isEmpty else {
            throw invalid("An address does not name one host.")
        }
        guard parsed.parameters.isEmpty else { throw invalid("An address has parameters, which are the primary's.") }
        guard parsed.user ?? user == user, parsed.password ?? password == password, parsed.path ?? database == database
        else { throw invalid("An address has another role, password or database than the primary's.") }
        replicas.append(PostgresReplica(host))
    }

    private static func hosts(of address: ServerAddress) -> [Host] {
        address.hosts.map { Host($0.name, port: $0.port ?? 5_432) }
    }

    private static func number(_ name: String, _ value: String) throws(TenancyError) -> Int {
        guard let number = Int(value), number >= 0, number <= Int(Int32.max) else { throw invalid(name) }
        return number
    }

    private static func bound(_ name: String, _ value: String) throws(TenancyError) -> Duration? {
        let number = try number(name, value)
        return number == 0 ? nil : .milliseconds(number)
    }

    private static func invalid(_ name: String) -> TenancyError {
        TenancyError(.invalidConfiguration, "PostgreSQL: The parameter '\(name)' has a value that it can't have.")
    }
}
