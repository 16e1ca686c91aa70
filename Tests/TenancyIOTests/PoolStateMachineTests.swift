import Testing

@testable import TenancyCore
@testable import TenancyIO

/// A world around a state machine: carries out its actions in any order, and holds what must always be true.
private struct PoolWorld {
    typealias Machine = PoolStateMachine<UInt64, Int>

    var machine: Machine
    var random: SeededGenerator
    var now: UInt64 = 0
    var waiting: [Int: WaiterList<Machine.Waiter>.Token] = [:]
    var answers: [Int: Int] = [:]
    var leased: Set<UInt64> = []
    var permitRequests: [(id: UInt64, isForMinimum: Bool)] = []
    var permits = 0
    var opening: Set<UInt64> = []
    var closing: Set<UInt64> = []
    var closedTwice = false
    var everClosed: Set<UInt64> = []
    var nextRequest = 0
    var leaks = 0
    var isDrained = false

    init(_ configuration: PoolConfiguration, seed: UInt64) {
        machine = Machine(name: "model", configuration: configuration, seed: seed)
        random = SeededGenerator(seed: seed)
        machine.fill(now: 0)
        carryOut()
    }

    mutating func carryOut() {
        for action in machine.takeActions() {
            switch action {
            case .requestPermit(let id, let isForMinimum): permitRequests.append((id, isForMinimum))
            case .returnPermit: permits -= 1
            case .open(let id): opening.insert(id)
            case .abandonOpen(let id): #expect(opening.contains(id))
            case .close(let id, _):
                closedTwice = closedTwice || !everClosed.insert(id).inserted
                leased.remove(id)
                closing.insert(id)
            case .grant(let request, let id, let connection):
                #expect(id == connection)
                answer(request)
                #expect(leased.insert(id).inserted, "A connection was given to two callers.")
            case .refuse(let request, _): answer(request)
            case .reportLeak: leaks += 1
            case .reportFailure: break
            case .drained: isDrained = true
            }
        }
    }

    mutating func answer(_ request: Int) {
        answers[request, default: 0] += 1
        #expect(waiting.removeValue(forKey: request) != nil)
    }

    mutating func acquire() {
        let request = nextRequest
        nextRequest += 1
        let deadline = now + UInt64.random(in: 0...60_000_000, using: &random)
        switch machine.acquire(
            deadline: deadline, place: PoolPlace(file: "f", line: 1), now: now, makeRequest: { request })
        {
        case .connection(let id, _):
            answers[request, default: 0] += 1
            #expect(leased.insert(id).inserted, "A connection was given to two callers.")
            #expect(waiting.isEmpty, "A caller overtook one that waits.")
        case .waiting(let token): waiting[request] = token
        case .refused: answers[request, default: 0] += 1
        }
        carryOut()
    }

    mutating func cancel() {
        guard let (request, token) = waiting.min(by: { $0.key < $1.key }) else { return }
        if machine.cancel(token) != nil { answer(request) }
        #expect(machine.cancel(token) == nil)
        carryOut()
    }

    mutating func release(isHealthy: Bool) {
        guard let id = leased.min() else { return }
        leased.remove(id)
        machine.release(id, isHealthy: isHealthy, now: now)
        // A second time is without effect.
        if Bool.random(using: &random), !machine.idle.contains(id), machine.entries[id] == nil {
            machine.release(id, isHealthy: true, now: now)
        }
        carryOut()
    }

    mutating func permit(mayDeny: Bool = false) {
        guard !permitRequests.isEmpty else { return }
        let (id, isForMinimum) = permitRequests.removeFirst()
        if mayDeny, isForMinimum, Bool.random(using: &random) {
            machine.denied(id, now: now)
        } else {
            permits += 1
            machine.permitted(id, now: now)
        }
        carryOut()
    }

    mutating func finishOpening(succeeds: Bool) {
        guard let id = opening.randomElement(using: &random) else { return }
        opening.remove(id)
        if succeeds {
            machine.opened(id, id, now: now)
        } else {
            permits -= 1
            machine.failedToOpen(id, TenancyError(.unavailable, "refused"), now: now)
        }
        carryOut()
    }

    mutating func finishClosing() {
        guard let id = closing.randomElement(using: &random) else { return }
        closing.remove(id)
        permits -= 1
        machine.closed(id, now: now)
        carryOut()
    }

    mutating func pass(_ time: UInt64) {
        now += time
        machine.timePassed(now: now)
        carryOut()
    }

    mutating func step(failing: Bool) {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<5: acquire()
        case 5..<8: release(isHealthy: true)
        case 8: release(isHealthy: false)
        case 9: cancel()
        case 10..<13: permit(mayDeny: true)
        case 13..<15: finishOpening(succeeds: !failing)
        case 15: finishOpening(succeeds: Bool.random(using: &random))
        case 16: finishClosing()
        case 17: pass(UInt64.random(in: 0...200_000_000, using: &random))
        case 18: pass(UInt64.random(in: 0...2_000_000, using: &random))
        default:
            if machine.reclaim(ofMinimum: Bool.random(using: &random)) { #expect(machine.waiters.isEmpty) }
            carryOut()
        }
    }

