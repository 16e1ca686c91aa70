public import TenancyCore

/// How a PostgreSQL database is reached and used.
///
/// ```swift
/// var configuration = try PostgresConfiguration(url: "postgres://app@db.example.com/shop?sslmode=verify-full")
/// configuration.password = secret
/// configuration.migration = .init(user: "owner", password: ownerSecret)
/// ```
public struct PostgresConfiguration: Sendable {
    /// Where the primary is; with several, libpq takes the first that accepts writes.
    public var hosts: [Host]
    /// The database's name.
    public var database: String
    /// The role that statements run under. It must not own the tables, nor be a superuser, nor have `BYPASSRLS`.
    public var user: String
    /// The role's password, if it needs one.
    public var password: Secret?
    /// How the connection is protected; ``TLS/prefer`` unless set.
    public var tls = TLS.prefer
    /// The schema that holds the entities' tables; `public` unless set.
    public var schema = "public"
    /// What the server shows as the connection's application; `tenancy` unless set.
    public var applicationName = "tenancy"
    /// How the operating system finds out that a peer is gone.
    public var keepalives = Keepalives()
    /// How long connecting may take; 5 seconds unless set. libpq counts in whole seconds, at least 2.
    public var connectTimeout = Duration.seconds(5)
    /// How long one statement may run on the server; 30 seconds unless set, `nil` for no bound of its own.
    public var statementTimeout: Duration? = .seconds(30)
    /// How long a statement waits for a lock; 10 seconds unless set, `nil` for no bound of its own.
    public var lockTimeout: Duration? = .seconds(10)
    /// How long a transaction may last; 60 seconds unless set, `nil` for no bound of its own.
    public var transactionTimeout: Duration? = .seconds(60)
    /// How many connections there are and how long they live.
    public var pool = Pool()
    /// How many connections of each reactor carry the short statements of all callers at once; 2 unless set, at least
    /// 1.
    public var lanes = 2
    /// How many prepared statements each connection keeps; 256 unless set, at least 16.
    public var maximumStatements = 256
    /// What stands between this process and the server.
    public var pooling = Pooling.session
    /// Servers that relaxed reads may go to, each by an address that stands for no other.
    public var replicas: [PostgresReplica] = []
    /// How far a replica may lag behind and still be read from; 5 seconds unless set.
    public var maximumReplicaLag = Duration.seconds(5)
    /// How often the primary and its replicas are asked how far they are.
    var replicaInterval = Duration.milliseconds(100)
    /// The role that makes and changes tables, which owns them; `nil` if somebody else does. Not used after the start.
    public var migration: Credentials?
    /// Supabase's conventions instead of Tenancy's own; `nil` unless set.
    public var supabase: SupabaseOptions?

    /// A configuration with every default.
    public init(
        host: String, port: Int = 5432, database: String, user: String, password: Secret? = nil
    ) {
        self.init(hosts: [Host(host, port: port)], database: database, user: user, password: password)
    }

    /// A configuration with every default, for a primary that may be any of some hosts.
    public init(hosts: [Host], database: String, user: String, password: Secret? = nil) {
        self.hosts = hosts
        self.database = database
        self.user = user
        self.password = password
    }
}

extension PostgresConfiguration {
    /// Where a server listens.
    public struct Host: Sendable, Hashable, CustomStringConvertible {
        /// A host's name or address, or the directory of a socket, which begins with `/`.
        public var name: String
        /// The port; 5432 unless set.
        public var port: Int

        /// A place where a server listens.
        public init(_ name: String, port: Int = 5432) {
            self.name = name
            self.port = port
        }

        /// The host and its port.
        public var description: String { name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)" }
    }

    /// A role and its password.
    public struct Credentials: Sendable, Hashable {
        /// The role.
        public var user: String
        /// Its password, if it needs one.
        public var password: Secret?

        /// A role and its password.
        public init(user: String, password: Secret? = nil) {
            self.user = user
            self.password = password
        }
    }

    /// What stands between this process and the server.
    public struct Pooling: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String { case session, transaction }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// Nothing, or a pooler that keeps a server's connection for as long as the client's. Statements are prepared
        /// once for each connection.
        public static let session = Pooling(.session)
        /// A pooler that gives each transaction another server's connection, such as PgBouncer in transaction mode.
        /// Nothing is kept on connections: statements have no names, and settings live in transactions.
        public static let transaction = Pooling(.transaction)
        /// The kind's name.
        public var description: String { kind.rawValue }

        init?(_ name: String) {
            guard let kind = Kind(rawValue: name) else { return nil }
            self.kind = kind
        }
    }

    /// How the operating system finds out that a peer is gone.
    public struct Keepalives: Sendable, Hashable {
        /// How long a connection is idle before the peer is asked; 30 seconds unless set.
        public var idle = Duration.seconds(30)
        /// How long until it is asked again; 10 seconds unless set.
        public var interval = Duration.seconds(10)
        /// How often it is asked before it is taken for gone; 3 unless set.
        public var count = 3
        /// How long sent bytes may stay unacknowledged; 30 seconds unless set, `nil` for the system's bound.
        public var unacknowledged: Duration? = .seconds(30)

        /// Every default.
        public init() {}
    }

    /// How many connections there are and how long they live.
    public struct Pool: Sendable, Hashable {
        /// How many connections are kept when none is used; 10 unless set. Other adapters of the process take them when
        /// all together have come to ``ConnectionCeiling`` and a call waits there.
        public var minimum = 10
        /// The most connections to one server; 100 unless set, the server's own default.
        public var maximum = 100
        /// How long a connection beyond the minimum stays unused before it is closed; 10 minutes unless set.
        public var idleTimeout = Duration.seconds(600)
        /// How long a connection lives; 30 minutes unless set, shortened at random by up to a tenth.
        public var lifetime = Duration.seconds(1_800)
        /// How long a call without an earlier deadline waits for a connection; 10 seconds unless set.
        public var acquireTimeout = Duration.seconds(10)

        /// Every default.
        public init() {}
    }
}

/// A server that follows the primary.
public struct PostgresReplica: Sendable, Hashable {
    /// Where it is. Database, role, password and TLS are the primary's.
    public var host: PostgresConfiguration.Host

    /// A replica.
    public init(_ host: PostgresConfiguration.Host) { self.host = host }
}

/// Supabase's conventions: a role that transactions take on, and claims that policies read.
public struct SupabaseOptions: Sendable, Hashable {
    /// The role; `authenticated` unless set. The login role must be a member of it.
    public var role = "authenticated"
    /// The claim that holds the tenant; `tenant_id` unless set.
    public var claim = "tenant_id"

    /// Every default.
    public init() {}
}
