/// A ``Reactor`` as what a task prefers: the task's code that belongs to no other actor runs there.
///
/// An object beside the reactor, because the two kinds of executor are handed their jobs by methods of the same name, and
/// a task's job that ran as an actor's would be queued anew at each call and return.
public final class ReactorTaskExecutor: TaskExecutor {
    /// Where tasks run.
    public let reactor: Reactor

    init(_ reactor: Reactor) { self.reactor = reactor }

    /// Runs a job, after everything that was given to the reactor before.
    public func enqueue(_ job: consuming ExecutorJob) {
        reactor.add(QueuedWork(UnownedJob(job), ofActor: false))
    }
}
