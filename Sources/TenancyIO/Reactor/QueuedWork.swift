/// A job or a closure that waits its turn, as one word without reference counting, so that a queue of thousands is
/// swapped, emptied and walked at no cost.
///
/// Whoever takes one out must run it: a job that is dropped leaves its task hanging for ever.
struct QueuedWork {
    private final class Closure {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// A pointer to an object, whose lowest bits are free to tell what it is.
    private let word: UInt

    private static var closure: UInt { 1 }
    private static var taskJob: UInt { 2 }

    /// A job of an actor, which runs isolated to it; or of a task that prefers the reactor, which runs isolated to
    /// nothing. What runs as the wrong kind has to be queued again before each of its steps.
    init(_ job: UnownedJob, ofActor isOfActor: Bool) {
        word = unsafeBitCast(job, to: UInt.self) | (isOfActor ? 0 : Self.taskJob)
    }

    init(_ body: @escaping @Sendable () -> Void) {
        word = UInt(bitPattern: Unmanaged.passRetained(Closure(body)).toOpaque()) | Self.closure
    }

    /// Runs it. Called exactly once.
    ///
    /// - Parameters:
    ///   - actors: What actors' jobs run on.
    ///   - tasks: What tasks' jobs run on.
    @inline(__always)
    func run(_ actors: UnownedSerialExecutor, _ tasks: UnownedTaskExecutor) {
        if word & Self.taskJob != 0 {
            unsafeBitCast(word & ~Self.taskJob, to: UnownedJob.self).runSynchronously(on: tasks)
        } else if word & Self.closure == 0 {
            unsafeBitCast(word, to: UnownedJob.self).runSynchronously(on: actors)
        } else if let pointer = UnsafeRawPointer(bitPattern: word & ~Self.closure) {
            Unmanaged<Closure>.fromOpaque(pointer).takeRetainedValue().body()
        }
    }
}
