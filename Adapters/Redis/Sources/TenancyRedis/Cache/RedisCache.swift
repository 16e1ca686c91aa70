public import Logging
import Synchronization
public import TenancyCore
public import TenancyIO

/// A cache in a Redis server, for any number of processes: the whole contract of ``TenancyCore/CacheAdapter``.
///
/// All callers share a few connections; what they ask for at the same time travels together. Every step that changes
/// something is one script and so one step on the server.
public final class RedisCache: CacheAdapter {
    /// `redis`.
    public let name = "redis"

    let configuration: RedisConfiguration
    private let logger: Logger
    private let givenReactors: ReactorGroup?
    private let state = Locked(State())
    private let counts = Counts()
    private let turn = Atomic(0)

    private struct State {
        var ownReactors: ReactorGroup?
        var nodes: [RedisNode] = []
        var hasStarted = false
        var isShutDown = false
    }

    private final class Counts: Sendable {
        let hits = Atomic(0)
        let misses = Atomic(0)
    }

    /// A cache, which is not connected.
    ///
    /// - Parameters:
    ///   - configuration: Where the server is and how it is used.
    ///   - logger: Hears of connections that are lost.
    ///   - reactors: Where connections live; the cache's own, which end with it, if `nil`.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``.
    public init(
        _ configuration: RedisConfiguration, logger: Logger = Logger(label: "tenancy.redis"),
        reactors: ReactorGroup? = nil
    ) throws(TenancyError) {
        try configuration.validate()
        self.configuration = configuration
        self.logger = logger
        givenReactors = reactors
    }

    /// Connects and logs in, as far as the server can be reached. Where it can't be, that is logged and ``health()``
    /// tells it; calls fail until it can.
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
        let reactors: ReactorGroup
        if let givenReactors {
            reactors = givenReactors
        } else {
            reactors = try ReactorGroup(name: "tenancy-redis")
            state.withLock { $0.ownReactors = reactors }
        }
        var nodes: [RedisNode] = []
        for reactor in reactors.reactors {
            let connector = RedisConnector(configuration: configuration, tls: tls, reactor: reactor)
            for _ in 0..<configuration.connectionsPerReactor { nodes.append(RedisNode(connector, logger: logger)) }
        }
        do throws(TenancyError) {
            if let reason = try await start(nodes) {
                logger.warning("Redis can't be reached; the cache is passed by", metadata: ["reason": "\(reason)"])
            }
        } catch {
            for node in nodes { await node.shutDown() }
            await state.withLock { $0.ownReactors.take() }?.stop()
            throw error
        }
        let isShutDown = state.withLock { state in
            state.nodes = nodes
            return state.isShutDown
        }
        // Shut down while it was starting.
        if isShutDown { await shutDown() }
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
        try? node(for: tenant).reactor.taskExecutor
    }

    /// Runs commands in order.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` while there is no connection or when it is lost, `timeout`,
    ///   `cancelled`, `shutDown`, `storageFull`, or what the server refuses for. Some of the commands, or all of them,
    ///   may have been carried out.
    public func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        let node = try node(for: tenant)
        guard !commands.isEmpty else { return [] }
        do throws(TenancyError) {
            let replies = try await RedisBatch(commands, for: tenant, in: try node.session(), configuration).run()
            count(commands, replies)
            return replies
        } catch {
            throw error.with { $0.tenant = tenant }
        }
    }

    /// Removes one tenant's values and leases. Goes through the names of all tenants' entries, some hundred at a time.
    ///
    /// - Throws: As ``run(_:for:)``.
    @discardableResult
    public func flush(_ tenant: TenantID) async throws(TenancyError) -> Int {
        do throws(TenancyError) {
            return try await RedisFlush(tenant, in: try node(for: tenant).session()).run()
        } catch {
            throw error.with { $0.tenant = tenant }
        }
    }

    /// Hits and misses of this process. What the server holds it can't tell cheaply.
    public func statistics() -> CacheStatistics {
        var statistics = CacheStatistics()
        statistics.hits = counts.hits.load(ordering: .relaxed)
        statistics.misses = counts.misses.load(ordering: .relaxed)
        return statistics
    }

    /// Asks the server on every connection.
    public func health() async -> BackendHealth {
        let start = ContinuousClock.now
        do throws(TenancyError) {
            for node in try allNodes() {
                var commands = CommandWriter()
                try commands.write("PING")
                let call = RedisCall(commands)
                try await node.session().connection.run(call)
                if let word = call[0]?.errorWord { throw TenancyError(redis: word) }
            }
            return BackendHealth(isHealthy: true, latency: .now - start)
        } catch {
            return BackendHealth(isHealthy: false, latency: .now - start, error: error)
        }
    }

    /// Closes the connections. Calls that wait fail with ``TenancyError/Code/shutDown``, as do later ones.
    public func shutDown() async {
        let (nodes, reactors) = state.withLock { state in
            state.isShutDown = true
            defer {
                state.nodes = []
                state.ownReactors = nil
            }
            return (state.nodes, state.ownReactors)
        }
        for node in nodes { await node.shutDown() }
        await reactors?.stop()
    }

    // MARK: Nodes

    private func allNodes() throws(TenancyError) -> [RedisNode] {
        try state.withLock { state throws(TenancyError) in
            if state.isShutDown { throw RedisNode.stopped }
            guard !state.nodes.isEmpty else {
                throw TenancyError(.unavailable, "The cache was not started.", hint: "Call start() first.")
            }
            return state.nodes
        }
    }

    /// A tenant's calls all go the same way, so that one after another arrives in that order.
    private func node(for tenant: TenantID) throws(TenancyError) -> RedisNode {
        let nodes = try allNodes()
        return nodes[Int(UInt(bitPattern: tenant.hashValue) % UInt(nodes.count))]
    }

    private func count(_ commands: [CacheCommand], _ replies: [CacheReply]) {
        var (hits, misses) = (0, 0)
        for (command, reply) in zip(commands, replies) {
            switch command {
            case .get, .lookUp: if case .value = reply { hits += 1 } else { misses += 1 }
            default: break
            }
        }
        if hits > 0 { counts.hits.add(hits, ordering: .relaxed) }
        if misses > 0 { counts.misses.add(misses, ordering: .relaxed) }
    }
}
