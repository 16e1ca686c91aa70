/// A job or a closure that waits its turn, as one word without reference counting, so that a queue of thousands is
/// swapped, emptied and walked at no cost.
///
/// Whoever takes one out must run it: a job that is dropped leaves its task hanging for ever.
struct QueuedWork {
    private final class Closure {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private let word: UInt

    init(_ job: UnownedJob) {
        // An unowned job is one pointer to an object, so its lowest bit is free to tell it from a closure.
        word = unsafeBitCast(job, to: UInt.self)
    }

    init(_ body: @escaping @Sendable () -> Void) {
        word = UInt(bitPattern: Unmanaged.passRetained(Closure(body)).toOpaque()) | 1
    }

    /// Runs it. Called exactly once.
    @inline(__always)
    func run(on reactor: Reactor) {
        if word & 1 == 0 {
            unsafeBitCast(word, to: UnownedJob.self).runSynchronously(
                isolatedTo: reactor.asUnownedSerialExecutor(), taskExecutor: reactor.asUnownedTaskExecutor())
        } else if let pointer = UnsafeRawPointer(bitPattern: word & ~1) {
            Unmanaged<Closure>.fromOpaque(pointer).takeRetainedValue().body()
        }
    }
}
