import Logging
import TenancyCore
import TenancyIO

/// What all servers that hold entries tell of changes, for those in this process who keep copies.
///
/// A change is confirmed as told when every server has confirmed it; as soon as one can't, or the servers are others,
/// all that was kept may be old.
final class ChangeFeeds: Sendable {
    private struct Observer {
        weak var observer: (any CacheObserver)?
    }

    private struct Source: Sendable {
        /// Which server it is, and which of its times as a master; `nil` if there is only one.
        let tenure: Tenure?
        let feed: ChangeFeed
    }

    private struct State {
        var observers: [Observer] = []
        var isStopped = false
        /// How the feeds are begun, until somebody wants to hear.
        var begin: (@Sendable () -> Void)?
        var sources: [Source] = []
        /// The map that the sources are of.
        var map: TopologyMap?
        /// By the feed, until when it has told everything.
        var confirmed: [ObjectIdentifier: ContinuousClock.Instant] = [:]
    }

    private let logger: Logger
    private let state = Locked(State())

    init(logger: Logger) { self.logger = logger }

    /// Tells an observer from now on, for as long as somebody else holds it.
    func add(_ observer: any CacheObserver) {
        let begin = state.withLock { state in
            state.observers.removeAll { $0.observer == nil }
            state.observers.append(Observer(observer: observer))
            return state.begin.take()
        }
        begin?()
    }

    /// Hears from one server, once somebody wants to.
    func begin(_ connector: RedisConnector) {
        whenObserved { [self] in
            let source = source(connector, tenure: nil, watch: nil)
            let isWanted = state.withLock { state in
                if !state.isStopped { state.sources = [source] }
                return !state.isStopped
            }
            if isWanted { source.feed.start() }
        }
    }

    /// Hears from all masters, whoever they are, once somebody wants to.
    ///
    /// - Parameter connector: Makes what connects to a master.
    func begin(_ watch: TopologyWatch, _ connector: @escaping @Sendable (Tenure) -> RedisConnector) {
        whenObserved { [self] in
            watch.onChange { [weak self] in self?.follow(watch, connector) }
            follow(watch, connector)
        }
    }

    func stop() async {
        let sources = state.withLock { state in
            state.isStopped = true
            defer { (state.sources, state.begin, state.confirmed) = ([], nil, [:]) }
            return state.sources
        }
        for source in sources { await source.feed.stop() }
        tell { $0.lost() }
    }

    private func whenObserved(_ begin: @escaping @Sendable () -> Void) {
        let isObserved = state.withLock { state in
            if state.isStopped { return false }
            if state.observers.isEmpty { state.begin = begin }
            return !state.observers.isEmpty
        }
        if isObserved { begin() }
    }

    /// Listens to those who are masters now. What is kept is dropped first: a new one may have been used already.
    private func follow(_ watch: TopologyWatch, _ connector: @Sendable (Tenure) -> RedisConnector) {
        let map = watch.map
        let made = map.tenures.map { source(connector($0), tenure: $0, watch: watch) }
        let (added, removed) = state.withLock { state -> ([Source], [Source]) in
            guard !state.isStopped, map.serial > state.map?.serial ?? -1 else { return ([], []) }
            let isSame = state.map?.generation == map.generation
            let former = isSame ? state.sources : []
            let sources = made.map { new in former.first { $0.tenure == new.tenure } ?? new }
            let removed = state.sources.filter { old in !sources.contains { $0.feed === old.feed } }
            (state.map, state.sources, state.confirmed) = (map, sources, [:])
            return (made.filter { new in sources.contains { $0.feed === new.feed } }, removed)
        }
        tell { $0.lost() }
        for source in removed { Task { await source.feed.stop() } }
        for source in added { source.feed.start() }
    }

    private func source(_ connector: RedisConnector, tenure: Tenure?, watch: TopologyWatch?) -> Source {
        let id = Locked<ObjectIdentifier?>(nil)
        let feed = ChangeFeed(connector, logger: logger) { [weak self, weak watch] event in
            guard let self, let id = id.withLock(\.self) else { return }
            hear(event, from: id, watch)
        }
        id.withLock { $0 = ObjectIdentifier(feed) }
        return Source(tenure: tenure, feed: feed)
    }

    private func hear(_ event: ChangeFeed.Event, from feed: ObjectIdentifier, _ watch: TopologyWatch?) {
        switch event {
        case .changed(let tenant, let key): tell { $0.changed(key, of: tenant) }
        case .emptied, .lost:
            state.withLock { $0.confirmed = [:] }
            tell { $0.lost() }
        case .confirmed(let instant):
            // A master that is none any more does not hear what its successor is told.
            if let watch, !watch.isKnown() { return }
            let earliest = state.withLock { state -> ContinuousClock.Instant? in
                guard state.sources.contains(where: { ObjectIdentifier($0.feed) == feed }),
                    watch == nil || state.map === watch?.map
                else { return nil }
                state.confirmed[feed] = instant
                return state.confirmed.count == state.sources.count ? state.confirmed.values.min() : nil
            }
            if let earliest { tell { $0.confirmed(earliest) } }
        }
    }

    private func tell(_ body: (any CacheObserver) -> Void) {
        for observer in state.withLock({ $0.observers.compactMap(\.observer) }) { body(observer) }
    }
}
