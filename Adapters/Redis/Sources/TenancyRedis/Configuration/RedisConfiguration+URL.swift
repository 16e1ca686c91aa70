public import TenancyCore
import TenancyIO

extension RedisConfiguration {
    /// A configuration from an address.
    ///
    /// | address | what it names |
    /// |---|---|
    /// | `redis://app:secret@cache:6379/0` | one server; the number is the database's |
    /// | `redis+cluster://app:secret@a:7000,b:7000,c` | some nodes of a cluster; so does `redis://` with several hosts |
    /// | `redis+sentinel://app:secret@a:26379,b,c/mymaster/0` | sentinels, their name for the master, and its database |
    /// | `rediss://…`, `rediss+cluster://…`, `rediss+sentinel://…` | the same with TLS and verified certificates |
    ///
    /// Parameters: `client_name`; `connect_timeout`, `command_timeout`, `idle_timeout` (milliseconds);
    /// `connections_per_reactor`, `maximum_waiting_calls`; `tls_ca_file` and `tls_server_name`, with TLS only;
    /// `sentinel_user` and `sentinel_password`, the account that the sentinels ask for.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, which names what is wrong and shows
    ///   no value.
    public init(url: String) throws(TenancyError) {
        let parsed = try ServerAddress(url, schemes: Self.schemes, product: "Redis")
        let (first, path) = (parsed.hosts.first, parsed.path)
        self.init(host: first?.name ?? "", port: first?.port ?? 6_379, user: parsed.user, password: parsed.password)
        if parsed.scheme.hasPrefix("rediss") { tls = .verify() }
        var parameters = parsed.parameters
        let sentinelUser = Self.take("sentinel_user", from: &parameters)
        let sentinelPassword = Self.take("sentinel_password", from: &parameters).map { Secret($0) }
        if parsed.scheme.hasSuffix("+sentinel") {
            let parts = path?.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false) ?? []
            topology = .sentinel(
                Self.endpoints(parsed, 26_379), master: parts.first.map(String.init) ?? "", user: sentinelUser,
                password: sentinelPassword)
            if parts.count == 2 { try setDatabase(parts[1]) }
        } else {
            if sentinelUser != nil || sentinelPassword != nil {
                throw Self.invalid("A parameter of sentinels has no meaning without redis+sentinel://.")
            }
            if parsed.scheme.hasSuffix("+cluster") || parsed.hosts.count > 1 {
                topology = .cluster(Self.endpoints(parsed, 6_379))
            }
            if let path { try setDatabase(path[...]) }
        }
        for (name, value) in parameters { try set(name, value) }
        try validate()
    }

    private static let schemes = [
        "redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel",
    ]

    /// Hosts as an address has them: `host:port,host:port`.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``.
    static func endpoints(_ hosts: String, defaultPort: Int) throws(TenancyError) -> [RedisEndpoint] {
        guard !hosts.contains(where: { "/@?#%".contains($0) }),
            let address = try? ServerAddress("redis://" + hosts, schemes: ["redis"], product: "Redis")
        else { throw invalid("hosts is no list of the form host:port,host:port.") }
        return endpoints(address, defaultPort)
    }

    private static func endpoints(_ address: ServerAddress, _ defaultPort: Int) -> [RedisEndpoint] {
        address.hosts.map { RedisEndpoint(host: $0.name, port: $0.port ?? defaultPort) }
    }

    private static func take(_ name: String, from parameters: inout [(name: String, value: String)]) -> String? {
        parameters.firstIndex { $0.name == name }.map { parameters.remove(at: $0).value }
    }

    private mutating func setDatabase(_ text: Substring) throws(TenancyError) {
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else {
            throw Self.invalid("An address has a database that is no number.")
        }
        database = number
    }

    private mutating func set(_ name: String, _ value: String) throws(TenancyError) {
        switch name {
        case "client_name": clientName = value
        case "connect_timeout": connectTimeout = .milliseconds(try Self.number(name, value))
        case "command_timeout": commandTimeout = .milliseconds(try Self.number(name, value))
        case "idle_timeout": idleTimeout = .milliseconds(try Self.number(name, value))
        case "connections_per_reactor": connectionsPerReactor = try Self.number(name, value)
        case "maximum_waiting_calls": maximumWaitingCalls = try Self.number(name, value)
        case "tls_ca_file" where tls.mode == .verify:
            tls = .verify(authorityFile: value, serverName: tls.serverName)
        case "tls_server_name" where tls.mode == .verify:
            tls = .verify(authorityFile: tls.authorityFile, serverName: value)
        case "tls_ca_file", "tls_server_name":
            throw Self.invalid("The parameter '\(name)' has no meaning without rediss://.")
        default: throw Self.invalid("An address has the parameter '\(name)', which is unknown.")
        }
    }

    private static func number(_ name: String, _ value: String) throws(TenancyError) -> Int {
        guard let number = Int(value), number >= 0, number <= Int(Int32.max) else {
            throw Self.invalid("The parameter '\(name)' has a value that it can't have.")
        }
        return number
    }

    static func invalid(_ message: String) -> TenancyError {
        TenancyError(.invalidConfiguration, "Redis: " + message)
    }
}
