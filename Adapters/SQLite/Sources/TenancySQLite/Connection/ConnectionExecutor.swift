import Synchronization
import TenancyIO

/// What a connection's work runs on: one piece at a time, in order, on a thread that may block.
protocol ConnectionExecutor: SerialExecutor {
    /// Whether the caller is such a piece of work.
    var isCurrent: Bool { get }

    /// Runs `work` after everything that was given before.
    func execute(_ work: @escaping @Sendable () -> Void)

    /// Runs `work` as ``execute(_:)`` does.
    ///
    /// - Returns: Whether it begins so soon that looking out for its end takes less time than being suspended.
    func executeSoon(_ work: @escaping @Sendable () -> Void) -> Bool
}

extension ThreadExecutor: ConnectionExecutor {}

/// An executor that has no thread of its own, but is run by whichever of a pool's threads is free.
final class PooledExecutor: ConnectionExecutor {
    private enum Item {
        case job(UnownedJob)
        case work(@Sendable () -> Void)
    }

    private struct State {
        var items: [Item] = []
        var isScheduled = false
    }

    private let pool: ThreadPool
    private let state = Mutex(State())
    /// The thread that runs it now.
    private let thread = Atomic<UInt>(0)

    init(_ pool: ThreadPool) { self.pool = pool }

    var isCurrent: Bool { thread.load(ordering: .relaxed) == ThreadPool.currentThread }

    func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }

    func execute(_ work: @escaping @Sendable () -> Void) { add(.work(work)) }

    func executeSoon(_ work: @escaping @Sendable () -> Void) -> Bool {
        add(.work(work))
        return false
    }

    func checkIsolated() { precondition(isCurrent, "Code isolated to a connection runs elsewhere.") }

    func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private func add(_ item: Item) {
        let schedules = state.withLock { state in
            state.items.append(item)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if schedules { pool.schedule(self) }
    }

    /// Does what was given so far, and gets in line again if there is more. Called by one thread of the pool at a time.
    func run() {
        thread.store(ThreadPool.currentThread, ordering: .relaxed)
        let items = state.withLock { state in
            defer { state.items = [] }
            return state.items
        }
        for item in items {
            switch item {
            case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
            case .work(let work): work()
            }
        }
        thread.store(0, ordering: .relaxed)
        let goesOn = state.withLock { state in
            state.isScheduled = !state.items.isEmpty
            return state.isScheduled
        }
        if goesOn { pool.schedule(self) }
    }
}
