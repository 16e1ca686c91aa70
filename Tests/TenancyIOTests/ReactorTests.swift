import Foundation
import Synchronization
import Testing

@testable import TenancyCore
@testable import TenancyIO

actor OnReactor {
    let reactor: Reactor
    private(set) var log: [Int] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    init(_ reactor: Reactor) { self.reactor = reactor }

    func append(_ value: Int) { log.append(value) }

    func isOnReactor() -> Bool { reactor.isCurrent }
}

final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .acquiring) }
    @discardableResult func increment() -> Int { count.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue }
}

/// Runs `body` on a thread of its own, where it may block.
func onThread(_ body: @escaping @Sendable () -> Void) async {
    await withUnsafeContinuation { done in
        Thread.detachNewThread {
            body()
            done.resume()
        }
    }
}

/// Gives many small pieces of work, and waits often enough for the reactor to fall asleep, seldom enough for races.
private func race(_ reactor: Reactor, rounds: Int, total: Counter) {
    let ran = Counter()
    for round in 0..<rounds {
        reactor.execute {
            total.increment()
            ran.increment()
        }
        if round % 7 == 0 { while ran.value <= round { sched_yield() } }
    }
    while ran.value < rounds { sched_yield() }
}

/// Runs a test with a reactor that is stopped afterwards, whatever happens.
func withReactor(
    _ configuration: ReactorConfiguration = ReactorConfiguration(), _ body: (Reactor) async throws -> Void
) async throws {
    let reactor = try Reactor(name: "test", configuration: configuration)
    do { try await body(reactor) } catch {
        await reactor.stop()
        throw error
    }
    await reactor.stop()
}

@Suite(.timeLimit(.minutes(2))) struct ReactorTests {
    @Test("Jobs of one actor run in the order in which one caller gave them")
    func order() async throws {
        try await withReactor { reactor in
            let actor = OnReactor(reactor)
            for value in 0..<10_000 { reactor.execute { actor.assumeIsolated { $0.append(value) } } }
            await actor.append(10_000)
            #expect(await actor.log == Array(0...10_000))
        }
    }

    @Test("What another thread gave before comes before what the reactor gives itself")
    func orderAcrossThreads() async throws {
        try await withReactor { reactor in
            let actor = OnReactor(reactor)
            let given = DispatchSemaphore(value: 0)
            let started = DispatchSemaphore(value: 0)
            reactor.execute {
                started.signal()
                given.wait()
                reactor.execute { actor.assumeIsolated { $0.append(2) } }
            }
            DispatchQueue.global().async {
                started.wait()
                reactor.execute { actor.assumeIsolated { $0.append(1) } }
                given.signal()
            }
            while await actor.log.count < 2 { await Task.yield() }
            #expect(await actor.log == [1, 2])
        }
    }

    @Test("Callers on many tasks are all served, and on the reactor's thread")
    func manyCallers() async throws {
        try await withReactor { reactor in
            let actor = OnReactor(reactor)
            await withTaskGroup(of: Bool.self) { group in
                for task in 0..<64 {
                    group.addTask(executorPreference: task % 2 == 0 ? nil : reactor.taskExecutor) {
                        for value in 0..<500 { await actor.append(value) }
                        return await actor.isOnReactor()
                    }
                }
                for await isOnReactor in group { #expect(isOnReactor) }
            }
            #expect(await actor.log.count == 32_000)
        }
    }

    @Test("No wake-up is lost when jobs come just as the reactor falls asleep", arguments: [0, 5, 50])
    func wakeUps(lookout microseconds: Int) async throws {
        let rounds = 250_000
        var configuration = ReactorConfiguration()
        configuration.lookoutTime = .microseconds(microseconds)
        try await withReactor(configuration) { reactor in
            let total = Counter()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask { await onThread { race(reactor, rounds: rounds, total: total) } }
                }
            }
            #expect(total.value == rounds * 3)
            let metrics = reactor.metrics
            #expect(metrics.sleeps > (microseconds == 0 ? 100 : 0), "The reactor never slept, so nothing was tested.")
        }
    }

    @Test("A reactor that looks out sleeps when nothing comes, and one that had little to do does not look out")
    func lookout() async throws {
        try await withReactor { reactor in
            let turns = reactor.metrics.turns
            // What a turn counts is told at its end: the last one may still be at it.
            for _ in 0...20 {
                try await Task.sleep(for: .milliseconds(5))
                await withCheckedContinuation { continuation in reactor.execute { continuation.resume() } }
            }
            // Each job wakes it once; a look-out of 50 µs would have taken many more turns.
            #expect(reactor.metrics.turns - turns < 21 * 6)
            #expect(reactor.metrics.sleeps >= 20)
        }
    }

    @Test("assumeIsolated works from a closure on the reactor, and isolation is known")
    func isolation() async throws {
        try await withReactor { reactor in
            let actor = OnReactor(reactor)
            #expect(reactor.isIsolatingCurrentContext() == false)
            await withUnsafeContinuation { done in
                reactor.execute {
                    #expect(reactor.isIsolatingCurrentContext() == true)
                    actor.assumeIsolated { $0.append(1) }
                    done.resume()
                }
            }
            #expect(await actor.log == [1])
        }
    }

    @Test("A call from the global pool changes threads once on the way in, a call from the reactor never")
    func hops() async throws {
        try await withReactor { reactor in
            let first = OnReactor(reactor)
            let second = OnReactor(reactor)
            await first.append(0)
            let before = reactor.metrics.arrivals
            for value in 0..<100 { await first.append(value) }
            #expect(reactor.metrics.arrivals - before == 100)

            let inside = await Task(executorPreference: reactor.taskExecutor) {
                let before = reactor.metrics.arrivals
                for value in 0..<100 {
                    await first.append(value)
                    await second.append(value)
                    #expect(reactor.isCurrent)
                }
                return reactor.metrics.arrivals - before
            }.value
            #expect(inside == 0)

            let scoped = await withTaskExecutorPreference(reactor.taskExecutor) {
                let before = reactor.metrics.arrivals
                for value in 0..<100 { await second.append(value) }
                return (reactor.metrics.arrivals - before, reactor.isCurrent)
            }
            #expect(scoped == (0, true))
            #expect(!reactor.isCurrent)
        }
    }

    @Test("A task that prefers the reactor isn't queued anew when it calls and returns")
    func callsOnTheReactor() async throws {
        @Sendable func outer(_ value: Int) async -> Int { await inner(value) + 1 }
        @Sendable func inner(_ value: Int) async -> Int { value }
        try await withReactor { reactor in
            let before = reactor.metrics.jobs
            let sum = await Task(executorPreference: reactor.taskExecutor) {
                var sum = 0
                for value in 0..<1_000 { sum += await outer(value) }
                return sum
            }.value
            #expect(sum == 500_500)
            // The count is published at the end of the turn, which may not have come.
            await Task(executorPreference: reactor.taskExecutor) {}.value
            #expect(reactor.metrics.jobs - before <= 10)
        }
    }
}
