import Logging
import TenancyCore
import TenancyIO

/// Hears from one server which entries change there, whoever changes them.
///
/// The server tells one connection, which only listens, what another one has it track: every name that begins as all
/// entries do (`CLIENT TRACKING` with `REDIRECT` and `BCAST`, see redis.io/docs/latest/develop/reference/client-side-caching).
/// Tracking what was read instead would say nothing of what a client itself has just stored.
///
/// Both connections go to the same process of the server, and each shows now and then that it is there. If either ends,
/// changes may have gone untold, and both are made anew.
final class ChangeFeed: Sendable {
    /// What is heard.
    enum Event: Sendable {
        /// Changes may have gone untold until now.
        case lost
        case changed(TenantID, CacheKey)
        /// Everything was removed at once.
        case emptied
        /// Whatever had changed before that moment, and after the last loss, was told.
        case confirmed(ContinuousClock.Instant)
    }

    /// How often the connections show that they are there: about half of how old the last confirmation may become.
    private static let interval = Duration.milliseconds(100)
    private static let channel = "__redis__:invalidate"

    private let connector: RedisConnector
    private let logger: Logger
    private let report: @Sendable (Event) -> Void
    private let work = Locked(Work())

    private struct Work {
        var task: Task<Void, Never>?
        var isStopped = false
    }

    /// - Parameter report: Called on the connector's reactor, in the order of what happened on the server.
    init(_ connector: RedisConnector, logger: Logger, report: @escaping @Sendable (Event) -> Void) {
        self.connector = connector
        self.logger = logger
        self.report = report
    }

    func start() {
        work.withLock { work in
            // It may have been stopped by somebody who was quicker.
            if work.isStopped { return }
            work.task = Task(executorPreference: connector.reactor.taskExecutor) { [self] in await run() }
        }
    }

    func stop() async {
        let task = work.withLock { work in
            work.isStopped = true
            return work.task
        }
        task?.cancel()
        await task?.value
    }

    private func run() async {
        let reconnect = connector.configuration.reconnect
        var pause = reconnect.minimumPause
        var isKnown = false
        while !Task.isCancelled {
            var hasBegun = false
            do throws(TenancyError) {
                let session = try await connector.connect()
                try await listen(beside: session) {
                    hasBegun = true
                    report(.lost)
                }
            } catch {
                report(.lost)
                if error.code == .cancelled || error.code == .shutDown { return }
                if !isKnown || hasBegun {
                    logger.notice(
                        "Redis does not tell of changes; copies in the process answer for less long",
                        metadata: ["reason": "\(error)"])
                    isKnown = true
                }
                if hasBegun { pause = reconnect.minimumPause }
            }
            guard (try? await connector.reactor.sleep(until: .now + pause * Double.random(in: 0.5...1))) != nil
            else { return }
            pause = min(pause * 2, reconnect.maximumPause)
        }
    }

    /// Listens until one of the connections ends, or the task is cancelled.
    ///
    /// - Parameter begun: Called when everything that changes from now on is told.
    private func listen(beside session: RedisSession, _ begun: () -> Void) async throws(TenancyError) {
        var listener: RedisConnection?
        do throws(TenancyError) {
            let connection = try await connector.open()
            listener = connection
            try await subscribe(connection, beside: session)
            begun()
            try await confirm(connection, beside: session)
        } catch {
            await listener?.close(error)
            await session.connection.close(error)
            throw error
        }
    }

    private func subscribe(_ listener: RedisConnection, beside session: RedisSession) async throws(TenancyError) {
        var commands = CommandWriter()
        try commands.write("INFO", "server")
        try commands.write("CLIENT", "ID")
        let isOfCluster = connector.configuration.topology.isCluster
        await listener.listen { [report] reply in
            guard reply.count == 3, reply[0]?.text == "message" else { return false }
            guard let names = reply[2], !names.isNil else {
                report(.emptied)
                return true
            }
            for index in 0..<names.count {
                guard let name = names[index]?.bytes,
                    let (tenant, key) = RedisKeys.entry(of: name, isOfCluster: isOfCluster)
                else { continue }
                report(.changed(tenant, key))
            }
            return true
        }
        let who = RedisCall(commands)
        try await listener.run(who)
        guard let text = who[0]?.text, let id = who[1]?.integer else { throw Self.refusal(who) }
        guard ServerIdentity.fields(text)["run_id"].map(String.init) == session.identity.run else {
            throw TenancyError(.unavailable, "The address leads to several servers.")
        }
        var subscription = CommandWriter()
        try subscription.write("SUBSCRIBE", Self.channel)
        let subscribed = RedisCall(subscription)
        try await listener.run(subscribed)
        if subscribed[0]?.isError != false { throw Self.refusal(subscribed) }
        var tracking = CommandWriter()
        try tracking.write(
            "CLIENT", "TRACKING", "ON", "REDIRECT", String(id), "BCAST", "PREFIX", RedisKeys.commonPrefix)
        let tracked = RedisCall(tracking)
        try await session.connection.run(tracked)
        if tracked[0]?.isError != false { throw Self.refusal(tracked) }
    }

    private func confirm(_ listener: RedisConnection, beside session: RedisSession) async throws(TenancyError) {
        var last: ContinuousClock.Instant?
        var nextCheck = ContinuousClock.now + KnowledgeTime.interval
        while true {
            let asked = ContinuousClock.now
            try await Self.ping(listener)
            // After that reply, so that it shows that tracking was on until then.
            try await Self.ping(session.connection)
            // What a server does in one turn it tells at the turn's end, perhaps after its reply to the question of the
            // same turn; but before its reply to the next.
            if let last { report(.confirmed(last)) }
            last = asked
            if asked >= nextCheck {
                nextCheck = asked + KnowledgeTime.interval
                await session.check()
                if let reason = await session.connection.closingReason { throw reason }
            }
            try await connector.reactor.sleep(until: .now + Self.interval)
        }
    }

    private static func ping(_ connection: RedisConnection) async throws(TenancyError) {
        var commands = CommandWriter()
        try commands.write("PING")
        let call = RedisCall(commands, isBounded: false)
        try await connection.run(call)
        if call[0]?.isError != false { throw refusal(call) }
    }

    private static func refusal(_ call: RedisCall) -> TenancyError {
        TenancyError(redis: (0..<call.count).lazy.compactMap { call[$0]?.errorWord }.first ?? "ERR")
    }
}
