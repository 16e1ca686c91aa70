import Synchronization
import TenancyIO
import Testing

@Suite struct ThreadExecutorTests {
    private actor Counter {
        nonisolated let executor: ThreadExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
        private(set) var count = 0
        init(_ executor: ThreadExecutor) { self.executor = executor }
        func add() -> Bool {
            count += 1
            return executor.isCurrent
        }
        nonisolated func addFromCallback() { assumeIsolated { $0.count += 1 } }
    }

    @Test("An actor runs on the thread only, one call at a time")
    func isolation() async {
        let executor = ThreadExecutor(name: "test")
        let counter = Counter(executor)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<1_000 { group.addTask { await counter.add() } }
            for await isOnThread in group { #expect(isOnThread) }
        }
        #expect(!executor.isCurrent)
        await withCheckedContinuation { continuation in
            executor.execute {
                counter.addFromCallback()
                continuation.resume()
            }
        }
        #expect(await counter.count == 1_001)
        executor.stop()
    }

    @Test("A task that prefers the executor runs on its thread")
    func preference() async {
        let executor = ThreadExecutor(name: "test")
        let isOnThread = await Task(executorPreference: executor) { executor.isCurrent }.value
        #expect(isOnThread)
        executor.stop()
    }

    @Test("Work given before and after the stop is still done, in order")
    func stopping() async {
        let executor = ThreadExecutor(name: "test")
        let order = Mutex<[Int]>([])
        for number in 0..<100 { executor.execute { order.withLock { $0.append(number) } } }
        executor.stop()
        for number in 100..<200 {
            await withCheckedContinuation { continuation in
                executor.execute {
                    order.withLock { $0.append(number) }
                    continuation.resume()
                }
            }
        }
        #expect(order.withLock(\.self) == Array(0..<200))
    }
}
