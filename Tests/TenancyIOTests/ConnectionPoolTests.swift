import Synchronization
import Testing

@testable import TenancyCore
@testable import TenancyIO

/// A connection that knows whether two callers use it at once.
private final class FakeConnection: Sendable {
    let users = Atomic<Int>(0)
    let isBroken = Atomic<Bool>(false)
    let isClosed = Atomic<Bool>(false)
}

private final class FakeFactory: ConnectionFactory {
    let opened = Counter()
    let closed = Counter()
    let most = Atomic<Int>(0)
    let delay: Duration
    let fails: @Sendable (_ attempt: Int) -> Bool
    private let attempts = Counter()

    init(delay: Duration = .zero, fails: @escaping @Sendable (Int) -> Bool = { _ in false }) {
        self.delay = delay
        self.fails = fails
    }

    func open() async throws(TenancyError) -> FakeConnection {
        let attempt = attempts.increment()
        do { try await Task.sleep(for: delay) } catch { throw TenancyError.wrap(error) }
        if fails(attempt) { throw TenancyError(.backendFailure, "refused by the fake") }
        opened.increment()
        most.max(opened.value - closed.value, ordering: .relaxed)
        return FakeConnection()
    }

    func close(_ connection: FakeConnection) async {
        let wasClosed = connection.isClosed.exchange(true, ordering: .relaxed)
        #expect(!wasClosed, "A connection was closed twice.")
        await Task.yield()
        closed.increment()
    }

    func isHealthy(_ connection: FakeConnection) -> Bool { !connection.isBroken.load(ordering: .relaxed) }
}

private final class Listener: PoolObserver {
    let leaks = Mutex<[(file: String, line: Int)]>([])
    let failures = Counter()
    func poolSuspectsLeak(_ pool: String, file: String, line: Int, heldFor duration: Duration) {
        leaks.withLock { $0.append((file, line)) }
    }
    func poolFailedToOpen(_ pool: String, _ error: TenancyError, pause: Duration) { failures.increment() }
}

private typealias Pool = ConnectionPool<FakeFactory, ContinuousClock>

private func makePool(
    _ factory: FakeFactory, maximum: Int = 4, ceiling: ConnectionCeiling = ConnectionCeiling(maximum: 100),
    observer: (any PoolObserver)? = nil, _ change: (inout PoolConfiguration) -> Void = { _ in }
) -> Pool {
    var configuration = PoolConfiguration()
    configuration.maximumSize = maximum
    // Other tests keep the machine's few cores busy; the tests of deadlines set their own.
    configuration.acquireTimeout = .seconds(60)
    change(&configuration)
    return Pool(
        name: "fake", configuration: configuration, factory: factory, clock: ContinuousClock(), ceiling: ceiling,
        observer: observer)
}

extension ConnectionPool where PoolClock == ContinuousClock {
    fileprivate func shutDown(within duration: Duration = .seconds(10)) async {
        await shutDown(deadline: .now + duration)
    }
}

/// Uses a connection alone for a moment.
@Sendable private func use(_ connection: FakeConnection) async {
    let users = connection.users.add(1, ordering: .relaxed).newValue
    #expect(users == 1, "Two callers have the same connection.")
    let isClosed = connection.isClosed.load(ordering: .relaxed)
    #expect(!isClosed)
    await Task.yield()
    connection.users.subtract(1, ordering: .relaxed)
}

