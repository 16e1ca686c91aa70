import Dispatch
import Foundation
import Synchronization

/// A bounded number of threads that may block, shared by the connections of many files.
///
/// A thread is started when there is work and none is free, and lives until ``stop()``. Work that is given later is
/// still done, by threads that end right after.
final class ThreadPool: Sendable {
    private struct State {
        var ready: [PooledExecutor] = []
        var nextReady = 0
        var threads = 0
        var idle = 0
        var isStopping = false
    }

    private enum Turn { case run(PooledExecutor), sleep, end }

    private let name: String
    private let maximum: Int
    private let state = Mutex(State())
    private let wakeUp = DispatchSemaphore(value: 0)

    /// - Parameter maximum: How many threads there are at most.
    init(name: String, maximum: Int) {
        self.name = name
        self.maximum = maximum
    }

    static var currentThread: UInt {
        #if canImport(Darwin)
            UInt(bitPattern: pthread_self())
        #else
            UInt(pthread_self())
        #endif
    }

    /// How many threads there are.
    var count: Int { state.withLock { $0.threads } }

    /// Runs `work` on one of the threads, without holding the caller's.
    func run<Output: Sendable>(_ work: @escaping @Sendable () -> Output) async -> Output {
        await withUnsafeContinuation { continuation in
            PooledExecutor(self).execute { continuation.resume(returning: work()) }
        }
    }

    /// Has an executor run once, after those that were scheduled before.
    func schedule(_ executor: PooledExecutor) {
        let (wakes, starts) = state.withLock { state in
            state.ready.append(executor)
            if state.idle > 0 {
                state.idle -= 1
                return (true, false)
            }
            guard state.threads < maximum else { return (false, false) }
            state.threads += 1
            return (false, true)
        }
        if wakes { wakeUp.signal() }
        if starts { startThread() }
    }

    /// Ends each thread as soon as there is nothing left to do. Returns at once.
    func stop() {
        let idle = state.withLock { state in
            state.isStopping = true
            defer { state.idle = 0 }
            return state.idle
        }
        for _ in 0..<idle { wakeUp.signal() }
    }

    private func startThread() {
        let thread = Thread { [self] in
            while true {
                switch takeTurn() {
                case .run(let executor): executor.run()
                case .sleep: wakeUp.wait()
                case .end: return
                }
            }
        }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    private func takeTurn() -> Turn {
        state.withLock { state in
            if state.nextReady < state.ready.count {
                let executor = state.ready[state.nextReady]
                state.nextReady += 1
                // Emptied from the front by a number, so that it costs nothing.
                if state.nextReady == state.ready.count || state.nextReady > 1_024 {
                    state.ready.removeFirst(state.nextReady)
                    state.nextReady = 0
                }
                return .run(executor)
            }
            if state.isStopping {
                state.threads -= 1
                return .end
            }
            state.idle += 1
            return .sleep
        }
    }
}
