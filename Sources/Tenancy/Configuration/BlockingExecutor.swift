import Dispatch

/// Runs a task's work on threads that may be blocked, which those of the cooperative pool may not.
final class BlockingExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "tenancy.files")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
