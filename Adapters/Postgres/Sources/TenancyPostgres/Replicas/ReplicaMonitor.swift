import TenancyCore
import TenancyIO

/// Asks the primary and its replicas again and again how far they are, over one connection to each, and tells where a
/// read may go by a ``ReplicaRouter``.
///
/// A replica is used only if it replays the log of the very system that the primary belongs to, which its identifier
/// proves, on the primary's timeline, has replayed what was there at ``start()``, and was admitted after that: whenever
/// it was lost, it is looked at anew.
final class ReplicaMonitor: Sendable {
    private struct State {
        var router: ReplicaRouter
        var system: String?
        var timeline: UInt32 = 0
        var errors: [TenancyError?]
        var tasks: [Task<Void, Never>] = []
    }

    /// The replicas, in the order of the configuration.
    let replicas: [PostgresReplica]

    private let configuration: PostgresConfiguration
    private let factory: LinkFactory
    private let reactor: Reactor
    private let interval: Duration
    private let backoff: Backoff
    private let admit: Admission
    private let changed: @Sendable (_ replica: Int, TenancyError?) -> Void
    private let origin = ContinuousClock.now
    private let state: Locked<State>

    /// Looks at a replica before it is read from, and throws if it must not be.
    typealias Admission = @Sendable (_ replica: Int, ServerIdentity) async throws(TenancyError) -> Void

    /// - Parameters:
    ///   - interval: Between two questions. A replica counts as that much behind at times, however fast it is.
    ///   - admit: Looks at a replica that has answered, each time before it is read from again.
    ///   - changed: Told why a replica is not used from now on; `nil` when it is. Called under no lock.
    init(
        _ configuration: PostgresConfiguration, _ factory: LinkFactory, on reactor: Reactor,
        interval: Duration = .milliseconds(100), backoff: Backoff = Backoff(),
        admit: @escaping Admission = { _, _ throws(TenancyError) in },
        changed: @escaping @Sendable (_ replica: Int, TenancyError?) -> Void = { _, _ in }
    ) {
        self.configuration = configuration
        self.factory = factory
        self.reactor = reactor
        self.interval = interval
        self.backoff = backoff
        self.admit = admit
        self.changed = changed
        replicas = configuration.replicas
        let lag = UInt64(ConnectionParameters.milliseconds(configuration.maximumReplicaLag)) * 1_000_000
        let router = ReplicaRouter(replicas: configuration.replicas.count, maximumLag: lag, start: 0)
        state = Locked(State(router: router, errors: Array(repeating: nil, count: configuration.replicas.count)))
    }

    deinit { for task in state.withLock({ $0.tasks }) { task.cancel() } }

    /// Begins to ask. Called once, when tables and policies are as they should be.
    func start() {
        if replicas.isEmpty { return }
        let lag = UInt64(ConnectionParameters.milliseconds(configuration.maximumReplicaLag)) * 1_000_000
        let router = ReplicaRouter(replicas: replicas.count, maximumLag: lag, start: now)
        state.withLock { $0.router = router }
        var tasks = [
            watch(.tenants) { [weak self] session throws(TenancyError) in
                try await self?.askPrimary(session) ?? false
            }
        ]
        for (index, replica) in replicas.enumerated() {
            tasks.append(
                watch(.replica(replica)) { [weak self] session throws(TenancyError) in
                    try await self?.ask(session, replica: index) ?? false
                } lost: { [weak self] in
                    self?.lost(index, $0)
                })
        }
        let started = tasks
        state.withLock { $0.tasks = started }
    }

