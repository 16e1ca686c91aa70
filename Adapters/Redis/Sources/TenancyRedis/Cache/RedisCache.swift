public import Logging
import Synchronization
public import TenancyCore
public import TenancyIO

/// A cache in Redis, one server, a cluster or a master that sentinels watch, for any number of processes: the whole
/// contract of ``TenancyCore/CacheAdapter``.
///
/// All callers share a few connections; what they ask for at the same time travels together. Every step that changes
/// something is one script and so one step on the server.
public final class RedisCache: CacheNotifying {
    /// `redis`.
    public let name = "redis"

    let configuration: RedisConfiguration
    private let logger: Logger
    private let givenReactors: ReactorGroup?
    private let state = Locked(State())
    private let counts = Counts()
    private let meter = RedisMeter()
    private let changes: ChangeFeeds

    private struct State {
        var lanes: [Lane] = []
        var watch: TopologyWatch?
        var hasStarted = false
        var isShutDown = false
    }

    /// How one reactor reaches what holds the entries.
    enum Lane {
        case server(RedisNode)
        case masters(MasterLane)
    }

    private final class Counts: Sendable {
        let hits = Atomic(0)
        let misses = Atomic(0)
    }

    /// A cache, which is not connected.
    ///
    /// - Parameters:
    ///   - configuration: Where the servers are and how they are used.
    ///   - logger: Hears of connections that are lost.
    ///   - reactors: Where connections live; the process's, if `nil`.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``.
    public init(
        _ configuration: RedisConfiguration, logger: Logger = Logger(label: "tenancy.redis"),
        reactors: ReactorGroup? = nil
    ) throws(TenancyError) {
        try configuration.validate()
        self.configuration = configuration
        self.logger = logger
        givenReactors = reactors
        changes = ChangeFeeds(logger: logger)
    }

    /// Connects and logs in, as far as the servers can be reached. Where they can't be, that is logged and ``health()``
    /// tells it; calls fail until they can.
    ///
    /// - Throws: ``TenancyError`` with code `invalidConfiguration`, or what else time won't mend, such as a server that
    ///   is none of Redis; `cancelled` or `shutDown`. Nothing stays open then.
    public func start() async throws(TenancyError) {
        let mayStart = state.withLock { state in
            defer { state.hasStarted = true }
            return !state.hasStarted && !state.isShutDown
        }
        guard mayStart else {
            throw TenancyError(.shutDown, "The cache was started before, or was shut down.")
        }
        let tls = try TLSContext(configuration)
        // Those of the database, so that a call that goes to both changes threads once for both.
        let reactors = if let givenReactors { givenReactors } else { try ReactorGroup.process() }
        let isShutDown: Bool
        do throws(TenancyError) {
            let reason =
                configuration.topology.isSingle
                ? try await startServer(reactors, tls) : try await startMasters(reactors, tls)
            if let reason {
                logger.warning("Redis can't be reached; the cache is passed by", metadata: ["reason": "\(reason)"])
            }
            isShutDown = state.withLock(\.isShutDown)
        } catch {
            await close()
            throw error
        }
        // Shut down while it was starting.
        if isShutDown { await close() }
    }

    private func startServer(_ reactors: ReactorGroup, _ tls: TLSContext?) async throws(TenancyError) -> TenancyError? {
        var nodes: [RedisNode] = []
        let connectors = reactors.reactors.map { RedisConnector(configuration: configuration, tls: tls, reactor: $0) }
        // In this order a tenant's lane is on the reactor that is the tenant's; see `lane(for:)`.
        for _ in 0..<configuration.connectionsPerReactor {
            for connector in connectors { nodes.append(RedisNode(connector, logger: logger, meter: meter)) }
        }
        state.withLock { $0.lanes = nodes.map(Lane.server) }
        let reason = try await start(nodes)
        if configuration.tellsOfChanges {
            changes.begin(RedisConnector(configuration: configuration, tls: tls, reactor: reactors.reactors[0]))
        }
        return reason
    }

