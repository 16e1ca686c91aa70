import TenancyCore
import TenancyIO

/// Connects to the servers of a configuration.
///
/// Nothing of it happens on a reactor but the waiting for sockets. libpq's steps run on a thread of the factory's own:
/// they read files, check certificates and stretch passwords, which takes milliseconds, and a reactor has point reads
/// to serve in the meantime. Names are looked up before, on other threads (``HostResolver``), because libpq would block
/// in the middle of a step, and one name server that doesn't answer would hold up all connections to other hosts.
///
/// Each address of each host is an attempt of its own with its share of the time. libpq could try several by itself,
/// but keeps no time for them when it is driven step by step, so that one dead address would use up all of it.
final class LinkFactory: Sendable {
    private let configuration: PostgresConfiguration
    private let connector = ThreadExecutor(name: "tenancy-connect")
    private let resolver: HostResolver

    init(_ configuration: PostgresConfiguration, resolver: HostResolver = .shared) {
        self.configuration = configuration
        self.resolver = resolver
    }

    // Attempts in the middle hold what they need; what they still give to the thread runs.
    deinit { connector.stop() }

    /// Connects and logs in.
    ///
    /// - Parameter deadline: Until when, if that is earlier than the configuration's `connectTimeout` from now.
    /// - Throws: ``TenancyError`` with code `invalidConfiguration` if the server refuses role, password, database or
    ///   TLS, or nobody is configured for the purpose; `unavailable` if it can't be reached, is starting up or full;
    ///   `timeout`, `cancelled`, `readOnly`, `unsupported`, `shutDown`. A task that is cancelled returns at once.
    func open(
        _ purpose: ConnectionParameters.Purpose, on reactor: Reactor, until deadline: ContinuousClock.Instant? = nil
    ) async throws(TenancyError) -> PostgresLink {
        if Task.isCancelled { throw TenancyError(.cancelled, "The calling task was cancelled.") }
        guard let parameters = ConnectionParameters(configuration, for: purpose) else {
            throw TenancyError(
                .invalidConfiguration, "PostgreSQL: No role is configured that makes tables.", hint: "Set migration.")
        }
        let limit = ContinuousClock.now.advanced(by: configuration.connectTimeout)
        let end = deadline.map { min(limit, $0) } ?? limit
        var failure: TenancyError?
        for (index, host) in parameters.hosts.enumerated() {
            let share = Self.share(until: end, of: parameters.hosts.count - index)
            do throws(TenancyError) {
                return try await open(host, parameters, purpose, on: reactor, until: share)
            } catch {
                guard error.isWorthAnotherHost else { throw error }
                failure = Self.moreTelling(failure, error)
            }
        }
        throw failure ?? Self.late
    }

    private func open(
        _ host: PostgresConfiguration.Host, _ parameters: ConnectionParameters,
        _ purpose: ConnectionParameters.Purpose, on reactor: Reactor, until end: ContinuousClock.Instant
    ) async throws(TenancyError) -> PostgresLink {
        var addresses: [String?] = [nil]
        if !host.name.hasPrefix("/") {
            addresses = try await resolver.addresses(of: host.name, on: reactor, until: end)
        }
        var failure: TenancyError?
        for (index, address) in addresses.enumerated() {
            let attempt = ConnectAttempt(parameters, host: host, address: address)
            let share = Self.share(until: end, of: addresses.count - index)
            do throws(TenancyError) {
                return try await complete(attempt, purpose, on: reactor, until: share)
            } catch {
                guard error.isWorthAnotherHost else { throw error }
                failure = Self.moreTelling(failure, error)
            }
        }
        throw failure ?? Self.late
    }

