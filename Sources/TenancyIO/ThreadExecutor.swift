import Dispatch
import Foundation
import Synchronization

/// A thread of its own, as an executor: where a C library that blocks is called, so that no thread of the cooperative
/// pool ever waits for one.
///
/// An actor names it as its executor and so runs on that thread only; a task that prefers it runs there too, and then
/// reaches the actor without changing threads. The thread is started by the first piece of work and lives until
/// ``stop()``, which its owner must call.
public final class ThreadExecutor: SerialExecutor, TaskExecutor {
    private enum Item {
        case job(UnownedJob)
        case work(@Sendable () -> Void)
    }

    private struct State {
        var items: [Item] = []
        var hasThread = false
        var sleeps = false
        var looksOut = false
        var isStopping = false
    }

    /// The thread's name, as debuggers show it; Linux cuts it to 15 bytes.
    public let name: String

    private let state = Mutex(State())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let thread = Atomic<UInt>(0)
    /// Counts what was given, so that the thread can see without the lock that there is something.
    private let arrivals = Atomic<Int>(0)

    /// An executor whose thread is not started yet.
    ///
    /// Waking a thread on an idle core takes longer than what is usually to be done on it: 12 to 15 µs each way, where
    /// a point read takes 4. So the thread looks out for work for up to 50 µs before it sleeps, but only while that
    /// pays: if its last sleep was no longer. A thread that is asked now and then sleeps at once, as does one that
    /// shares its only core with those who ask.
    ///
    /// - Parameter name: The thread's name.
    public init(name: String) { self.name = name }

    /// Whether the caller runs on the thread.
    @inlinable
    public var isCurrent: Bool { currentThread() == ownThread() }

    @usableFromInline
    func ownThread() -> UInt { thread.load(ordering: .relaxed) }

    @usableFromInline
    func currentThread() -> UInt {
        #if canImport(Darwin)
            UInt(bitPattern: pthread_self())
        #else
            UInt(pthread_self())
        #endif
    }

    /// Runs a job on the thread, after everything that was given to it before.
    public func enqueue(_ job: consuming ExecutorJob) { _ = add(.job(UnownedJob(job))) }

    /// Runs `work` on the thread, after everything that was given to it before.
    public func execute(_ work: @escaping @Sendable () -> Void) { _ = add(.work(work)) }

    /// Runs `work` as ``execute(_:)`` does.
    ///
    /// - Returns: Whether the thread was looking out for it, so that it begins within a microsecond.
    package func executeSoon(_ work: @escaping @Sendable () -> Void) -> Bool { add(.work(work)) }

    /// Ends the thread once it has done what it was given. Returns at once. What is given later still runs, in order,
    /// on a thread that ends right after, because a job that is dropped would leave its task hanging.
    public func stop() {
        let wakes = state.withLock { state in
            state.isStopping = true
            defer { state.sleeps = false }
            return state.sleeps
        }
        if wakes { wakeUp.signal() }
    }

    /// Traps unless the caller runs on the thread: what lets an actor's `assumeIsolated` work from a C callback.
    public func checkIsolated() {
        precondition(isCurrent, "Code isolated to the thread '\(name)' runs on another one.")
    }

    /// Whether the caller runs on the thread.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Somewhat longer than it takes to wake a thread there and another one back.
    private static let lookoutTime = Duration.microseconds(50)
    private static let hasSeveralCores = ProcessInfo.processInfo.activeProcessorCount > 1

    private func add(_ item: Item) -> Bool {
        let (wakes, starts, isAwaited) = state.withLock { state in
            state.items.append(item)
            arrivals.add(1, ordering: .releasing)
            defer {
                state.sleeps = false
                state.looksOut = false
                state.hasThread = true
            }
            return (state.sleeps, !state.hasThread, state.looksOut)
        }
        if wakes { wakeUp.signal() }
        if starts { startThread() }
        return isAwaited
    }

    private func startThread() {
        let thread = Thread { [self] in run() }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    private func run() {
        thread.store(currentThread(), ordering: .relaxed)
        var items: [Item] = []
        var looksOut = false
        while take(&items, &looksOut) {
            for item in items {
                switch item {
                case .job(let job):
                    job.runSynchronously(
                        isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
                case .work(let work): work()
                }
            }
            items.removeAll(keepingCapacity: true)
        }
    }

    private enum Turn { case work, lookOut(since: Int), sleep, end }

    /// Swaps what was given into `items`, which is empty, waiting for something to be given; `false` at the end.
    private func take(_ items: inout [Item], _ looksOut: inout Bool) -> Bool {
        while true {
            let turn = state.withLock { state -> Turn in
                if !state.items.isEmpty {
                    swap(&items, &state.items)
                    return .work
                }
                if state.isStopping {
                    state.hasThread = false
                    // Before another thread can be started, so that its number is not overwritten.
                    thread.store(0, ordering: .relaxed)
                    return .end
                }
                state.looksOut = looksOut
                if looksOut { return .lookOut(since: arrivals.load(ordering: .relaxed)) }
                state.sleeps = true
                return .sleep
            }
            switch turn {
            case .work: return true
            case .end: return false
            case .lookOut(let seen): looksOut = hasArrivals(since: seen)
            case .sleep:
                let start = ContinuousClock.now
                wakeUp.wait()
                looksOut = Self.hasSeveralCores && start.duration(to: .now) <= Self.lookoutTime
            }
        }
    }

    /// Whether something is given within ``lookoutTime``, for which it waits without sleeping.
    private func hasArrivals(since seen: Int) -> Bool {
        let end = ContinuousClock.now.advanced(by: Self.lookoutTime)
        while true {
            for _ in 0..<64 where arrivals.load(ordering: .relaxed) != seen { return true }
            if ContinuousClock.now >= end { return false }
        }
    }
}
