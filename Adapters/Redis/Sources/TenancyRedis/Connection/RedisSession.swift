import TenancyCore
import TenancyIO

/// A connection that is logged in, to a server of which it is known who it is.
final class RedisSession: Sendable {
    /// The connection.
    let connection: RedisConnection
    /// Which server it is.
    let identity: ServerIdentity
    /// The digests of the scripts, by which the server knows them.
    let scripts: RedisScripts
    /// Whether the server makes room by evicting what has a life time, and only that; blocks then have none, so that
    /// they are never evicted.
    let evictsOnlyExpiring: Bool
    /// From when on the session may be used: before that, clients that know the server by its former replication id may
    /// still be at work.
    let usableFrom: ContinuousClock.Instant

    init(
        connection: RedisConnection, identity: ServerIdentity, scripts: RedisScripts, evictsOnlyExpiring: Bool,
        usableFrom: ContinuousClock.Instant
    ) {
        self.connection = connection
        self.identity = identity
        self.scripts = scripts
        self.evictsOnlyExpiring = evictsOnlyExpiring
        self.usableFrom = usableFrom
    }

    /// The name under which a server's data say who it is.
    static let identityKey = "mt_sdk:server"

    /// Asks the server who it is now, and closes the connection if that is not who it was.
    ///
    /// - Parameter meter: What is told how many entries the server has evicted.
    func check(_ meter: RedisMeter? = nil) async {
        let asked = ContinuousClock.now
        do throws(TenancyError) {
            var commands = CommandWriter()
            try commands.write("INFO", "replication")
            if meter != nil { try commands.write("INFO", "stats") }
            // A server that has too much to do is not another one.
            let call = RedisCall(commands, isBounded: false)
            try await connection.run(call)
            guard let text = call[0]?.text else { throw TenancyError(redis: call[0]?.errorWord ?? "ERR") }
            let current = try identity.now(replication: ServerIdentity.fields(text))
            guard current == identity else {
                throw TenancyError(.unavailable, "The server's replication id has changed; the connection was closed.")
            }
            await connection.setKnown(until: asked + KnowledgeTime.limit)
            guard let meter, let statistics = call[1]?.text else { return }
            if let evicted = ServerIdentity.fields(statistics)["evicted_keys"].flatMap({ Int($0) }) {
                meter.evicted(evicted, by: identity.epoch)
            }
        } catch {
            // A reply that is late is waited for as long as the server is known; a wrong one ends the connection.
            if error.code != .timeout, error.code != .cancelled { await connection.close(error) }
        }
    }
}
