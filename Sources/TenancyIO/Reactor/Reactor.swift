internal import CTenancyIO
import Synchronization
public import TenancyCore

/// A thread with an event queue, on which connections live: sockets, timers and Swift jobs in one loop.
///
/// An actor that names it as its `unownedExecutor` owns a C handle without locks and is called back by
/// ``register(_:watching:_:)`` on its own executor; a task that prefers its ``taskExecutor`` reaches such an actor without
/// changing threads. Changes of thread are the largest single cost of a small request.
///
/// A turn serves a bounded number of sockets, timers and jobs, in this order, so that none of them starves the others,
/// and then runs ``atEndOfTurn(_:)``'s actions: whoever writes there sends what a whole turn has queued with one
/// system call. Jobs run first in, first out, whatever their priority.
///
/// The thread lives until ``stop()``, which the owner must call. Code that computes or blocks for long does not belong
/// on it; a ``ReactorGroup`` can be told to report such code.
public final class Reactor: SerialExecutor {
    /// The thread's name, as debuggers show it; Linux cuts it to 15 bytes.
    public let name: String

    let configuration: ReactorConfiguration
    let inbox = WorkInbox()
    let timers = TimerQueue()
    let poller: Poller
    let lifetime = ReactorLifetime()
    let published = PublishedMetrics()
    private let thread = Atomic<UInt>(0)
    /// Kept for as long as the thread runs: it holds the reactor in turn.
    private let ownTaskExecutor = Locked<ReactorTaskExecutor?>(nil)

    /// Touched by the thread that ``isCurrent`` is about only; every way to it asks first, or is the thread itself. At
    /// most one thread at a time is that thread: the reactor's own, and once that has ended, a late one.
    nonisolated(unsafe) let loop: ReactorLoop

    /// Starts a reactor.
    ///
    /// - Throws: ``TenancyError/Code/backendFailure`` if the system has no thread or event queue left.
    public init(
        name: String, configuration: ReactorConfiguration = ReactorConfiguration()
    ) throws(TenancyError) {
        self.name = name
        self.configuration = configuration
        poller = try Poller()
        loop = ReactorLoop(configuration)
        ownTaskExecutor.withLock { $0 = ReactorTaskExecutor(self) }
        do throws(TenancyError) { try lifetime.start(name, self) { $0.run() } } catch {
            endTaskExecutor()
            throw error
        }
    }

    // Not when the thread ends: until nobody holds the reactor, somebody may be about to wake it.
    deinit { poller.close() }

    /// Whether the caller runs on the reactor.
    public var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(tenancy_thread_current()) }

    /// What the reactor has done so far.
    public var metrics: ReactorMetrics { published.value }

    /// The reactor as what a task prefers.
    public var taskExecutor: ReactorTaskExecutor { ownTaskExecutor.withLock(\.self) ?? ReactorTaskExecutor(self) }

    /// Runs a job, after everything that was given before.
    public func enqueue(_ job: consuming ExecutorJob) { add(QueuedWork(UnownedJob(job), ofActor: true)) }

    /// Runs `work` on the reactor, after everything that was given before.
    public func execute(_ work: @escaping @Sendable () -> Void) { add(QueuedWork(work)) }

    /// Traps unless the caller runs on the reactor: what lets an actor's `assumeIsolated` work in callbacks.
    public func checkIsolated() {
        precondition(isCurrent, "Code isolated to the reactor '\(name)' runs on another thread.")
    }

    /// Whether the caller runs on the reactor.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// The reactor as an actor's executor.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Ends the thread and returns when it has ended.
    ///
    /// What was given before runs. File descriptors still watched are told ``ReactorEvents/stopped``, and timers fire
    /// early, because a call that waits for one of them would hang otherwise; both can't be had from now on. Jobs that
    /// are given later still run, one at a time and in order, on a thread that ends when it has run them.
    public func stop() async {
        requestStop()
        await lifetime.ended()
    }

    /// Begins ``stop()`` without waiting for its end.
    public func requestStop() {
        lifetime.requestStop()
        if inbox.endSleep() { poller.wake() }
    }

    func add(_ work: QueuedWork) {
        if isCurrent {
            // What the caller knows to have been given by other threads before goes first.
            if inbox.mayHaveWork { takeInbox() }
            loop.queue.append(work)
            return
        }
        switch inbox.push(work) {
        case .none: break
        case .wake: poller.wake()
        case .startLateThread: lifetime.startLate(name, self) { $0.runLate() }
        }
    }

    func takeInbox() {
        inbox.take(&loop.batch)
        loop.counts.arrivals += loop.batch.count
        published.arrivals.store(loop.counts.arrivals, ordering: .relaxed)
        loop.queue.append(contentsOf: loop.batch)
        loop.batch.removeAll(keepingCapacity: loop.batch.capacity < 65_536)
    }

    func becomeCurrent() { thread.store(UInt(tenancy_thread_current()), ordering: .relaxed) }

    func resignCurrent() { thread.store(0, ordering: .relaxed) }

    func endTaskExecutor() { ownTaskExecutor.withLock { $0 = nil } }
}