    func check() {
        let machine = machine
        #expect(machine.entries.count <= machine.limits.maximumSize)
        #expect(machine.phase != .running || machine.waiters.isEmpty || machine.idle.isEmpty, "A caller waits in vain.")
        #expect(machine.waiters.count == waiting.count)
        #expect(machine.leasedCount == leased.count)
        var counts = (idle: 0, leased: 0, opening: 0, closing: 0)
        for entry in machine.entries.values {
            switch entry.state {
            case .idle: counts.idle += 1
            case .leased: counts.leased += 1
            case .awaitingPermit, .opening: counts.opening += 1
            case .closing: counts.closing += 1
            }
        }
        #expect(counts.idle == machine.idle.count && counts.leased == machine.leasedCount)
        #expect(counts.opening == machine.openingCount)
        #expect(Set(machine.idle).count == machine.idle.count)
        #expect(!closedTwice)
        #expect(answers.values.allSatisfy { $0 == 1 })
        // Whoever waits has something to wait for: a connection in use or on its way, or the next attempt.
        if machine.phase == .running, !machine.waiters.isEmpty {
            #expect(counts.leased + counts.opening + counts.closing > 0 || machine.retryTimer != nil)
        }
        // A timer per connection and per waiter, and three of the pool's own.
        #expect(machine.timers.count <= machine.entries.count + machine.waiters.count + 3)
        #expect(permits == opening.count + closing.count + counts.idle + counts.leased)
    }

    /// Lets everything end.
    mutating func settle() {
        for _ in 0..<1_000 where !isDrained {
            permit()
            finishOpening(succeeds: true)
            finishClosing()
            release(isHealthy: true)
            pass(10_000_000)
        }
        while !opening.isEmpty || !closing.isEmpty || !permitRequests.isEmpty {
            permit()
            finishOpening(succeeds: true)
            finishClosing()
        }
    }
}

private func configuration(minimum: Int = 0, maximum: Int = 2) -> PoolConfiguration {
    var configuration = PoolConfiguration()
    configuration.minimumSize = minimum
    configuration.maximumSize = maximum
    configuration.idleTimeout = .milliseconds(100)
    configuration.maximumLifetime = .milliseconds(400)
    configuration.openTimeout = .milliseconds(50)
    configuration.minimumBackoff = .milliseconds(10)
    configuration.maximumBackoff = .milliseconds(80)
    configuration.leakThreshold = .milliseconds(150)
    return configuration
}