    private func startMasters(_ reactors: ReactorGroup, _ tls: TLSContext?) async throws(TenancyError) -> TenancyError?
    {
        let watch = TopologyWatch(configuration, tls: tls, reactor: reactors.reactors[0], logger: logger)
        var lanes: [MasterLane] = []
        for _ in 0..<configuration.connectionsPerReactor {
            for reactor in reactors.reactors {
                lanes.append(
                    MasterLane(watch, configuration, tls: tls, reactor: reactor, logger: logger, meter: meter))
            }
        }
        let all = lanes
        state.withLock { state in
            state.lanes = all.map(Lane.masters)
            state.watch = watch
        }
        let unknown = try await watch.start()
        let reason = try await start(lanes.flatMap { $0.update() })
        // Before the lanes, because copies of what a new master says are told of only when it is listened to.
        if configuration.tellsOfChanges {
            let (configuration, reactor) = (configuration, reactors.reactors[0])
            changes.begin(watch) { tenure in
                RedisConnector(to: .init(tenure: tenure, watch: watch), configuration, tls: tls, reactor: reactor)
            }
        }
        watch.onChange { for lane in all { lane.follow() } }
        // The masters may have changed since.
        for lane in lanes { lane.follow() }
        return unknown ?? reason
    }

    /// Starts nodes side by side, because each may take as long as connecting may.
    ///
    /// - Returns: Why one of them has no connection; `nil` if all have.
    private func start(_ nodes: [RedisNode]) async throws(TenancyError) -> TenancyError? {
        let outcomes = await withTaskGroup(of: Result<TenancyError?, TenancyError>.self) { group in
            for node in nodes {
                group.addTask {
                    do throws(TenancyError) { return .success(try await node.start()) } catch { return .failure(error) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var reason: TenancyError?
        for outcome in outcomes { reason = try outcome.get() ?? reason }
        return reason
    }

    /// The executor on which calls for a tenant reach the server without changing threads; `nil` before the start.
    public func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)? {
        switch try? lane(for: tenant) {
        case .server(let node): node.reactor.taskExecutor
        case .masters(let lane): lane.reactor.taskExecutor
        case nil: nil
        }
    }

    /// Runs commands in order; in a cluster, those on one key.
    ///
    /// What lifts blocks is tried again for some seconds if the server is away: another one may take over meanwhile, on
    /// which nothing else keeps what was read before the write from staying.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` while there is no connection or when it is lost, `timeout`,
    ///   `cancelled`, `shutDown`, `storageFull`, or what the server refuses for. Some of the commands, or all of them,
    ///   may have been carried out.
    public func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        let lane = try lane(for: tenant)
        guard !commands.isEmpty else { return [] }
        do throws(TenancyError) {
            let replies: [CacheReply]
            if case .unblock = commands[0], commands.allSatisfy(\.isUnblock) {
                replies = try await insist(on: commands, for: tenant, in: lane)
            } else {
                replies = try await run(commands, for: tenant, in: lane)
            }
            count(commands, replies)
            return replies
        } catch {
            throw error.with { $0.tenant = tenant }
        }
    }

    private func run(
        _ commands: [CacheCommand], for tenant: TenantID, in lane: Lane
    ) async throws(TenancyError) -> [CacheReply] {
        switch lane {
        case .server(let node):
            return try await RedisBatch(commands, for: tenant, in: try node.session(), configuration).run()
        case .masters(let lane) where configuration.topology.isCluster:
            var batch = ClusterBatch(commands, for: tenant, in: lane, configuration)
            return try await batch.run()
        case .masters(let lane):
            let route = try lane.route(to: 0)
            let replies = try await RedisBatch(commands, for: tenant, in: route.session, configuration).run()
            try lane.confirm(route)
            return replies
        }
    }

    private func insist(
        on commands: [CacheCommand], for tenant: TenantID, in lane: Lane
    ) async throws(TenancyError) -> [CacheReply] {
        let end = ContinuousClock.now + KnowledgeTime.settling * 2
        var pause = Duration.milliseconds(20)
        while true {
            do throws(TenancyError) {
                return try await run(commands, for: tenant, in: lane)
            } catch {
                guard error.code == .unavailable || error.code == .timeout, .now + pause < end else { throw error }
            }
            do { try await Task.sleep(for: pause) } catch {
                throw TenancyError(.cancelled, "The calling task was cancelled while it waited.")
            }
            pause = min(pause * 2, .milliseconds(500))
        }
    }

    /// Hits, misses and reconnects of this process, and what the servers have evicted since it asked them first. What they
    /// hold they can't tell cheaply.
    public func statistics() -> CacheStatistics {
        var statistics = CacheStatistics()
        statistics.hits = counts.hits.load(ordering: .relaxed)
        statistics.misses = counts.misses.load(ordering: .relaxed)
        statistics.reconnects = meter.reconnects
        statistics.evictions = meter.evictions
        return statistics
    }

    /// Asks every server on every connection.
    public func health() async -> BackendHealth {
        let start = ContinuousClock.now
        do throws(TenancyError) {
            for lane in try allLanes() {
                let nodes: [RedisNode]
                switch lane {
                case .server(let node): nodes = [node]
                case .masters(let lane): nodes = try lane.nodes()
                }
                for node in nodes {
                    var commands = CommandWriter()
                    try commands.write("PING")
                    let call = RedisCall(commands)
                    try await node.session().connection.run(call)
                    if let word = call[0]?.errorWord { throw TenancyError(redis: word) }
                }
            }
            return BackendHealth(isHealthy: true, latency: .now - start)
        } catch {
            return BackendHealth(isHealthy: false, latency: .now - start, error: error)
        }
    }

    /// Closes the connections. Calls that wait fail with ``TenancyError/Code/shutDown``, as do later ones.
    public func shutDown() async {
        state.withLock { $0.isShutDown = true }
        await close()
    }

    private func close() async {
        let (lanes, watch) = state.withLock { state in
            defer { (state.lanes, state.watch) = ([], nil) }
            return (state.lanes, state.watch)
        }
        await changes.stop()
        await watch?.stop()
        for lane in lanes {
            switch lane {
            case .server(let node): await node.shutDown()
            case .masters(let lane): await lane.shutDown()
            }
        }
    }

    // MARK: Changes

    /// `false`: what somebody else changes is told a moment after it.
    public var notifiesBeforeReturning: Bool { false }

    /// Tells an observer of every change of an entry, whoever makes it, if ``RedisConfiguration/tellsOfChanges`` is set and
    /// the server's user may listen.
    public func addObserver(_ observer: any CacheObserver) { changes.add(observer) }

    // MARK: Lanes

    private func allLanes() throws(TenancyError) -> [Lane] {
        try state.withLock { state throws(TenancyError) in
            if state.isShutDown { throw RedisNode.stopped }
            guard !state.lanes.isEmpty else {
                throw TenancyError(.unavailable, "The cache was not started.", hint: "Call start() first.")
            }
            return state.lanes
        }
    }

    /// A tenant's calls all go the same way, so that one after another arrives in that order, and by the reactor that
    /// ``ReactorGroup/reactor(for:)`` names.
    func lane(for tenant: TenantID) throws(TenancyError) -> Lane {
        let lanes = try allLanes()
        return lanes[Int(UInt(bitPattern: tenant.hashValue) % UInt(lanes.count))]
    }

    private func count(_ commands: [CacheCommand], _ replies: [CacheReply]) {
        var (hits, misses) = (0, 0)
        for (command, reply) in zip(commands, replies) {
            switch command {
            case .get, .lookUp, .getAndExpire: if case .value = reply { hits += 1 } else { misses += 1 }
            default: break
            }
        }
        if hits > 0 { counts.hits.add(hits, ordering: .relaxed) }
        if misses > 0 { counts.misses.add(misses, ordering: .relaxed) }
    }
}
