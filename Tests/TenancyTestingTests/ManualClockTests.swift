import TenancyTesting
import Testing

@Suite("The manual clock")
struct ManualClockTests {
    private func untilSleeping(_ clock: ManualClock, _ count: Int = 1) async {
        while clock.sleeperCount < count { await Task.yield() }
    }

    @Test("It stands still until it is moved")
    func stands() {
        let clock = ManualClock()
        #expect(clock.now.offset == .zero)
        clock.advance(by: .seconds(3))
        #expect(clock.now.offset == .seconds(3))
        #expect(ManualClock.Instant(offset: .zero).duration(to: clock.now) == .seconds(3))
    }

    @Test("Who sleeps wakes when the clock has been moved far enough")
    func sleeping() async throws {
        let clock = ManualClock()
        let task = Task { try await clock.sleep(for: .seconds(5)) }
        await untilSleeping(clock)
        clock.advance(by: .seconds(4))
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .seconds(1))
        try await task.value
        try await clock.sleep(until: clock.now)
        try await clock.sleep(for: .seconds(-1))
    }

    @Test("Who sleeps and is cancelled wakes at once, also if it was cancelled before")
    func cancellation() async {
        let clock = ManualClock()
        let task = Task { try await clock.sleep(for: .seconds(5)) }
        await untilSleeping(clock)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let early = Task {
            while !Task.isCancelled { await Task.yield() }
            try await clock.sleep(for: .seconds(5))
        }
        early.cancel()
        await #expect(throws: CancellationError.self) { try await early.value }
        #expect(clock.sleeperCount == 0)
    }
}
