import Synchronization
public import TenancyCore
import TenancyIO

/// What was sent with `NOTIFY`, as it comes, over one connection that all listeners of a process share.
///
/// ```swift
/// let notifications = try PostgresNotifications(configuration)
/// for await event in try await notifications.listen(to: PostgresChannel("orders", of: tenant)) {
///     switch event {
///     case .payload(let key): refresh(key)
///     case .gap: refreshEverything()
///     }
/// }
/// ```
///
/// Each payload is delivered **at most once**, and in the order in which the transactions that sent them committed.
/// When ``listen(to:)`` has returned, everything that is committed from then on is delivered, or else a
/// ``PostgresNotification/gap`` stands in its place: the connection was lost and is there again, or the listener was so
/// slow that its buffer was full. A gap comes after the server listens again, so that whoever then reads the tables
/// anew misses nothing.
///
/// The connection is made for the first listener and closed after the last. It is lost and made again, with pauses that
/// grow, for as long as there are listeners. It counts as one connection beside those of the pool.
public final class PostgresNotifications: Sendable {
    private struct State {
        var listeners: [String: [ObjectIdentifier: NotificationListener]] = [:]
        var isDriven = false
        var isShutDown = false
        var lastError: TenancyError?
    }

    private let configuration: PostgresConfiguration
    private let bufferSize: Int
    private let reactor: Reactor
    private let factory: LinkFactory
    private let backoff: Backoff
    private let state = Locked(State())
    private let changed = Signal()

    /// Notifications of a server. It is connected to when somebody listens.
    ///
    /// - Parameters:
    ///   - configuration: With the address of the server itself: poolers in transaction mode have no `LISTEN`.
    ///   - bufferSize: How many payloads wait for each listener; at least 1. What comes beyond that is dropped, and a
    ///     gap takes its place.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``.
    public convenience init(_ configuration: PostgresConfiguration, bufferSize: Int = 256) throws(TenancyError) {
        try self.init(configuration, bufferSize: bufferSize, backoff: Backoff())
    }

    init(_ configuration: PostgresConfiguration, bufferSize: Int, backoff: Backoff) throws(TenancyError) {
        try configuration.validate()
        guard configuration.pooling == .session else {
            throw TenancyError(
                .invalidConfiguration, "PostgreSQL: Notifications can't be heard through a pooler in transaction mode.",
                hint: "Give the address of the server itself, with pooling .session.")
        }
        self.configuration = configuration
        self.bufferSize = max(1, bufferSize)
        self.backoff = backoff
        reactor = try Reactor(name: "tenancy-notify")
        factory = LinkFactory(configuration)
    }

    // Only when nobody listens: the task that keeps the connection holds this.
    deinit { reactor.requestStop() }

    /// Why the connection is not there, if it is wanted; for a health check.
    public var lastError: TenancyError? { state.withLock { $0.lastError } }

    /// Listens to a channel from now on: what is committed after this has returned is delivered.
    ///
    /// Listening ends when the sequence and its iterators are let go of, or the task that iterates is cancelled.
    ///
    /// - Throws: ``TenancyError`` if the server can't be reached now, with the codes of connecting.
    public func listen(to channel: PostgresChannel) async throws(TenancyError) -> PostgresNotificationSequence {
        let listener = NotificationListener(channel, bufferSize: bufferSize)
        let starts = try state.withLock { state throws(TenancyError) -> Bool in
            guard !state.isShutDown else { throw Self.shutDownError }
            state.listeners[channel.wireName, default: [:]][ObjectIdentifier(listener)] = listener
            defer { state.isDriven = true }
            return !state.isDriven
        }
        // Ends the listening when it is let go of, also by the error below.
        let subscription = NotificationSubscription(listener) { [weak self] in self?.remove($0) }
        if starts { Task { await drive() } } else { changed.raise() }
        try await listener.begun.value()
        return PostgresNotificationSequence(subscription)
    }

    /// Closes the connection and ends all sequences. Nothing can be listened to from then on.
    public func shutDown() async {
        let listeners = state.withLock { state in
            state.isShutDown = true
            defer { state.listeners = [:] }
            return state.listeners.values.flatMap(\.values)
        }
        for listener in listeners { listener.end(Self.shutDownError) }
        changed.raise()
        await reactor.stop()
    }

    private func remove(_ listener: NotificationListener) {
        listener.end(TenancyError(.cancelled, "The listener was let go of."))
        state.withLock { state in
            let name = listener.channel.wireName
            state.listeners[name]?[ObjectIdentifier(listener)] = nil
            if state.listeners[name]?.isEmpty == true { state.listeners[name] = nil }
        }
        changed.raise()
    }

    private func deliver(_ name: String, _ message: String, from connection: Int) {
        let listeners = state.withLock { $0.listeners[name].map { Array($0.values) } ?? [] }
        for listener in listeners {
            if let payload = listener.channel.payload(of: message) { listener.add(payload, from: connection) }
        }
    }

    // MARK: The connection

    /// Who listens now; `nil` once nobody does, which ends the task that asks.
    private func wanted() -> [String: [NotificationListener]]? {
        state.withLock { state in
            guard state.listeners.isEmpty else { return state.listeners.mapValues { Array($0.values) } }
            state.isDriven = false
            state.lastError = nil
            return nil
        }
    }

    /// Has the server listen to what is wanted, for as long as anything is. The only task that uses the connection.
    private func drive() async {
        var session: LinkSession?
        var heard: Set<String> = []
        var connection = 0
        var backoff = backoff
        while let wanted = wanted() {
            do throws(TenancyError) {
                if session?.link.isClosed ?? true {
                    connection += 1
                    (session, heard) = (try await connect(connection), [])
                }
                if let session { try await adjust(session, &heard, to: Set(wanted.keys)) }
                backoff.reset()
                state.withLock { $0.lastError = nil }
                for listener in wanted.values.joined() { listener.begin(with: connection) }
                await changed.wait()
            } catch {
                session?.close()
                session = nil
                state.withLock { $0.lastError = error }
                // Who has not begun is told; who has, waits for the next connection.
                for listener in wanted.values.joined() where !listener.hasBegun {
                    listener.begun.resume(.failure(error))
                }
                let end = ContinuousClock.now.advanced(by: backoff.next())
                let pause = Task {
                    try? await reactor.sleep(until: end)
                    changed.raise()
                }
                await changed.wait()
                pause.cancel()
            }
        }
        session?.close()
    }

    private func connect(_ connection: Int) async throws(TenancyError) -> LinkSession {
        let link = try await factory.open(.tenants, on: reactor)
        return try await LinkSession(
            link, notified: { [weak self] in self?.deliver($0, $1, from: connection) },
            ended: { [changed] _ in changed.raise() })
    }

    private func adjust(
        _ session: LinkSession, _ heard: inout Set<String>, to wanted: Set<String>
    ) async throws(TenancyError) {
        for (verb, names) in [("LISTEN", wanted.subtracting(heard)), ("UNLISTEN", heard.subtracting(wanted))] {
            if names.isEmpty { continue }
            // One statement for each: the extended protocol takes no more at once.
            for name in names {
                _ = try await session.run(
                    verb + " " + Identifier.quote(name), until: .now.advanced(by: configuration.connectTimeout))
            }
        }
        heard = wanted
    }

    private static var shutDownError: TenancyError { TenancyError(.shutDown, "Notifications are shut down.") }
}
