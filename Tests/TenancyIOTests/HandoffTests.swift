import Synchronization
import TenancyCore
import TenancyIO
import Testing

@Suite struct HandoffTests {
    @Test("Every result arrives once, before, while or after it is waited for", arguments: [true, false])
    func everyResultArrives(lookingOut: Bool) async throws {
        let thread = ThreadExecutor(name: "handoff")
        defer { thread.stop() }
        var generator = SystemRandomNumberGenerator()
        for number in 0..<20_000 {
            let handoff = Handoff<Int>(-1)
            let delay = Int.random(in: 0..<2_000, using: &generator)
            thread.execute {
                spin(delay)
                handoff.deliver(number)
            }
            spin(Int.random(in: 0..<2_000, using: &generator))
            #expect(await handoff.take(lookingOut: lookingOut) == number)
        }
    }

    @Test("A result that takes long is waited for without looking out for it")
    func longWait() async throws {
        let thread = ThreadExecutor(name: "handoff")
        defer { thread.stop() }
        let handoff = Handoff<String>("placeholder")
        let gate = Mutex(false)
        thread.execute {
            while !gate.withLock(\.self) {}
            handoff.deliver("done")
        }
        async let result = handoff.take(lookingOut: true)
        try await Task.sleep(for: .milliseconds(20))
        gate.withLock { $0 = true }
        #expect(await result == "done")
    }

    @Test("A thread that is asked at once again is looked out for, and one that has slept long is not")
    func lookout() async throws {
        let thread = ThreadExecutor(name: "lookout")
        defer { thread.stop() }
        for _ in 0..<3 {
            try await Task.sleep(for: .milliseconds(5))
            let handoff = Handoff<Bool>(false)
            #expect(!thread.executeSoon { handoff.deliver(true) })
            #expect(await handoff.take(lookingOut: false))
        }
    }
}

/// Work that a compiler does not take away.
private func spin(_ rounds: Int) {
    let sum = Atomic(0)
    for round in 0..<rounds { sum.add(round, ordering: .relaxed) }
}
