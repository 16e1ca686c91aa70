import TenancyCore
import TenancyIO

/// Asks the primary and its replicas again and again how far they are, over one connection to each, and tells where a
/// read may go by a ``ReplicaRouter``.
///
/// A replica is used only if it replays the log of the very system that the primary belongs to, which its identifier
/// proves: row security then protects its tables as it does the primary's, from the moment of ``start()`` on.
final class ReplicaMonitor: Sendable {
    private struct State {
        var router: ReplicaRouter
        var system: String?
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
    private let origin = ContinuousClock.now
    private let state: Locked<State>

    /// - Parameter interval: Between two questions. A replica counts as that much behind at times, however fast it is.
    init(
        _ configuration: PostgresConfiguration, _ factory: LinkFactory, on reactor: Reactor,
        interval: Duration = .milliseconds(100), backoff: Backoff = Backoff()
    ) {
        self.configuration = configuration
        self.factory = factory
        self.reactor = reactor
        self.interval = interval
        self.backoff = backoff
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

    /// The position of the replica that may answer a read; `nil` for the primary.
    func replica(for context: TenantContext) -> Int? {
        if context.consistency == .strong || replicas.isEmpty { return nil }
        let now = now
        return state.withLock { $0.router.route(context.tenant, context.consistency, now: now) }
    }

    /// Keeps a tenant's reads on the primary until the replicas have what it wrote. Called when the server has
    /// acknowledged a write, before the caller is told.
    func noteWrite(_ tenant: TenantID) {
        if replicas.isEmpty { return }
        let now = now
        state.withLock { $0.router.wrote(tenant, at: now) }
    }

    /// A replica failed, so that it gets no reads until it has answered again.
    func lost(_ replica: Int, _ error: TenancyError) {
        state.withLock { state in
            state.router.replicaLost(replica)
            state.errors[replica] = error
        }
    }

    /// Why a replica is not used; `nil` if it is.
    func error(of replica: Int) -> TenancyError? { state.withLock { $0.errors[replica] } }

    private var now: UInt64 {
        let (seconds, attoseconds) = origin.duration(to: .now).components
        return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds / 1_000_000_000))
    }

    // MARK: Asking

    private func askPrimary(_ session: LinkSession) async throws(TenancyError) -> Bool {
        let asked = now
        let answer = try await answer(of: session, "pg_current_wal_insert_lsn()", isReplica: false)
        state.withLock { state in
            if let system = state.system, system != answer.system {
                for index in replicas.indices { state.router.replicaLost(index) }
            }
            state.system = answer.system
            state.router.primaryObserved(answer.position, askedAt: asked)
        }
        return true
    }

    private func ask(_ session: LinkSession, replica: Int) async throws(TenancyError) -> Bool {
        let answer = try await answer(of: session, "pg_last_wal_replay_lsn()", isReplica: true)
        let isForeign = state.withLock { state -> Bool in
            // Nothing is known of the primary yet: it can't be told whose replica it is.
            guard let system = state.system else { return false }
            guard system == answer.system else { return true }
            state.router.replicaObserved(replica, replayed: answer.position)
            state.errors[replica] = nil
            return false
        }
        if isForeign {
            throw TenancyError(
                .invalidConfiguration, "A server that is named as a replica follows another primary.",
                hint: "Name in replicas only servers that follow the primary in hosts.")
        }
        return true
    }

    private func answer(
        of session: LinkSession, _ position: String, isReplica: Bool
    ) async throws(TenancyError) -> (position: UInt64, system: String) {
        // The function of the other kind of server fails, so that it is asked only when the kind is known.
        let query = """
            SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() = \(isReplica) \
            THEN (\(position) - '0/0'::pg_lsn)::text END, system_identifier::text FROM pg_control_system()
            """
        let limit = ContinuousClock.now.advanced(by: configuration.connectTimeout)
        let row = try await session.run(query, until: limit).first ?? []
        guard row.count == 3, let inRecovery = row[0], let system = row[2] else {
            throw TenancyError(.backendFailure, "A server did not say how far it is.")
        }
        guard (inRecovery == "t") == isReplica else {
            throw TenancyError(
                .invalidConfiguration,
                isReplica ? "A server that is named as a replica is a primary." : "The primary has become a replica.",
                hint: "Name the primary in hosts, and its replicas in replicas.")
        }
        return (row[1].flatMap { UInt64($0) } ?? 0, system)
    }

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
                    lost(error)
                    try? await reactor.sleep(until: .now.advanced(by: backoff.next()))
                }
            }
        }
    }
}
