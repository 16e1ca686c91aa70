import Logging
import Synchronization
import TenancyCore
import TenancyIO

/// The replicas of a primary, for reads that may be old.
///
/// Which of them a read goes to says a ``ReplicaMonitor``; the server that the read gets to says once more, in the same
/// exchange, that it has replayed as much of the log as it must. Whatever goes wrong on a replica, the primary answers
/// instead.
final class ReplicaSet: Sendable {
    private let engines: ReplicaEngines
    private let monitor: ReplicaMonitor
    private let uncertainty: Duration
    private let answered = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)

    /// How long a write may still take to last if it is not known what has become of it and the configuration doesn't
    /// bound it.
    private static let uncertainty = Duration.seconds(60)

    /// - Parameter source: Connections to the primary.
    init(
        _ configuration: PostgresConfiguration, _ library: StatementLibrary, _ source: PipelineSource,
        _ calls: CallCount, _ logger: Logger
    ) {
        let engines = ReplicaEngines(configuration, library, source, calls, logger)
        self.engines = engines
        uncertainty = configuration.statementTimeout ?? Self.uncertainty
        monitor = ReplicaMonitor(
            configuration, source.links, on: source.reactors.next(), interval: configuration.replicaInterval
        ) { (replica, identity) throws(TenancyError) in
            try await engines.admit(replica, identity)
        } changed: { replica, error in
            engines.changed(replica, error)
        }
    }

    /// Begins to look after the replicas. Called once, when tables and policies are as they should be.
    func start() { monitor.start() }

    /// Ends all connections, those in use at the deadline.
    func shutDown(deadline: ContinuousClock.Instant) async {
        await monitor.stop()
        await engines.shutDown(deadline: deadline)
    }

    /// How many reads replicas have answered, and how many the primary has because a replica failed.
    var counts: (answered: Int, failed: Int) {
        (answered.load(ordering: .relaxed), failed.load(ordering: .relaxed))
    }

    /// Why a replica is not used; `nil` if it is, or nothing is known of it yet.
    func error(of replica: Int) -> TenancyError? { monitor.error(of: replica) }

    /// The replica that may answer a read; `nil` for the primary.
    func visit(for context: TenantContext) -> ReplicaVisit? {
        guard let route = monitor.route(for: context), let engine = engines.engine(route.replica) else { return nil }
        return ReplicaVisit(set: self, engine: engine, route: route)
    }

    /// Keeps a tenant's reads on the primary until the replicas have what it wrote. Called when a write has ended,
    /// before the caller is told.
    ///
    /// - Parameter error: What the write ended with.
    func noteWrite(_ tenant: TenantID, after error: TenancyError? = nil) {
        monitor.noteWrite(tenant, grace: error?.code == .outcomeUnknown ? uncertainty : .zero)
    }

    func noteAnswer() { answered.add(1, ordering: .relaxed) }

    /// Takes notice of a read that a replica has failed.
    ///
    /// - Throws: The error, if it is the call itself that has ended, so that nobody else is to be asked.
    func noteFailure(_ replica: Int, _ error: TenancyError, in context: TenantContext) throws(TenancyError) {
        if Task.isCancelled || context.deadline.map({ $0 <= .now }) ?? false { throw error }
        failed.add(1, ordering: .relaxed)
        if error.code == .unavailable { monitor.lost(replica, error) }
    }
}
