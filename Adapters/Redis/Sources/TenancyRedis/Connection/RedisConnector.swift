import TenancyCore
import TenancyIO

/// Makes sessions with one server.
struct RedisConnector: Sendable {
    private(set) var configuration: RedisConfiguration
    let tls: TLSContext?
    let reactor: Reactor
    /// As which of a cluster's or the sentinels' masters the server is meant; `nil` if there is only one server.
    private(set) var office: Office?

    struct Office: Sendable {
        let tenure: Tenure
        let watch: TopologyWatch
    }

    init(configuration: RedisConfiguration, tls: TLSContext?, reactor: Reactor) {
        self.configuration = configuration
        self.tls = tls
        self.reactor = reactor
    }

    /// To a master that others have named.
    init(to office: Office, _ configuration: RedisConfiguration, tls: TLSContext?, reactor: Reactor) {
        self.init(configuration: configuration, tls: tls, reactor: reactor)
        self.office = office
        (self.configuration.host, self.configuration.port) = (office.tenure.endpoint.host, office.tenure.endpoint.port)
    }

    /// Connects, logs in, and asks the server who it is.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` or `timeout`; `invalidConfiguration` if the server refuses the
    ///   account, or its certificate does not stand up; `cancelled` or `shutDown`.
    func connect() async throws(TenancyError) -> RedisSession {
        try await connect { connection, deadline throws(TenancyError) in try await logIn(connection, until: deadline) }
    }

    /// Connects and logs in, to a server that may have any role.
    ///
    /// - Throws: As ``connect()``.
    func open() async throws(TenancyError) -> RedisConnection {
        try await connect { connection, deadline throws(TenancyError) in
            var commands = CommandWriter()
            try addAccount(to: &commands)
            try commands.write("CLIENT", "SETNAME", configuration.clientName)
            let call = RedisCall(commands)
            try await connection.run(call, until: deadline)
            try checkAccount(call)
            return connection
        }
    }

    private func connect<Value>(
        _ logIn: (RedisConnection, ContinuousClock.Instant) async throws(TenancyError) -> Value
    ) async throws(TenancyError) -> Value {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        let addresses = try await SocketAddress.resolve(
            configuration.host, port: configuration.port, on: reactor, until: deadline)
        var failure = RedisConnection.connectTimeout
        for address in addresses {
            let connection = try RedisConnection(
                configuration, tls: try tls?.makeStream(to: configuration.host), on: reactor)
            do throws(TenancyError) {
                try await connection.open(address, until: deadline)
            } catch {
                guard error.code == .unavailable, ContinuousClock.now < deadline else { throw error }
                failure = error
                continue
            }
            do throws(TenancyError) {
                return try await logIn(connection, deadline)
            } catch {
                // If it was closed, such as for a certificate, the calls after that were told less.
                let reason = await connection.closingReason ?? error
                await connection.close(reason)
                throw reason
            }
        }
        throw failure
    }

    private func addAccount(to commands: inout CommandWriter) throws(TenancyError) {
        guard let password = configuration.password else { return }
        commands.begin("AUTH")
        if let user = configuration.user { commands.add(user) }
        commands.add(password.reveal())
        try commands.end()
    }

    private func checkAccount(_ call: RedisCall) throws(TenancyError) {
        if configuration.password != nil, call[0]?.isError == true { throw TenancyError(redis: "WRONGPASS") }
    }

    private func logIn(
        _ connection: RedisConnection, until deadline: ContinuousClock.Instant
    ) async throws(TenancyError) -> RedisSession {
        let asked = ContinuousClock.now
        var commands = CommandWriter()
        try addAccount(to: &commands)
        try commands.write("CLIENT", "SETNAME", configuration.clientName)
        if configuration.database != 0 { try commands.write("SELECT", String(configuration.database)) }
        let settings = commands.count
        for section in ["server", "replication", "memory"] { try commands.write("INFO", section) }
        for script in RedisScript.allCases { try commands.write("SCRIPT", "LOAD", script.text) }
        let call = RedisCall(commands)
        try await connection.run(call, until: deadline)

        try checkAccount(call)
        for index in 0..<settings {
            guard let word = call[index]?.errorWord else { continue }
            // The database's number is the only one of these that a server finds out of range.
            throw word == "ERR"
                ? TenancyError(.invalidConfiguration, "Redis: The server has no database of that number.")
                : TenancyError(redis: word)
        }
        var sections: [[Substring: Substring]] = []
        for index in settings..<settings + 3 {
            guard let text = call[index]?.text else { throw TenancyError(redis: call[index]?.errorWord ?? "ERR") }
            sections.append(ServerIdentity.fields(text))
        }
        try checkMode(sections[0]["redis_mode"])
        let identity = try ServerIdentity(
            server: sections[0], replication: sections[1], tenure: office?.tenure.number ?? 0)
        let scripts = try RedisScripts(call, from: settings + 3)
        let pause = try await announce(identity, scripts, on: connection, until: deadline)
        await connection.setKnown(until: asked + KnowledgeTime.limit)
        return RedisSession(
            connection: connection, identity: identity, scripts: scripts,
            evictsOnlyExpiring: sections[2]["maxmemory_policy"]?.hasPrefix("volatile-") ?? false,
            usableFrom: .now + pause)
    }

    /// Leaves word of who the server is, and reads for how long it has been that.
    private func announce(
        _ identity: ServerIdentity, _ scripts: RedisScripts, on connection: RedisConnection,
        until deadline: ContinuousClock.Instant
    ) async throws(TenancyError) -> Duration {
        var commands = CommandWriter()
        commands.begin("EVALSHA")
        commands.add(scripts[.announce])
        commands.add(1)
        if let (tenure, watch) = office.map({ ($0.tenure, $0.watch) }) {
            let map = watch.map
            guard watch.isKnown(), let slot = map.firstSlot(of: tenure) else { throw watch.unknown }
            var name = Array(RedisSession.identityKey.utf8)
            // It stands where the server's own entries stand.
            if map.owners.count > 1 { name += Array(":{".utf8) + HashSlot.Tag.first(of: slot).bytes + Array("}".utf8) }
            commands.add(name)
            commands.add(identity.run)
            // A master that has other slots than it had is another one for those who don't know it yet.
            commands.add(identity.epoch + "-" + String(map.digest(of: tenure), radix: 16))
            commands.add(1)
        } else {
            commands.add(RedisSession.identityKey)
            commands.add(identity.run)
            commands.add(identity.epoch)
            commands.add(0)
        }
        try commands.end()
        let call = RedisCall(commands)
        try await connection.run(call, until: deadline)
        guard let age = call[0]?.integer else { throw TenancyError(redis: call[0]?.errorWord ?? "ERR") }
        return age < 0 ? .zero : max(.zero, KnowledgeTime.settling - .milliseconds(age))
    }

    private func checkMode(_ mode: Substring?) throws(TenancyError) {
        guard let mode else { return }
        if mode == "sentinel" || (mode == "cluster" && !configuration.topology.isCluster) {
            let (what, scheme) = mode == "sentinel" ? ("a sentinel", "sentinel") : ("a node of a cluster", "cluster")
            throw TenancyError(
                .invalidConfiguration, "Redis: The server is \(what).",
                hint: "Name it in an address of the form redis+\(scheme)://… or in cache.hosts.")
        }
    }
}