    private func complete(
        _ attempt: ConnectAttempt, _ purpose: ConnectionParameters.Purpose, on reactor: Reactor,
        until end: ContinuousClock.Instant
    ) async throws(TenancyError) -> PostgresLink {
        var need = try await onConnector(reactor, until: end) { attempt.start() }
        while true {
            switch need {
            case .readable: try await reactor.waits(for: attempt, .readable, until: end, late: Self.late)
            case .writable: try await reactor.waits(for: attempt, .writable, until: end, late: Self.late)
            case .failed(let error): throw error
            case .nothing:
                return try await onConnector(reactor, until: end) {
                    () -> Result<PostgresLink, TenancyError> in
                    do throws(TenancyError) { return .success(try attempt.link(on: reactor, for: purpose)) } catch {
                        return .failure(error)
                    }
                }.get()
            }
            need = try await onConnector(reactor, until: end) { attempt.advance() }
        }
    }

    /// Runs a step where it may take its time. If the caller gives up before it is done, what it held is freed there.
    private func onConnector<Value: Sendable>(
        _ reactor: Reactor, until end: ContinuousClock.Instant, _ step: @escaping @Sendable () -> Value
    ) async throws(TenancyError) -> Value {
        let wait = ReactorWait<Value>()
        connector.execute { if !wait.hasEnded { wait.resume(.success(step())) } }
        return try await wait.value(on: reactor, until: end, late: Self.late)
    }

    /// An equal part of the time that is left for `count` attempts, the first of which is about to begin.
    private static func share(until end: ContinuousClock.Instant, of count: Int) -> ContinuousClock.Instant {
        let now = ContinuousClock.now
        return count > 1 && now < end ? now.advanced(by: now.duration(to: end) / count) : end
    }

    /// Of the errors of several attempts the one to report: what a server said before what the network did.
    private static func moreTelling(_ first: TenancyError?, _ second: TenancyError) -> TenancyError {
        guard let first else { return second }
        func isServers(_ error: TenancyError) -> Bool {
            let code = error.details.backendCode ?? ""
            return error.code != .timeout && !code.hasPrefix("errno") && !code.hasPrefix("getaddrinfo")
        }
        return isServers(second) && !isServers(first) ? second : first
    }

    private static var late: TenancyError {
        TenancyError(
            .timeout, "The server did not answer an attempt to connect in time.",
            hint: "Check the address and firewalls, or raise connectTimeout.")
    }
}

extension TenancyError {
    /// Whether another server, or another address, might do what this one has not.
    fileprivate var isWorthAnotherHost: Bool {
        switch code {
        case .unavailable, .timeout, .readOnly: !Task.isCancelled
        default: false
        }
    }
}

extension Reactor {
    /// Waits until the socket of an attempt is ready. The attempt lives until the reactor has let go of the socket.
    fileprivate func waits(
        for attempt: ConnectAttempt, _ interest: ReactorEvents, until end: ContinuousClock.Instant,
        late: @escaping @autoclosure @Sendable () -> TenancyError
    ) async throws(TenancyError) {
        let wait = ReactorWait<Void>()
        let watch = SocketWatch(attempt, wait)
        execute { watch.begin(on: self, interest) }
        try await wait.value(on: self, until: end, late: late()) { [self] in execute { watch.end() } }
    }
}

/// A socket that is watched until it is ready once. Unchecked, because it is used on the reactor only.
private final class SocketWatch: @unchecked Sendable {
    private let attempt: ConnectAttempt
    private let wait: ReactorWait<Void>
    private var source: ReactorSource?

    init(_ attempt: ConnectAttempt, _ wait: ReactorWait<Void>) {
        self.attempt = attempt
        self.wait = wait
    }

    func begin(on reactor: Reactor, _ interest: ReactorEvents) {
        // Given up before it began: what `end` would have had to do is not done at all.
        guard !wait.hasEnded else { return }
        do throws(TenancyError) {
            source = try reactor.register(attempt.socket, watching: interest) { [self] events in
                end()
                let isStopped = events.contains(.stopped)
                wait.resume(isStopped ? .failure(TenancyError(.shutDown, "The reactor has stopped.")) : .success(()))
            }
        } catch { wait.resume(.failure(error)) }
    }

    func end() {
        source?.cancel()
        source = nil
    }
}
