public import TenancyCore
import TenancyIO

extension RedisConfiguration {
    /// A configuration from an address such as `redis://app:secret@cache:6379/0` or `rediss://…`, which asks for TLS
    /// with a verified certificate.
    ///
    /// Parameters: `client_name`; `connect_timeout`, `command_timeout`, `idle_timeout` (milliseconds);
    /// `connections_per_reactor`, `maximum_waiting_calls`; `tls_ca_file` and `tls_server_name`, with `rediss` only.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, which names what is wrong and shows
    ///   no value.
    public init(url: String) throws(TenancyError) {
        let parsed = try ServerAddress(url, schemes: ["redis", "rediss"], product: "Redis")
        guard parsed.hosts.count <= 1 else { throw Self.invalid("An address has more than one host.") }
        let host = parsed.hosts.first
        self.init(host: host?.name ?? "", port: host?.port ?? 6_379, user: parsed.user, password: parsed.password)
        if let path = parsed.path {
            guard path.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(path) else {
                throw Self.invalid("An address has a database that is no number.")
            }
            database = number
        }
        if parsed.scheme == "rediss" { tls = .verify() }
        for (name, value) in parsed.parameters { try set(name, value) }
        try validate()
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

    private static func invalid(_ message: String) -> TenancyError {
        TenancyError(.invalidConfiguration, "Redis: " + message)
    }
}