@Suite(.timeLimit(.minutes(2))) struct ConnectionPoolTests {
    @Test("Many callers share few connections, one at a time each")
    func sharing() async throws {
        let factory = FakeFactory()
        let ceiling = ConnectionCeiling(maximum: 100)
        let pool = makePool(factory, ceiling: ceiling)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask { for _ in 0..<100 { try await pool.withConnection { await use($0) } } }
            }
            try await group.waitForAll()
        }
        #expect(factory.most.load(ordering: .relaxed) <= 4)
        #expect(pool.counts.leased == 0)
        await pool.shutDown()
        #expect(factory.opened.value == factory.closed.value)
        #expect(ceiling.used == 0)
    }

    @Test("A storm of cancellations, failures and broken connections leaks nothing and hangs nobody")
    func storm() async throws {
        let factory = FakeFactory(delay: .microseconds(300), fails: { $0 % 3 == 0 })
        let ceiling = ConnectionCeiling(maximum: 3)
        let pool = makePool(factory, ceiling: ceiling) {
            $0.minimumBackoff = .milliseconds(1)
            $0.maximumBackoff = .milliseconds(4)
            $0.maximumLifetime = .milliseconds(20)
        }
        let outcomes = Counter()
        await withTaskGroup(of: Void.self) { group in
            for seed in 0..<2_000 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(seed))
                    let isBroken = Int.random(in: 0..<10, using: &random) == 0
                    let task = Task {
                        do {
                            try await pool.withConnection { connection in
                                await use(connection)
                                if isBroken { connection.isBroken.store(true, ordering: .relaxed) }
                            }
                        } catch {
                            let code = (error as? TenancyError)?.code
                            #expect(code == .cancelled || code == .unavailable || code == .timeout)
                        }
                        outcomes.increment()
                    }
                    if Bool.random(using: &random) {
                        let pause = Int.random(in: 0..<2_000, using: &random)
                        try? await Task.sleep(for: .microseconds(pause))
                        task.cancel()
                    }
                    await task.value
                }
            }
        }
        #expect(outcomes.value == 2_000)
        #expect(factory.most.load(ordering: .relaxed) <= 3)
        // It may take the moment of a resumed call's end until all is back.
        for _ in 0..<1_000 where pool.counts.leased > 0 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(pool.counts.leased == 0)
        #expect(pool.counts.waiting == 0)
        await pool.shutDown()
        for _ in 0..<1_000 where ceiling.used > 0 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(ceiling.used == 0)
        #expect(factory.opened.value == factory.closed.value)
        #expect(factory.opened.value > 10)
    }

    @Test("Callers learn in a moment that the server is gone, and why")
    func failFast() async throws {
        let listener = Listener()
        let pool = makePool(FakeFactory(fails: { _ in true }), observer: listener)
        let start = ContinuousClock.now
        for _ in 0..<5 {
            await #expect {
                try await pool.withConnection { _ in }
            } throws: { error in
                let error = error as? TenancyError
                return error?.code == .unavailable && error?.message.contains("refused by the fake") == true
            }
        }
        #expect(ContinuousClock.now - start < .seconds(30), "Nobody waits out the minute.")
        #expect(listener.failures.value >= 1)
        await pool.shutDown()
    }

    @Test("Who finds no connection free waits until its deadline and no longer")
    func deadline() async throws {
        let pool = makePool(FakeFactory(), maximum: 1)
        let lease = try await pool.acquire()
        await #expect {
            try await pool.withConnection(until: .now + .milliseconds(20)) { _ in }
        } throws: {
            ($0 as? TenancyError)?.code == .timeout
        }
        #expect(pool.counts.waiting == 0)
        pool.release(lease)
        try await pool.withConnection { _ in }
        await pool.shutDown()
    }

    @Test("A cancelled caller leaves the queue at once, and the next one is served")
    func cancellation() async throws {
        let pool = makePool(FakeFactory(), maximum: 1)
        let lease = try await pool.acquire()
        let first = Task { try await pool.withConnection { _ in } }
        while pool.counts.waiting < 1 { await Task.yield() }
        let second = Task { try await pool.withConnection { _ in } }
        while pool.counts.waiting < 2 { await Task.yield() }
        first.cancel()
        await #expect(throws: TenancyError.self) { try await first.value }
        #expect(pool.counts.waiting == 1)
        pool.release(lease)
        try await second.value
        await pool.shutDown()
    }

    @Test("A connection that goes to a caller who is cancelled in the same moment comes back")
    func cancelledGrant() async throws {
        let pool = makePool(FakeFactory(), maximum: 1) { $0.acquireTimeout = .seconds(20) }
        for _ in 0..<300 {
            let lease = try await pool.acquire()
            let waiting = Task { try await pool.withConnection { _ in } }
            while pool.counts.waiting < 1 { await Task.yield() }
            // The caller is told of its cancellation here, and leaves the queue only when its task runs again.
            waiting.cancel()
            pool.release(lease)
            _ = await waiting.result
        }
        #expect(pool.counts.leased == 0)
        try await pool.withConnection { _ in }
        await pool.shutDown()
    }

    @Test("A leak is reported with the place where the connection was taken")
    func leak() async throws {
        let listener = Listener()
        let pool = makePool(FakeFactory(), observer: listener) { $0.leakThreshold = .milliseconds(10) }
        let lease = try await pool.acquire(file: "Somewhere.swift", line: 42)
        for _ in 0..<1_000 where listener.leaks.withLock({ $0.isEmpty }) {
            try await Task.sleep(for: .milliseconds(2))
        }
        let leaks = listener.leaks.withLock { $0 }
        #expect(leaks.map(\.file) == ["Somewhere.swift"] && leaks.map(\.line) == [42])
        pool.release(lease)
        await pool.shutDown()
    }

    @Test("Pools that share a ceiling take what the others don't use, and together never exceed it")
    func ceiling() async throws {
        let ceiling = ConnectionCeiling(maximum: 3)
        let factory = FakeFactory()
        let pools = (0..<3).map { _ in makePool(factory, maximum: 3, ceiling: ceiling) }
        for round in 0..<6 {
            let pool = pools[round % 3]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 { group.addTask { try await pool.withConnection { await use($0) } } }
                try await group.waitForAll()
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<60 {
                group.addTask { try await pools[task % 3].withConnection { await use($0) } }
            }
            try await group.waitForAll()
        }
        #expect(factory.most.load(ordering: .relaxed) <= 3)
        for pool in pools { await pool.shutDown() }
        #expect(ceiling.used == 0)
    }

    @Test("Also what is still being opened for the minimum when the call comes")
    func ceilingAndOpening() async throws {
        let ceiling = ConnectionCeiling(maximum: 4)
        let factory = FakeFactory(delay: .milliseconds(300))
        let idle = makePool(factory, ceiling: ceiling) { $0.minimumSize = 4 }
        for _ in 0..<1_000 where idle.counts.opening < 4 { try await Task.sleep(for: .milliseconds(1)) }
        let busy = makePool(FakeFactory(), ceiling: ceiling)
        let call = Task { try await busy.withConnection { await use($0) } }
        for _ in 0..<1_000 where !ceiling.isContended { try await Task.sleep(for: .milliseconds(1)) }
        #expect(ceiling.isContended)
        try await call.value
        for pool in [idle, busy] { await pool.shutDown() }
        #expect(ceiling.used == 0)
    }

    @Test("A pool whose own calls never end to wait gives up its surplus to another that has less than its share")
    func ceilingAndDemand() async throws {
        let ceiling = ConnectionCeiling(maximum: 4)
        let factory = FakeFactory()
        let (greedy, modest) = (makePool(factory, ceiling: ceiling), makePool(factory, ceiling: ceiling))
        let isOver = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    while isOver.value == 0 { try await greedy.withConnection { await use($0) } }
                }
            }
            while greedy.counts.leased < 4 { await Task.yield() }
            group.addTask {
                defer { isOver.increment() }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask { for _ in 0..<50 { try await modest.withConnection { await use($0) } } }
                    }
                    try await group.waitForAll()
                }
            }
            try await group.waitForAll()
        }
        #expect(factory.most.load(ordering: .relaxed) <= 4)
        for pool in [greedy, modest] { await pool.shutDown() }
        #expect(ceiling.used == 0)
    }

    @Test("A pool gives up what is idle of its minimum when calls wait in another, and gets it back when there is room")
    func ceilingAndMinimum() async throws {
        let ceiling = ConnectionCeiling(maximum: 4)
        let factory = FakeFactory()
        let idle = makePool(factory, ceiling: ceiling) {
            $0.minimumSize = 4
            $0.maximumBackoff = .milliseconds(20)
        }
        for _ in 0..<1_000 where idle.counts.idle < 4 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(idle.counts.idle == 4)
        let busy = makePool(factory, ceiling: ceiling)
        var leases: [Pool.Lease] = []
        for _ in 0..<4 { leases.append(try await busy.acquire(until: .now + .seconds(30))) }
        #expect(idle.counts.idle == 0 && ceiling.used == 4)
        // It asks again and again and takes nothing from those who have it.
        try await Task.sleep(for: .milliseconds(100))
        #expect(idle.counts.idle == 0 && ceiling.used == 4)
        for lease in leases { busy.release(lease) }
        await busy.shutDown()
        for _ in 0..<1_000 where idle.counts.idle < 4 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(idle.counts.idle == 4)
        await idle.shutDown()
        #expect(ceiling.used == 0)
        #expect(factory.most.load(ordering: .relaxed) <= 4)
    }

    @Test("A shutdown waits for connections in use, refuses new calls, and closes what is not given back in time")
    func shutDown() async throws {
        let factory = FakeFactory()
        let pool = makePool(factory, maximum: 2)
        let prompt = try await pool.acquire()
        let late = try await pool.acquire()
        let start = ContinuousClock.now
        async let end: Void = pool.shutDown(within: .milliseconds(60))
        while (try? await pool.withConnection({ _ in })) != nil { await Task.yield() }
        await #expect {
            try await pool.withConnection { _ in }
        } throws: {
            ($0 as? TenancyError)?.code == .shutDown
        }
        pool.release(prompt)
        await end
        #expect(ContinuousClock.now - start >= .milliseconds(60))
        for _ in 0..<1_000 where factory.closed.value < 2 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(factory.closed.value == 2)
        pool.release(late)
        #expect(factory.closed.value == 2)
    }

    @Test("The minimum is opened at once and kept")
    func minimum() async throws {
        let factory = FakeFactory()
        let pool = makePool(factory) { $0.minimumSize = 2 }
        for _ in 0..<1_000 where pool.counts.idle < 2 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(pool.counts.idle == 2)
        await pool.shutDown()
        #expect(factory.closed.value == 2)
    }
}
