import Logging
import TenancyCore
import TenancyIO

/// The connections to a primary's replicas: lanes and a pool for each, made when it has been proven to keep tenants
/// apart, and proven again whenever it was lost.
final class ReplicaEngines: Sendable {
    private struct State {
        var engines: [Engine?]
        /// Why each is not used, as it was last logged.
        var logged: [TenancyError.Code?]
        var isShutDown = false
    }

    private let configuration: PostgresConfiguration
    private let library: StatementLibrary
    private let source: PipelineSource
    private let calls: CallCount
    private let logger: Logger
    private let state: Locked<State>

    /// How long what is under way on connections that are replaced may take to end.
    private static let grace = Duration.seconds(30)

    /// - Parameter source: Connections to the primary.
    init(
        _ configuration: PostgresConfiguration, _ library: StatementLibrary, _ source: PipelineSource,
        _ calls: CallCount, _ logger: Logger
    ) {
        self.configuration = configuration
        self.library = library
        self.source = source
        self.calls = calls
        self.logger = logger
        let count = configuration.replicas.count
        state = Locked(
            State(engines: Array(repeating: nil, count: count), logged: Array(repeating: nil, count: count)))
    }

    /// The connections to a replica; `nil` until it was admitted.
    func engine(_ replica: Int) -> Engine? { state.withLock { $0.engines[replica] } }

    /// Looks at a replica before it is read from, by the catalogue that it shows itself, and connects to it.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/isolationUnproven`` if it does not keep tenants apart.
    func admit(_ replica: Int, _ identity: ServerIdentity) async throws(TenancyError) {
        var source = source
        source.replica = .init(
            server: configuration.replicas[replica], identity: identity, patience: configuration.connectTimeout)
        try await Startup(configuration, library, source).prove(until: .now + configuration.connectTimeout)
        // Connections that were lost are made anew by themselves, but not to a server that was started again.
        if let engine = engine(replica), engine.identity == identity, engine.lanes.hasConnection { return }
        let engine = Engine(configuration, library, source, calls, logger)
        do throws(TenancyError) { try await engine.lanes.start() } catch {
            await engine.close(deadline: .now)
            throw error
        }
        let (isWanted, old) = state.withLock { state -> (Bool, Engine?) in
            if state.isShutDown { return (false, nil) }
            defer { state.engines[replica] = engine }
            return (true, state.engines[replica])
        }
        if !isWanted { await engine.close(deadline: .now) }
        if let old { Task { await old.close(deadline: .now + Self.grace) } }
    }

    /// Takes notice of why a replica is not used; `nil` if it is.
    func changed(_ replica: Int, _ error: TenancyError?) {
        let (isNew, silent) = state.withLock { state -> (Bool, Engine?) in
            let old = state.logged[replica]
            state.logged[replica] = error?.code
            // One that does not answer can't be left holding calls that the primary could answer.
            let isSilent = error?.code == .timeout
            defer { if isSilent { state.engines[replica] = nil } }
            return (old != error?.code, isSilent ? state.engines[replica] : nil)
        }
        if let silent { Task { await silent.close(deadline: .now) } }
        guard isNew else { return }
        let place = configuration.replicas[replica].host.description
        guard let error else {
            logger.notice("A replica is read from.", metadata: ["replica": "\(place)"])
            return
        }
        logger.warning(
            "A replica is not read from. \(error.message)",
            metadata: ["replica": "\(place)", "code": "\(error.code)", "hint": "\(error.hint)"])
    }

    /// Ends all connections, those in use at the deadline.
    func shutDown(deadline: ContinuousClock.Instant) async {
        let engines = state.withLock { state in
            state.isShutDown = true
            defer { for index in state.engines.indices { state.engines[index] = nil } }
            return state.engines
        }
        for engine in engines { await engine?.close(deadline: deadline) }
    }
}
