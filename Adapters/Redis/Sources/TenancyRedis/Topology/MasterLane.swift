import Logging
import TenancyCore
import TenancyIO

/// The masters of a cluster, or the one that sentinels watch, as one reactor reaches them.
final class MasterLane: Sendable {
    let reactor: Reactor
    let watch: TopologyWatch
    private let configuration: RedisConfiguration
    private let tls: TLSContext?
    private let logger: Logger
    private let meter: RedisMeter
    private let state: Locked<State>

    private struct State {
        var masters: Masters
        var isShutDown = false
    }

    /// Masters and how they are reached, in the same order. Not changed after it was made.
    private final class Masters: Sendable {
        let map: TopologyMap
        let nodes: [RedisNode]

        init(_ map: TopologyMap, _ nodes: [RedisNode]) {
            self.map = map
            self.nodes = nodes
        }
    }

    init(
        _ watch: TopologyWatch, _ configuration: RedisConfiguration, tls: TLSContext?, reactor: Reactor, logger: Logger,
        meter: RedisMeter
    ) {
        self.watch = watch
        self.configuration = configuration
        self.tls = tls
        self.reactor = reactor
        self.logger = logger
        self.meter = meter
        state = Locked(State(masters: Masters(.empty(slots: watch.slots, serial: -1, generation: -1), [])))
    }

    // MARK: Routes

    /// Where the entries of a slot are, and what has to hold still when the reply is there.
    struct Route {
        let session: RedisSession
        let slot: Int
        fileprivate let map: TopologyMap
        fileprivate let position: Int
    }

    /// - Throws: ``TenancyError`` with code `unavailable` or `shutDown`.
    func route(to slot: Int) throws(TenancyError) -> Route {
        let masters = state.withLock(\.masters)
        guard watch.isKnown(), let position = masters.map.owner(of: slot, at: .now) else {
            watch.refresh()
            throw watch.unknown
        }
        return Route(
            session: try masters.nodes[position].session(), slot: slot, map: masters.map, position: position)
    }

    /// Makes sure that the slot's entries are still where the route has led, so that what came from there counts.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable`.
    func confirm(_ route: Route) throws(TenancyError) {
        let (now, map) = (ContinuousClock.now, watch.map)
        guard watch.isKnown(at: now), let owner = map.owner(of: route.slot, at: now),
            map.generation == route.map.generation,
            map === route.map || map.tenures[owner] == route.map.tenures[route.position]
        else { throw watch.unknown }
    }

    /// The session with a master that another one has named.
    func session(host: String, port: Int) throws(TenancyError) -> RedisSession {
        let masters = state.withLock(\.masters)
        let position = masters.map.tenures.firstIndex {
            $0.endpoint.port == port && (host.isEmpty || $0.endpoint.host == host)
        }
        guard let position else {
            watch.refresh()
            throw watch.unknown
        }
        return try masters.nodes[position].session()
    }

    /// Every master.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` if it is not known which these are.
    func nodes() throws(TenancyError) -> [RedisNode] {
        let masters = state.withLock(\.masters)
        guard watch.isKnown(), !masters.nodes.isEmpty else { throw watch.unknown }
        return masters.nodes
    }

    // MARK: Changes

    /// Follows the map: leaves masters that are none any more, and makes nodes for the new ones.
    ///
    /// - Returns: Nodes that are to be started.
    func update() -> [RedisNode] {
        let map = watch.map
        let made = map.tenures.map { tenure in
            let office = RedisConnector.Office(tenure: tenure, watch: watch)
            return RedisNode(
                RedisConnector(to: office, configuration, tls: tls, reactor: reactor), logger: logger, meter: meter)
        }
        let (added, removed) = state.withLock { state -> ([RedisNode], [RedisNode]) in
            let before = state.masters
            guard !state.isShutDown, map.serial > before.map.serial else { return ([], []) }
            let former = before.map.generation == map.generation ? before.map.tenures : []
            var nodes: [RedisNode] = []
            for (tenure, new) in zip(map.tenures, made) {
                nodes.append(former.firstIndex(of: tenure).map { before.nodes[$0] } ?? new)
            }
            state.masters = Masters(map, nodes)
            let added = nodes.filter { node in made.contains { $0 === node } }
            return (added, before.nodes.filter { node in !nodes.contains { $0 === node } })
        }
        for node in removed { Task { await node.shutDown(Self.replaced) } }
        return added
    }

    /// Follows the map and starts what is new beside.
    func follow() {
        for node in update() {
            Task(executorPreference: reactor.taskExecutor) { _ = try? await node.start(insists: true) }
        }
    }

    func shutDown() async {
        let nodes = state.withLock { state in
            state.isShutDown = true
            return state.masters.nodes
        }
        for node in nodes { await node.shutDown() }
    }

    private static var replaced: TenancyError {
        TenancyError(
            .unavailable, "The server is no longer the master.", details: .init(backendCode: "replaced"))
    }
}
