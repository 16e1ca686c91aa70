import Foundation
import Synchronization
import Testing

@testable import TenancyCore
@testable import TenancyIO

@Suite(.timeLimit(.minutes(2))) struct ReactorStopTests {
    @Test("Everything that was given before the stop runs, and what it gives in turn")
    func workInFlight() async throws {
        for _ in 0..<50 {
            let reactor = try Reactor(name: "stop")
            let ran = Counter()
            for _ in 0..<1_000 { reactor.execute { reactor.execute { ran.increment() } } }
            await reactor.stop()
            #expect(ran.value == 1_000)
        }
    }

    @Test("Calls from many tasks during the stop all end, and one at a time")
    func callsDuringStop() async throws {
        for _ in 0..<50 {
            let reactor = try Reactor(name: "stop")
            let actor = OnReactor(reactor)
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask(executorPreference: task % 2 == 0 ? nil : reactor.taskExecutor) {
                        for value in 0..<200 {
                            await actor.append(value)
                            #expect(await actor.isOnReactor())
                        }
                    }
                }
                group.addTask { await reactor.stop() }
            }
            #expect(await actor.log.count == 1_600)
        }
    }

    @Test("A stop can be asked for on the reactor itself, and more than once")
    func stopFromInside() async throws {
        let reactor = try Reactor(name: "stop")
        await Task(executorPreference: reactor.taskExecutor) { await reactor.stop() }.value
        async let again: Void = reactor.stop()
        await reactor.stop()
        await again
        let actor = OnReactor(reactor)
        await actor.append(1)
        #expect(await actor.isOnReactor())
    }

    #if os(Linux)
        @Test("Nothing is left of reactors whose end nobody waits for")
        func unawaitedStops() async throws {
            /// Pages of 4 KiB at least.
            func addressSpace() throws -> Int {
                let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ").first
                return try #require(pages.flatMap { Int($0) }) * 4_096
            }
            let before = try addressSpace()
            for _ in 0..<40 {
                for _ in 0..<10 { try Reactor(name: "stop").requestStop() }
                try await Task.sleep(for: .milliseconds(5))
            }
            // The stacks alone would be more than 3 GiB.
            #expect(try addressSpace() - before < 1 << 30)
        }
    #endif

    @Test("Waits and sockets are told of the stop instead of hanging")
    func waits() async throws {
        let reactor = try Reactor(name: "stop")
        let told = Counter()
        var pair: [Int32] = [0, 0]
        try #require(pipe(&pair) == 0)
        let descriptor = pair[0]
        await withUnsafeContinuation { done in
            reactor.execute {
                _ = try? reactor.register(descriptor, watching: .readable) { events in
                    if events == .stopped { told.increment() }
                }
                done.resume()
            }
        }
        let sleeper = Task {
            do throws(TenancyError) {
                try await reactor.sleep(until: ContinuousClock.now + .seconds(3_600))
                return TenancyError.Code.notFound
            } catch { return error.code }
        }
        while reactor.timers.count == 0 { await Task.yield() }
        await reactor.stop()
        #expect(await sleeper.value == .shutDown)
        #expect(told.value == 1)
        #expect(throws: TenancyError.self) { try reactor.schedule(after: .zero) {} }
        close(pair[0])
        close(pair[1])
    }

    @Test("A reactor that was stopped is freed, with all that it held")
    func isFreed() async throws {
        weak var weakly: Reactor?
        do {
            let reactor = try Reactor(name: "freed")
            weakly = reactor
            try reactor.schedule(after: .seconds(3_600)) { withExtendedLifetime(reactor) {} }
            await reactor.stop()
        }
        for _ in 0..<100 where weakly != nil { try await Task.sleep(for: .milliseconds(1)) }
        #expect(weakly == nil)
    }
}
