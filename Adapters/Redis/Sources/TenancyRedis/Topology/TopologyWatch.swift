import Logging
import Synchronization
import TenancyCore
import TenancyIO

/// Knows at any time who is master of what, or that it does not know.
final class TopologyWatch: Sendable {
    private let configuration: RedisConfiguration
    private let tls: TLSContext?
    private let reactor: Reactor
    private let logger: Logger
    private let seeds: [RedisEndpoint]
    private let question: Witness.Question
    private let state: Locked<State>
    private let began = ContinuousClock.now
    /// ``Electorate/deadline`` in nanoseconds since ``began``, for those who look at it with every call.
    private let deadline = Atomic<Int64>(-1)

    private struct State {
        var electorate: Electorate
        var witnesses: [RedisEndpoint: Witness] = [:]
        var failures: [RedisEndpoint: TenancyError] = [:]
        var isShutDown = false
        var lastWoken = ContinuousClock.now
        var listeners: [@Sendable () -> Void] = []
        var firstMap: [ReactorWait<Void>] = []
    }

    /// How many slots there are.
    let slots: Int

    init(_ configuration: RedisConfiguration, tls: TLSContext?, reactor: Reactor, logger: Logger) {
        self.configuration = configuration
        self.tls = tls
        self.reactor = reactor
        self.logger = logger
        switch configuration.topology.kind {
        case .sentinel(let sentinels, let master):
            (seeds, question, slots) = (sentinels, .sentinel(master: master), 1)
        case .cluster(let nodes):
            let usesNames = configuration.tls.mode == .verify
            (seeds, question, slots) = (nodes, .cluster(usesNames: usesNames), HashSlot.count)
        case .single: (seeds, question, slots) = ([], .cluster(usesNames: false), HashSlot.count)
        }
        state = Locked(State(electorate: Electorate(slots: slots, now: .now)))
    }

    /// Begins to ask, and waits for the first majority, as long as connecting may take.
    ///
    /// - Returns: Why there is none yet; `nil` if there is one.
    /// - Throws: ``TenancyError`` if a witness said that the configuration is wrong.
    func start() async throws(TenancyError) -> TenancyError? {
        let wait = ReactorWait<Void>()
        state.withLock { $0.firstMap.append(wait) }
        for seed in seeds { add(seed) }
        do throws(TenancyError) {
            try await wait.value(on: reactor, until: .now + configuration.connectTimeout, late: self.unknown)
            return nil
        } catch {
            guard error.code == .unavailable || error.code == .timeout else { throw error }
            return error
        }
    }

    func stop() async {
        let (witnesses, waits) = state.withLock { state in
            state.isShutDown = true
            defer { (state.witnesses, state.firstMap, state.listeners) = ([:], [], []) }
            return (Array(state.witnesses.values), state.firstMap)
        }
        for wait in waits { wait.resume(.failure(RedisNode.stopped)) }
        for witness in witnesses { await witness.stop() }
    }

    /// Calls `body` after each change of the map, on any thread.
    func onChange(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.listeners.append(body) } }

    /// Who is master of what, for as long as ``isKnown(at:)`` holds.
    var map: TopologyMap { state.withLock(\.electorate.map) }

    /// Whether the map may be gone by.
    func isKnown(at now: ContinuousClock.Instant = .now) -> Bool {
        now - began < .nanoseconds(deadline.load(ordering: .acquiring))
    }

    /// Has the witnesses asked again soon: once for all who noticed at the same time that something has changed.
    func refresh() {
        let witnesses = state.withLock { state -> [Witness] in
            guard ContinuousClock.now - state.lastWoken > .milliseconds(200) else { return [] }
            state.lastWoken = .now
            return Array(state.witnesses.values)
        }
        for witness in witnesses { witness.wake() }
    }

    /// The error of a call that can't be told where to go.
    var unknown: TenancyError {
        let (isKnown, reason) = (isKnown(), state.withLock { $0.failures.values.first })
        if isKnown {
            return TenancyError(
                .unavailable, "The key's master has changed; the cache begins anew for it in some seconds.",
                details: .init(backendCode: "settling"))
        }
        let message = "No majority of the cluster's nodes or sentinels says who is master."
        return TenancyError(
            .unavailable, reason.map { message + " " + $0.message } ?? message,
            hint: reason?.hint ?? "Check that more than half of them run and can be reached.",
            details: .init(backendCode: "majority"))
    }

    // MARK: Witnesses

    private func add(_ endpoint: RedisEndpoint) {
        var configuration = configuration
        (configuration.host, configuration.port) = (endpoint.host, endpoint.port)
        if case .sentinel = question {
            configuration.user = configuration.topology.sentinelUser
            configuration.password = configuration.topology.sentinelPassword
        }
        let connector = RedisConnector(configuration: configuration, tls: tls, reactor: reactor)
        let witness = Witness(connector, question) { [weak self] in self?.hear($0, from: endpoint) }
        let isNew = state.withLock { state in
            guard !state.isShutDown, state.witnesses[endpoint] == nil else { return false }
            state.witnesses[endpoint] = witness
            return true
        }
        if isNew { witness.start() }
    }

    private func hear(
        _ outcome: Result<(MasterView, asked: ContinuousClock.Instant), TenancyError>, from endpoint: RedisEndpoint
    ) {
        switch outcome {
        case .failure(let error):
            let waits = state.withLock { state -> [ReactorWait<Void>] in
                state.failures[endpoint] = error
                // One witness that says so is enough to refuse the start: somebody has to look.
                guard error.code == .invalidConfiguration else { return [] }
                defer { state.firstMap = [] }
                return state.firstMap
            }
            for wait in waits { wait.resume(.failure(error)) }
        case .success(let (view, asked)): take(view, asked, from: endpoint)
        }
    }

    private func take(_ view: MasterView, _ asked: ContinuousClock.Instant, from endpoint: RedisEndpoint) {
        let news = state.withLock { state -> News in
            guard !state.isShutDown else { return News() }
            state.failures[endpoint] = nil
            var news = News()
            let hasChanged = state.electorate.record(view, asked: asked, now: .now)
            let known = (state.electorate.deadline - began) / Duration.nanoseconds(1)
            deadline.store(Int64(known), ordering: .releasing)
            if hasChanged {
                news.listeners = state.listeners
                news.masters = state.electorate.map.tenures.count
            }
            if !state.electorate.map.tenures.isEmpty {
                news.waits = state.firstMap
                state.firstMap = []
            }
            let wanted = state.electorate.peers.union(seeds)
            news.added = wanted.filter { state.witnesses[$0] == nil }
            for gone in state.witnesses.keys where !wanted.contains(gone) {
                if let witness = state.witnesses.removeValue(forKey: gone) { news.removed.append(witness) }
                state.failures[gone] = nil
            }
            return news
        }
        for peer in news.added { add(peer) }
        for witness in news.removed { Task { await witness.stop() } }
        if let masters = news.masters {
            logger.info("Redis has changed its masters", metadata: ["masters": "\(masters)"])
        }
        for listener in news.listeners { listener() }
        for wait in news.waits { wait.resume(.success(())) }
    }

    private struct News {
        var listeners: [@Sendable () -> Void] = []
        var masters: Int?
        var waits: [ReactorWait<Void>] = []
        var added: Set<RedisEndpoint> = []
        var removed: [Witness] = []
    }
}
