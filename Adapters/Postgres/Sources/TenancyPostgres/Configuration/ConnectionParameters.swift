import Foundation
import TenancyCore

/// What libpq is given to connect: names and values, one by one, so that no value can be taken for another setting.
struct ConnectionParameters: Sendable {
    /// Whom a connection is for.
    enum Purpose: Sendable, Hashable {
        /// Statements for tenants, on the primary.
        case tenants
        /// Statements for tenants, on a replica.
        case replica(PostgresReplica)
        /// Making and changing tables.
        case migration
    }

    private var settings: [(name: String, value: Secret)]
    /// Where the server may be, in the order in which the places are to be tried.
    let hosts: [PostgresConfiguration.Host]

    /// - Returns: `nil` for migration if nobody is configured for it.
    init?(_ configuration: PostgresConfiguration, for purpose: Purpose) {
        var hosts = configuration.hosts
        var (user, password) = (configuration.user, configuration.password)
        switch purpose {
        case .tenants: break
        case .replica(let replica): hosts = [replica.host]
        case .migration:
            guard let migration = configuration.migration else { return nil }
            (user, password) = (migration.user, migration.password)
        }
        var settings: [(String, String)] = [
            ("host", hosts.map(\.name).joined(separator: ",")),
            ("port", hosts.map { String($0.port) }.joined(separator: ",")),
            ("dbname", configuration.database), ("user", user),
            ("application_name", configuration.applicationName), ("client_encoding", "UTF8"),
            ("sslmode", configuration.tls.mode.rawValue),
            // Asking for Kerberos first would cost a round trip for each connection.
            ("gssencmode", "disable"),
            ("connect_timeout", String(max(2, Self.seconds(configuration.connectTimeout)))),
            ("keepalives", "1"), ("keepalives_idle", String(Self.seconds(configuration.keepalives.idle))),
            ("keepalives_interval", String(Self.seconds(configuration.keepalives.interval))),
            ("keepalives_count", String(configuration.keepalives.count)),
        ]
        if let file = configuration.tls.authorityFile { settings.append(("sslrootcert", file)) }
        if let bound = configuration.keepalives.unacknowledged {
            settings.append(("tcp_user_timeout", String(Self.milliseconds(bound))))
        }
        if hosts.count > 1 { settings.append(("target_session_attrs", "read-write")) }
        // A pooler in transaction mode refuses or forgets settings of the session.
        if configuration.pooling == .session {
            settings.append(("options", Self.options(configuration, for: purpose)))
        }
        self.hosts = hosts
        self.settings = settings.map { ($0.0, Secret($0.1)) } + (password.map { [("password", $0)] } ?? [])
    }

    private static func options(_ configuration: PostgresConfiguration, for purpose: Purpose) -> String {
        // The role's or the database's default may be another.
        var options = [#"-c default_transaction_isolation=read\ committed"#]
        if purpose == .migration { return options[0] }
        // Compiling a plan takes longer than most of these statements.
        options.append("-c jit=off")
        for (name, bound) in [
            ("statement_timeout", configuration.statementTimeout), ("lock_timeout", configuration.lockTimeout),
            ("idle_in_transaction_session_timeout", configuration.transactionTimeout),
        ] {
            if let bound { options.append("-c \(name)=\(milliseconds(bound))") }
        }
        return options.joined(separator: " ")
    }

    /// Whole seconds, rounded up.
    static func seconds(_ duration: Duration) -> Int64 {
        let (seconds, rest) = duration.components
        return rest > 0 ? seconds + 1 : seconds
    }

    /// Whole milliseconds, at least 1, because 0 is no bound at all.
    static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        guard seconds < Int64(Int32.max) / 1_000 else { return Int64(Int32.max) }
        return max(1, seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }

    /// The setting of that name, for tests of what is sent.
    subscript(name: String) -> Secret? { settings.first { $0.name == name }?.value }

    /// The same settings for one place that has been looked up. The host's name is kept: certificates are made out for
    /// it.
    ///
    /// - Parameter address: In numbers; `nil` for a socket's directory.
    func directed(to host: PostgresConfiguration.Host, address: String?) -> ConnectionParameters {
        var directed = self
        directed.settings.removeAll { ["host", "port", "hostaddr"].contains($0.name) }
        directed.settings += [("host", Secret(host.name)), ("port", Secret(String(host.port)))]
        if let address { directed.settings.append(("hostaddr", Secret(address))) }
        return directed
    }

    /// Lends the names and values as `PQconnectStartParams` takes them, which copies them.
    func withCStrings<Result>(
        _ body: (
            _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?
        ) -> Result
    ) -> Result {
        let names = settings.map { strdup($0.name) }
        let values = settings.map { strdup($0.value.reveal()) }
        defer {
            for pointer in names { free(pointer) }
            for pointer in values {
                // A password is not left lying about in freed memory.
                if let pointer { memset(pointer, 0, strlen(pointer)) }
                free(pointer)
            }
        }
        let nameList: [UnsafePointer<CChar>?] = names.map { $0.map { UnsafePointer($0) } } + [nil]
        let valueList: [UnsafePointer<CChar>?] = values.map { $0.map { UnsafePointer($0) } } + [nil]
        return nameList.withUnsafeBufferPointer { names in
            valueList.withUnsafeBufferPointer { values in body(names.baseAddress, values.baseAddress) }
        }
    }
}

extension ConnectionParameters: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The names of the settings.
    var description: String { "ConnectionParameters(\(settings.map(\.name).joined(separator: ", ")))" }
    /// The same as ``description``.
    var debugDescription: String { description }
    /// No children.
    var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