@Suite(.timeLimit(.minutes(2))) struct PoolStateMachineTests {
    @Test(
        "Whatever happens in whatever order, every caller is answered once, and connections and permits add up",
        arguments: [(0, 1), (0, 2), (1, 2), (2, 3), (3, 3)])
    func model(minimum: Int, maximum: Int) async {
        for seed in 0..<150 {
            // Other tests need the few threads of the pool too.
            await Task.yield()
            var world = PoolWorld(configuration(minimum: minimum, maximum: maximum), seed: UInt64(seed))
            for step in 0..<300 {
                world.step(failing: seed % 3 == 0 && step % 100 < 50)
                world.check()
            }
            world.machine.shutDown(deadline: world.now + 50_000_000, now: world.now)
            world.carryOut()
            for _ in 0..<20 { world.step(failing: false) }
            world.settle()
            #expect(world.isDrained)
            #expect(world.permits == 0, "Of the ceiling's room, \(world.permits) were not given back.")
            #expect(world.answers.count == world.nextRequest)
            #expect(world.machine.timers.count == 0)
            #expect(!world.closedTwice)
        }
    }

    @Test("A connection that is given back goes to who has waited longest, past those who gave up")
    func order() {
        var world = PoolWorld(configuration(maximum: 1), seed: 1)
        for _ in 0..<4 { world.acquireLong() }
        world.permit()
        world.finishOpening(succeeds: true)
        #expect(world.answers[0] == 1)
        world.cancel()
        #expect(world.answers[1] == 1)
        world.release(isHealthy: true)
        #expect(world.answers[2] == 1 && world.answers[3] == nil)
    }

    @Test("While nothing is connected and the server is gone, callers are told the cause at once")
    func failFast() {
        var world = PoolWorld(configuration(), seed: 2)
        for _ in 0..<3 { world.acquireLong() }
        while !world.permitRequests.isEmpty { world.permit() }
        #expect(world.opening.count == 2)
        world.finishOpening(succeeds: false)
        #expect(world.answers.isEmpty, "Another attempt is still under way.")
        world.finishOpening(succeeds: false)
        #expect(world.answers.count == 3)
        guard case .refused(let error) = world.machine.acquireAny(now: world.now) else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .unavailable)
        #expect(error.message.contains("refused"))
    }

    @Test("Attempts to connect are one at a time and further and further apart, up to the limit")
    func backoff() {
        var quiet = configuration()
        quiet.jitter = 0
        var world = PoolWorld(quiet, seed: 3)
        var pauses: [UInt64] = []
        for _ in 0..<7 {
            world.acquireLong()
            world.permit()
            #expect(world.opening.count == 1)
            world.finishOpening(succeeds: false)
            let pause = world.machine.retryTime - world.now
            pauses.append(pause / 1_000_000)
            world.pass(pause)
        }
        #expect(pauses == [10, 20, 40, 80, 80, 80, 80])
        world.acquireLong()
        world.permit()
        world.finishOpening(succeeds: true)
        #expect(world.machine.failures == 0)
    }

    @Test("However long the server was gone, those who ask find it soon after it is back")
    func demand() {
        var quiet = configuration()
        quiet.jitter = 0
        quiet.maximumBackoff = .seconds(60)
        quiet.demandBackoff = .milliseconds(20)
        var world = PoolWorld(quiet, seed: 8)
        for _ in 0..<12 {
            world.acquireLong()
            world.permit()
            world.finishOpening(succeeds: false)
            world.pass(20_000_000)
        }
        #expect(world.machine.failures == 12)
        // The last attempt failed just now, so the next is not made before its time.
        world.acquireLong()
        world.permit()
        world.finishOpening(succeeds: false)
        #expect(world.machine.retryTime - world.now > 30_000_000_000)
        world.pass(19_000_000)
        world.acquireLong()
        #expect(world.permitRequests.isEmpty)
        world.pass(1_000_000)
        world.acquireLong()
        world.permit()
        world.finishOpening(succeeds: true)
        #expect(world.machine.leasedCount == 1 && world.machine.failures == 0)
    }

    @Test("A broken connection is closed, and replaced for who waits")
    func broken() {
        var world = PoolWorld(configuration(maximum: 1), seed: 4)
        world.acquireLong()
        world.permit()
        world.finishOpening(succeeds: true)
        world.acquireLong()
        world.release(isHealthy: false)
        #expect(world.closing.count == 1)
        #expect(world.permitRequests.isEmpty, "The maximum holds while the old one is being closed.")
        world.finishClosing()
        world.permit()
        world.finishOpening(succeeds: true)
        #expect(world.answers[1] == 1)
    }

    @Test("Connections that nobody uses are closed in time down to the minimum, and old ones are replaced")
    func idleAndOld() {
        var world = PoolWorld(configuration(minimum: 1, maximum: 3), seed: 5)
        for _ in 0..<3 { world.acquireLong() }
        while !world.permitRequests.isEmpty { world.permit() }
        while !world.opening.isEmpty { world.finishOpening(succeeds: true) }
        while !world.leased.isEmpty { world.release(isHealthy: true) }
        #expect(world.machine.idle.count == 3)
        for _ in 0..<15 { world.pass(10_000_000) }
        while !world.closing.isEmpty { world.finishClosing() }
        #expect(world.machine.idle.count == 1)
        let survivor = world.machine.idle
        for _ in 0..<40 { world.pass(10_000_000) }
        world.finishClosing()
        world.permit()
        world.finishOpening(succeeds: true)
        #expect(world.machine.idle.count == 1 && world.machine.idle != survivor)
    }

    @Test("A connection that is held too long is reported once")
    func leak() {
        var world = PoolWorld(configuration(), seed: 6)
        world.acquireLong()
        world.permit()
        world.finishOpening(succeeds: true)
        for _ in 0..<13 { world.pass(10_000_000) }
        #expect(world.leaks == 0)
        for _ in 0..<30 { world.pass(10_000_000) }
        #expect(world.leaks == 1)
    }

    @Test("An attempt that takes too long counts as failed, and what it brings later is closed")
    func slowOpening() {
        var world = PoolWorld(configuration(maximum: 1), seed: 7)
        world.acquireLong()
        world.permit()
        world.pass(60_000_000)
        #expect(world.answers[0] == 1)
        world.finishOpening(succeeds: true)
        #expect(world.closing.count == 1)
        world.finishClosing()
        world.check()
        #expect(world.permits == 0)
    }

    @Test("After the time for an orderly end, connections in use are closed too")
    func forcedEnd() {
        var world = PoolWorld(configuration(), seed: 8)
        world.acquireLong()
        world.permit()
        world.finishOpening(succeeds: true)
        world.machine.shutDown(deadline: world.now + 20_000_000, now: world.now)
        world.carryOut()
        #expect(!world.isDrained && world.closing.isEmpty)
        world.pass(20_000_000)
        #expect(world.isDrained && world.closing.count == 1)
        guard case .refused(let error) = world.machine.acquireAny(now: world.now) else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .shutDown)
    }
}

extension PoolWorld {
    fileprivate mutating func acquireLong() {
        let request = nextRequest
        nextRequest += 1
        switch machine.acquire(
            deadline: now + 10_000_000_000, place: PoolPlace(file: "f", line: 1), now: now, makeRequest: { request })
        {
        case .connection(let id, _):
            answers[request, default: 0] += 1
            leased.insert(id)
        case .waiting(let token): waiting[request] = token
        case .refused: answers[request, default: 0] += 1
        }
        carryOut()
    }
}

extension PoolStateMachine where Request == Int {
    fileprivate mutating func acquireAny(now: UInt64) -> Acquisition {
        acquire(deadline: now + 1_000_000_000, place: PoolPlace(file: "f", line: 1), now: now) { -1 }
    }
}
