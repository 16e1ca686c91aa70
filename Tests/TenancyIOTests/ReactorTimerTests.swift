import Foundation
import Synchronization
import Testing

@testable import TenancyCore
@testable import TenancyIO

@Suite(.timeLimit(.minutes(2))) struct ReactorTimerTests {
    @Test("Timers fire by deadline, and those of one deadline as they were set")
    func order() async throws {
        try await withReactor { reactor in
            let actor = OnReactor(reactor)
            let start = ContinuousClock.now + .milliseconds(20)
            for value in [3, 1, 2, 0, 4] {
                try reactor.schedule(at: start + .milliseconds(value / 2)) {
                    actor.assumeIsolated { $0.append(value) }
                }
            }
            try await reactor.sleep(until: start + .milliseconds(30))
            #expect(await actor.log == [1, 0, 3, 2, 4])
        }
    }

    @Test("A cancelled timer does not fire and leaves nothing behind")
    func cancelling() async throws {
        final class Held: Sendable {}
        try await withReactor { reactor in
            let actor = OnReactor(reactor)
            weak var weakly: Held?
            for _ in 0..<100_000 {
                let held = Held()
                weakly = held
                let timer = try reactor.schedule(after: .seconds(3_600)) { withExtendedLifetime(held) {} }
                #expect(reactor.cancel(timer))
                #expect(!reactor.cancel(timer))
            }
            #expect(weakly == nil)
            #expect(reactor.timers.count == 0)
            #expect(reactor.timers.slotCount == 1)
            let fired = try reactor.schedule(after: .zero) { actor.assumeIsolated { $0.append(1) } }
            while await actor.log.isEmpty { await Task.yield() }
            #expect(!reactor.cancel(fired))
        }
    }

    @Test("A timer that is due in seconds does not wake a reactor that sleeps, and fires in time")
    func distant() async throws {
        try await withReactor { reactor in
            try await Task.sleep(for: .milliseconds(20))
            let before = reactor.metrics.sleeps
            let deadline = ContinuousClock.now + .milliseconds(2_500)
            for step in (0...50).reversed() {
                try reactor.schedule(at: deadline + .seconds(step)) {}
                // Long enough for it to wake and to fall asleep again, if it did.
                try await Task.sleep(for: .milliseconds(1))
            }
            let late = Delays()
            try reactor.schedule(at: deadline) { late.add(ContinuousClock.now - deadline) }
            try await Task.sleep(until: deadline + .milliseconds(900))
            #expect(reactor.metrics.sleeps - before < 20)
            let delay = try #require(late.sorted.first)
            #expect(delay >= .zero && delay < .milliseconds(900))
        }
    }

    @Test("A timer is never early, and not late by more than a scheduler's delay")
    func drift() async throws {
        try await withReactor { reactor in
            let delays = Delays()
            let last = ContinuousClock.now + .milliseconds(40)
            for step in 1...100 {
                let deadline = ContinuousClock.now + .microseconds(250 * step)
                try reactor.schedule(at: deadline) { delays.add(ContinuousClock.now - deadline) }
            }
            try await reactor.sleep(until: last)
            let sorted = delays.sorted
            #expect(sorted.count == 100)
            #expect(try #require(sorted.first) >= .zero)
            // The middle, because other tests keep the machine's few cores busy for whole time slices.
            #expect(sorted[50] < .milliseconds(50))
        }
    }

    @Test("A timer that is set by another thread wakes a reactor that sleeps longer")
    func earlierTimer() async throws {
        try await withReactor { reactor in
            try reactor.schedule(after: .seconds(60)) {}
            try await Task.sleep(for: .milliseconds(20))
            let start = ContinuousClock.now
            try await reactor.sleep(until: start + .milliseconds(5))
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("Timers of all threads, set and cancelled at random, fire exactly if they were not cancelled")
    func storm() async throws {
        try await withReactor { reactor in
            let fired = Counter()
            let expected = Counter()
            await withTaskGroup(of: Void.self) { group in
                for seed in 0..<4 {
                    group.addTask {
                        var random = SeededGenerator(seed: UInt64(seed))
                        var timers: [ReactorTimer] = []
                        for _ in 0..<10_000 {
                            let delay = Duration.microseconds(Int.random(in: 0...20_000, using: &random))
                            guard let timer = try? reactor.schedule(after: delay, { fired.increment() }) else {
                                Issue.record("refused")
                                continue
                            }
                            timers.append(timer)
                            if Bool.random(using: &random), let index = timers.indices.randomElement(using: &random) {
                                if reactor.cancel(timers.remove(at: index)) { continue }
                            }
                            expected.increment()
                        }
                    }
                }
            }
            let end = ContinuousClock.now + .seconds(10)
            while fired.value < expected.value, ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(5))
            }
            try await Task.sleep(for: .milliseconds(30))
            #expect(fired.value == expected.value)
            #expect(reactor.timers.count == 0)
        }
    }

    @Test("The heap pops what a sorted list would, whatever is added and removed")
    func model() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            var heap = TimerHeap<Int>()
            var model: [(deadline: UInt64, value: Int, token: TimerHeap<Int>.Token)] = []
            for value in 0..<200 {
                switch Int.random(in: 0..<4, using: &random) {
                case 0, 1:
                    let deadline = UInt64.random(in: 0..<50, using: &random)
                    model.append((deadline, value, heap.add(at: deadline, value)))
                case 2:
                    guard let index = model.indices.randomElement(using: &random) else { continue }
                    #expect(heap.remove(model[index].token) == model[index].value)
                    #expect(heap.remove(model.remove(at: index).token) == nil)
                default:
                    let now = UInt64.random(in: 0..<50, using: &random)
                    let due = model.filter { $0.deadline <= now }
                    let first = due.min { ($0.deadline, $0.value) < ($1.deadline, $1.value) }
                    #expect(heap.popDue(now) == first?.value)
                    model.removeAll { $0.token == first?.token }
                }
                #expect(heap.count == model.count)
                #expect(heap.first == model.map(\.deadline).min())
            }
        }
    }

    @Test("A wait ends by its result, its deadline or its cancellation, and keeps no timer")
    func waits() async throws {
        try await withReactor { reactor in
            let late = TenancyError(.timeout, "late")
            let far = ContinuousClock.now + .seconds(3_600)
            let value: Int = try await reactor.withDeadline(far, late: late) { wait in
                reactor.execute { wait.resume(.success(7)) }
            }
            #expect(value == 7)

            let abandoned = Counter()
            let soon = ContinuousClock.now + .milliseconds(5)
            await #expect(throws: TenancyError.self) {
                let _: Int = try await reactor.withDeadline(soon, late: late, abandoned: { abandoned.increment() }) {
                    _ in
                }
            }
            // It is told of by the reactor, right after the waiter was resumed.
            let patience = ContinuousClock.now + .seconds(10)
            while abandoned.value == 0, ContinuousClock.now < patience { await Task.yield() }
            #expect(abandoned.value == 1)

            let task = Task {
                do throws(TenancyError) {
                    let _: Int = try await reactor.withDeadline(far, late: late, abandoned: { abandoned.increment() }) {
                        _ in
                    }
                    return TenancyError.Code.notFound
                } catch { return error.code }
            }
            try await Task.sleep(for: .milliseconds(5))
            task.cancel()
            #expect(await task.value == .cancelled)
            #expect(abandoned.value == 2)
            #expect(reactor.timers.count == 0)
        }
    }
}

private final class Delays: Sendable {
    private let delays = Mutex<[Duration]>([])
    var sorted: [Duration] { delays.withLock { $0.sorted() } }
    func add(_ delay: Duration) { delays.withLock { $0.append(delay) } }
}

/// The same numbers in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
