import Logging
import Synchronization
import TenancyCore
import TenancyIO

/// One server as one reactor reaches it: keeps a session with it, and makes another when that was lost.
///
/// While there is none, calls fail at once; nothing is kept for later.
final class RedisNode: Sendable {
    private enum State {
        case offline(TenancyError)
        case online(RedisSession)
        case shutDown(TenancyError)
    }

    /// Where the server's connection lives.
    let reactor: Reactor
    private let connector: RedisConnector
    private let logger: Logger
    private let meter: RedisMeter
    private let state = Locked(State.offline(RedisNode.notStarted))
    private let task = Locked<Task<Void, Never>?>(nil)

    init(_ connector: RedisConnector, logger: Logger, meter: RedisMeter) {
        self.connector = connector
        self.logger = logger
        self.meter = meter
        reactor = connector.reactor
    }

    /// The session.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` or `shutDown`.
    func session() throws(TenancyError) -> RedisSession {
        try state.withLock { state throws(TenancyError) in
            switch state {
            case .online(let session): return session
            case .offline(let error): throw error
            case .shutDown(let error): throw error
            }
        }
    }

    /// Connects for the first time, and from then on again and again.
    ///
    /// - Parameter insists: Whether to go on whatever the first attempt failed with.
    /// - Returns: Why there is no connection yet; `nil` if there is one.
    /// - Throws: ``TenancyError``: what the first attempt failed with, if time won't mend it. No more are made then.
    func start(insists: Bool = false) async throws(TenancyError) -> TenancyError? {
        var session: RedisSession?
        var failure: TenancyError?
        do throws(TenancyError) {
            let first = try await connector.connect()
            offer(first)
            session = first
        } catch {
            guard insists || error.code == .unavailable || error.code == .timeout else { throw error }
            setOffline(error)
            failure = error
        }
        let first = session
        let task = Task(executorPreference: reactor.taskExecutor) { [self] in await keep(first) }
        self.task.withLock { $0 = task }
        // Shut down while it was starting.
        if case .shutDown = state.withLock(\.self) {
            task.cancel()
            await first?.connection.close(Self.stopped)
        }
        return failure
    }

    /// Ends the connection, and makes no more.
    ///
    /// - Parameter reason: What calls fail with.
    func shutDown(_ reason: TenancyError = RedisNode.stopped) async {
        let before = state.withLock { state in
            let before = state
            if case .shutDown = before { return before }
            state = .shutDown(reason)
            return before
        }
        if case .online(let session) = before { await session.connection.close(reason) }
        let task = task.withLock(\.self)
        task?.cancel()
        await task?.value
    }

    private func keep(_ first: RedisSession?) async {
        var session = first
        // Another connection is one that is made again, however many attempts it takes.
        var wasConnected = first != nil
        var pause = connector.configuration.reconnect.minimumPause
        while !Task.isCancelled {
            if let current = session {
                pause = connector.configuration.reconnect.minimumPause
                let reason = await serve(current)
                setOffline(reason)
                connector.office?.watch.refresh()
                session = nil
                continue
            }
            do throws(TenancyError) {
                try await reactor.sleep(until: .now + pause * Double.random(in: 0.5...1))
                session = try await connector.connect()
                if wasConnected { meter.reconnected() }
                wasConnected = true
            } catch {
                setOffline(error)
                // The reactor has stopped, and nothing comes after that.
                if error.code == .shutDown { return }
                pause = min(pause * 2, connector.configuration.reconnect.maximumPause)
            }
        }
        if let session { await session.connection.close(Self.stopped) }
    }

    /// Offers the session until its connection has ended.
    ///
    /// - Returns: Why it ended.
    private func serve(_ session: RedisSession) async -> TenancyError {
        offer(session)
        let checks = Task(executorPreference: reactor.taskExecutor) { [self] in
            while !session.connection.ended.hasEnded {
                guard (try? await reactor.sleep(until: .now + KnowledgeTime.interval)) != nil else { return }
                await session.check(meter)
                offer(session)
            }
        }
        defer { checks.cancel() }
        do throws(TenancyError) { return try await session.connection.ended.value() } catch {
            await session.connection.close(error)
            return error
        }
    }

    /// Has calls go to the session, once it may be used.
    private func offer(_ session: RedisSession) {
        let isNews = state.withLock { state in
            guard case .offline = state, !session.connection.ended.hasEnded else { return false }
            let isUsable = session.usableFrom <= .now
            state = isUsable ? .online(session) : .offline(Self.pausing)
            return isUsable
        }
        if isNews { logger.info("connected to Redis") }
    }

    private func setOffline(_ reason: TenancyError) {
        let isNews = state.withLock { state in
            guard case .shutDown = state else {
                defer { state = .offline(TenancyError(offline: reason)) }
                if case .online = state { return true }
                return false
            }
            return false
        }
        if isNews { logger.warning("the connection to Redis was lost", metadata: ["reason": "\(reason)"]) }
    }

    private static var pausing: TenancyError {
        TenancyError(
            .unavailable, "The server's replication id has changed; the cache begins anew in some seconds.",
            hint: "Nothing; it happens when the server was promoted, or has had no replica for an hour.")
    }

    private static var notStarted: TenancyError {
        TenancyError(.unavailable, "The cache was not started.", hint: "Call start() first.")
    }

    static var stopped: TenancyError { TenancyError(.shutDown, "The cache was shut down.") }
}
