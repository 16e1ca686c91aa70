import TenancyCore
import TenancyIO

/// A node of a cluster or a sentinel that is asked again and again who is master of what.
final class Witness: Sendable {
    private let connector: RedisConnector
    private let question: Question
    private let reconnect: RedisConfiguration.Reconnect
    private let report: @Sendable (Result<(MasterView, asked: ContinuousClock.Instant), TenancyError>) -> Void
    private let task = Locked<Task<Void, Never>?>(nil)
    private let pause = Locked<ReactorWait<Void>?>(nil)

    /// What is asked.
    enum Question: Sendable {
        case cluster(usesNames: Bool)
        case sentinel(master: String)
    }

    /// - Parameter report: Hears of every answer, and of every failure.
    init(
        _ connector: RedisConnector, _ question: Question,
        report: @escaping @Sendable (Result<(MasterView, asked: ContinuousClock.Instant), TenancyError>) -> Void
    ) {
        self.connector = connector
        self.question = question
        self.report = report
        reconnect = connector.configuration.reconnect
    }

    func start() {
        let task = Task(executorPreference: connector.reactor.taskExecutor) { [self] in await run() }
        self.task.withLock { $0 = task }
    }

    /// Has the witness asked again soon.
    func wake() { _ = pause.withLock(\.self)?.resume(.success(())) }

    func stop() async {
        let task = task.withLock(\.self)
        task?.cancel()
        await task?.value
    }

    private func run() async {
        var connection: RedisConnection?
        var delay = reconnect.minimumPause
        while !Task.isCancelled {
            do throws(TenancyError) {
                let open = if let connection { connection } else { try await connector.open() }
                connection = open
                let asked = ContinuousClock.now
                report(.success((try await ask(open), asked)))
                delay = reconnect.minimumPause
                try await sleep(KnowledgeTime.interval)
                // Whoever lost the same master must not ask at the same moment.
                try await connector.reactor.sleep(until: .now + .milliseconds(50) * Double.random(in: 0...1))
            } catch {
                await connection?.close(error)
                connection = nil
                if error.code == .cancelled || error.code == .shutDown { break }
                report(.failure(error))
                guard (try? await sleep(delay * Double.random(in: 0.5...1))) != nil else { break }
                delay = min(delay * 2, reconnect.maximumPause)
            }
        }
        await connection?.close(RedisNode.stopped)
    }

    /// Sleeps, unless it is woken.
    private func sleep(_ time: Duration) async throws(TenancyError) {
        let wait = ReactorWait<Void>()
        pause.withLock { $0 = wait }
        let late = TenancyError(.timeout, "The pause is over.")
        do throws(TenancyError) {
            try await wait.value(on: connector.reactor, until: .now + time, late: late)
        } catch {
            if error.code != .timeout { throw error }
        }
    }

    // MARK: Asking

    private func ask(_ connection: RedisConnection) async throws(TenancyError) -> MasterView {
        var commands = CommandWriter()
        switch question {
        case .cluster: try commands.write("CLUSTER", "NODES")
        case .sentinel(let master):
            try commands.write("SENTINEL", "MYID")
            try commands.write("SENTINEL", "MASTER", master)
            try commands.write("SENTINEL", "SENTINELS", master)
        }
        let call = RedisCall(commands, isBounded: false)
        try await connection.run(call)
        let endpoint = RedisEndpoint(host: connector.configuration.host, port: connector.configuration.port)
        switch question {
        case .cluster(let usesNames):
            guard let text = call[0]?.text else { throw Self.refusal(call[0], Self.noCluster) }
            return try MasterView(clusterNodes: text, asked: endpoint, usesNames: usesNames)
        case .sentinel: return try Self.sentinelView(call, endpoint)
        }
    }

    private static func sentinelView(_ call: RedisCall, _ asked: RedisEndpoint) throws(TenancyError) -> MasterView {
        guard let id = call[0]?.text else { throw refusal(call[0], noSentinel) }
        guard let master = call[1], !master.isError, let others = call[2], !others.isError else {
            throw refusal(call[1], noMaster)
        }
        let fields = master.pairs
        guard let host = fields["ip"], let port = fields["port"].flatMap({ Int($0) }),
            let number = fields["config-epoch"].flatMap({ UInt64($0) }),
            let count = fields["num-other-sentinels"].flatMap({ Int($0) })
        else { throw RedisBatch.missing }
        var peers = [asked]
        for index in 0..<others.count {
            let fields = others[index]?.pairs ?? [:]
            if let host = fields["ip"], let port = fields["port"].flatMap({ Int($0) }) {
                peers.append(RedisEndpoint(host: host, port: port))
            }
        }
        let endpoint = RedisEndpoint(host: host, port: port)
        return MasterView(
            witness: id, tenures: [Tenure(node: "", endpoint: endpoint, number: number)], owners: [0],
            witnessCount: count + 1, peers: peers)
    }

    private static func refusal(_ reply: RedisReply?, _ meaning: TenancyError) -> TenancyError {
        guard let word = reply?.errorWord else { return RedisBatch.missing }
        return word == "ERR" ? meaning : TenancyError(redis: word)
    }

    private static var noCluster: TenancyError {
        TenancyError(
            .invalidConfiguration, "Redis: A server that is named as a node of a cluster is none.",
            hint: "Use redis:// for a single server, and redis+sentinel:// for sentinels.")
    }

    private static var noSentinel: TenancyError {
        TenancyError(
            .invalidConfiguration, "Redis: A server that is named as a sentinel is none, or older than Redis 6.2.",
            hint: "Name the sentinels' port, which is 26379 unless set otherwise.")
    }

    private static var noMaster: TenancyError {
        TenancyError(
            .invalidConfiguration, "Redis: The sentinels know no master of that name.",
            hint: "Check the name after 'sentinel monitor' in the sentinels' configuration.")
    }
}
