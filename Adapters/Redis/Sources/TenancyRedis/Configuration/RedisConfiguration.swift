public import TenancyCore

/// How a Redis server is reached and used.
///
/// ```swift
/// var configuration = try RedisConfiguration(url: "rediss://app@cache.example.com?tls_ca_file=/etc/cache-ca.pem")
/// configuration.password = secret
/// ```
public struct RedisConfiguration: Sendable {
    /// The server's name or address; of no meaning in a cluster or with sentinels.
    public var host: String
    /// The server's port; 6379 unless set. Of no meaning in a cluster or with sentinels.
    public var port: Int
    /// Whether there is one server, a cluster, or a master that sentinels watch; ``Topology/single`` unless set.
    public var topology = Topology.single
    /// The ACL user; `nil` for the server's default user.
    public var user: String?
    /// The user's password; `nil` if the server asks for none.
    public var password: Secret?
    /// The number of the server's database; 0 unless set, and always 0 in a cluster.
    public var database = 0
    /// What the server shows as the connection's name; `tenancy` unless set. No spaces or control characters.
    public var clientName = "tenancy"
    /// How the connection is protected; ``TLS/disable`` unless set.
    public var tls = TLS.disable
    /// How the operating system finds out that a peer is gone.
    public var keepalives = Keepalives()
    /// How long connecting may take, from looking the host up to the end of the log-in; 5 seconds unless set.
    public var connectTimeout = Duration.seconds(5)
    /// How long a command may take, from when it is sent; 1 second unless set. A call whose command took longer fails,
    /// and its reply is thrown away when it comes.
    public var commandTimeout = Duration.seconds(1)
    /// How long the server may send nothing at all while commands wait for it, until the connection is given up; 5
    /// seconds unless set.
    public var idleTimeout = Duration.seconds(5)
    /// How long to wait before connecting again.
    public var reconnect = Reconnect()
    /// How many connections each reactor has; 1 unless set, at most 16. All callers share them.
    public var connectionsPerReactor = 1
    /// How many calls may wait for one connection's replies; 16,384 unless set. More fail at once.
    public var maximumWaitingCalls = 16_384
    /// Whether the servers are asked to tell what changes, so that copies in the process can be trusted for longer than
    /// they are new; set unless unset. It takes two more connections to each master, on which every change of every entry
    /// is told.
    public var tellsOfChanges = true
    /// How long anything stays, whatever life time it was stored with or without; 30 days unless set. It bounds how
    /// long what nobody can find any more takes up room.
    public var maximumTimeToLive = Duration.seconds(30 * 86_400)

    /// A configuration with every default.
    public init(host: String, port: Int = 6_379, user: String? = nil, password: Secret? = nil) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
    }

    /// A configuration for a cluster or for a master that sentinels watch, with every default.
    public init(_ topology: Topology, user: String? = nil, password: Secret? = nil) {
        self.init(host: "localhost", user: user, password: password)
        self.topology = topology
    }
}

extension RedisConfiguration {
    /// How the operating system finds out that a peer is gone.
    public struct Keepalives: Sendable, Hashable {
        /// How long a connection is idle before the peer is asked; 30 seconds unless set.
        public var idle = Duration.seconds(30)
        /// How long until it is asked again; 10 seconds unless set.
        public var interval = Duration.seconds(10)
        /// How often it is asked before it is taken for gone; 3 unless set.
        public var count = 3

        /// Every default.
        public init() {}
    }

    /// How long to wait before connecting again: twice as long after each failure, and shortened at random by up to a
    /// half, so that those who lost the same server don't come back all at once.
    public struct Reconnect: Sendable, Hashable {
        /// The first pause; 50 milliseconds unless set.
        public var minimumPause = Duration.milliseconds(50)
        /// The longest pause; 2 seconds unless set.
        public var maximumPause = Duration.seconds(2)

        /// Every default.
        public init() {}
    }

    /// How a connection is protected.
    public struct TLS: Sendable, Hashable {
        enum Mode: Sendable, Hashable { case disable, verify }

        let mode: Mode
        let authorityFile: String?
        let serverName: String?

        /// No TLS.
        public static let disable = TLS(mode: .disable, authorityFile: nil, serverName: nil)

        /// TLS 1.2 or newer, with a certificate that an authority signed for the host's name.
        ///
        /// - Parameters:
        ///   - authorityFile: The authorities' certificates (PEM); `nil` for those that the system trusts.
        ///   - serverName: The name or address that the certificate must be for; `nil` for the host's.
        public static func verify(authorityFile: String? = nil, serverName: String? = nil) -> TLS {
            TLS(mode: .verify, authorityFile: authorityFile, serverName: serverName)
        }
    }
}