    /// Stops asking, and sends every read to the primary.
    func stop() async {
        let tasks = state.withLock { state in
            for index in replicas.indices { state.router.replicaLost(index) }
            defer { state.tasks = [] }
            return state.tasks
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// The replica that may answer a read; `nil` for the primary.
    func route(for context: TenantContext) -> ReplicaRouter.Route? {
        if context.consistency == .strong || replicas.isEmpty { return nil }
        let now = now
        return state.withLock { $0.router.route(context.tenant, context.consistency, now: now) }
    }

    /// Keeps a tenant's reads on the primary until the replicas have what it wrote. Called when the server has
    /// acknowledged a write, before the caller is told.
    ///
    /// - Parameter grace: How much longer the server may take to make it last, if it has not acknowledged it.
    func noteWrite(_ tenant: TenantID, grace: Duration = .zero) {
        if replicas.isEmpty { return }
        let end = nanoseconds(at: .now + grace)
        state.withLock { $0.router.wrote(tenant, at: end) }
    }

    /// A replica failed, so that it gets no reads until it has answered and was admitted again.
    func lost(_ replica: Int, _ error: TenancyError) {
        state.withLock { $0.router.replicaLost(replica) }
        note(replica, error)
    }

    /// Why a replica is not used; `nil` if it is.
    func error(of replica: Int) -> TenancyError? { state.withLock { $0.errors[replica] } }

    private var now: UInt64 { nanoseconds(at: .now) }

    private func nanoseconds(at time: ContinuousClock.Instant) -> UInt64 {
        let (seconds, attoseconds) = origin.duration(to: time).components
        return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds / 1_000_000_000))
    }

    // MARK: Asking

    private func askPrimary(_ session: LinkSession) async throws(TenancyError) -> Bool {
        let asked = now
        let answer = try await ServerPosition(session, of: .primary, until: limit)
        state.withLock { state in
            if let system = state.system, system != answer.identity.system {
                for index in replicas.indices { state.router.replicaLost(index) }
            }
            state.system = answer.identity.system
            state.timeline = answer.timeline
            state.router.primaryObserved(answer.position, on: answer.timeline, askedAt: asked)
        }
        return true
    }

    private func ask(_ session: LinkSession, replica: Int) async throws(TenancyError) -> Bool {
        let answer = try await ServerPosition(session, of: .replica, until: limit)
        enum Finding { case foreign, onOtherTimeline, behind, ready, used }
        let finding = state.withLock { state -> Finding in
            // Nothing is known of the primary yet: it can't be told whose replica it is.
            guard let system = state.system else { return .behind }
            guard system == answer.identity.system else { return .foreign }
            state.router.replicaObserved(replica, replayed: answer.position, on: answer.timeline)
            guard answer.timeline == state.timeline else { return .onOtherTimeline }
            guard state.router.hasStart(replica) else { return .behind }
            return state.router.isUp(replica) ? .used : .ready
        }
        switch finding {
        case .foreign: throw Self.foreign
        case .onOtherTimeline: note(replica, Self.onOtherTimeline)
        case .behind: break
        case .ready:
            try await admit(replica, answer.identity)
            state.withLock { $0.router.replicaAdmitted(replica) }
            note(replica, nil)
        case .used: note(replica, nil)
        }
        return true
    }

    private func note(_ replica: Int, _ error: TenancyError?) {
        state.withLock { $0.errors[replica] = error }
        changed(replica, error)
    }

    private var limit: ContinuousClock.Instant { ContinuousClock.now.advanced(by: configuration.connectTimeout) }

    private static let foreign = TenancyError(
        .invalidConfiguration, "A server that is named as a replica follows another primary.",
        hint: "Name in replicas only servers that follow the primary in hosts.")

    private static let onOtherTimeline = TenancyError(
        .unavailable, "A replica has not been seen on the primary's timeline.",
        hint: "After a failover, let it follow the new primary. It is used after its next restart point, "
            + "for which CHECKPOINT asks.")

    /// Keeps a connection and asks over it, until `ask` says that it is enough or the task is cancelled.
    private func watch(
        _ purpose: ConnectionParameters.Purpose,
        _ ask: @escaping @Sendable (LinkSession) async throws(TenancyError) -> Bool,
        lost: @escaping @Sendable (TenancyError) -> Void = { _ in }
    ) -> Task<Void, Never> {
        // Not `self`, which ends the task when it is let go of.
        Task { [factory, reactor, interval, backoff] in
            var backoff = backoff
            while !Task.isCancelled {
                var session: LinkSession?
                do throws(TenancyError) {
                    let opened = try await LinkSession(factory.open(purpose, on: reactor))
                    session = opened
                    while try await ask(opened) {
                        backoff.reset()
                        try await reactor.sleep(until: .now.advanced(by: interval))
                    }
                    opened.close()
                    return
                } catch {
                    session?.close()
                    if Task.isCancelled { return }
                    lost(error)
                    try? await reactor.sleep(until: .now.advanced(by: backoff.next()))
                }
            }
        }
    }
}
