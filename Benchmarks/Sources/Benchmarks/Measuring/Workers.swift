/// Tasks that do the same over and over for a while, each waiting for one operation before it begins the next.
struct Workers {
    /// How many tasks there are.
    let tasks: Int
    /// How many operations a task does between two looks at the clock. One, unless the look would cost a good part of
    /// the operation; then one operation after each block is timed by itself.
    var block = 1
    /// Where the tasks prefer to run; the global pool, if nowhere.
    var executor: (any TaskExecutor)?

    /// - Parameter operations: Does the operations of those numbers, one after another.
    func run(
        for duration: Duration, _ operations: @escaping @Sendable (Range<Int>) async throws -> Void
    ) async throws -> Round {
        try await Round.measure {
            let end = ContinuousClock.now + duration
            // A single task is no group's child, and runs on the global pool as a server's request does: the main
            // thread, where this is called, is woken by its run loop, which costs three times as much.
            if tasks == 1 {
                return try await Task.detached(executorPreference: executor) {
                    try await work(0, until: end, operations)
                }.value
            }
            return try await withThrowingTaskGroup(of: (Int, [UInt32]).self) { group in
                for worker in 0..<tasks {
                    group.addTask(executorPreference: executor) { try await work(worker, until: end, operations) }
                }
                var all = (operations: 0, latencies: [UInt32]())
                for try await (count, latencies) in group {
                    all.operations += count
                    all.latencies += latencies
                }
                return all
            }
        }
    }

    private func work(
        _ worker: Int, until end: ContinuousClock.Instant,
        _ operations: @Sendable (Range<Int>) async throws -> Void
    ) async throws -> (operations: Int, latencies: [UInt32]) {
        var latencies: [UInt32] = []
        latencies.reserveCapacity(1 << 16)
        // Far apart, so that tasks don't ask for the same at the same time.
        let first = worker * 10_007
        var next = first
        var start = ContinuousClock.now
        while start < end {
            if block > 1 {
                try await operations(next..<next + block - 1)
                next += block - 1
                start = .now
            }
            try await operations(next..<next + 1)
            next += 1
            let stop = ContinuousClock.now
            latencies.append(UInt32(clamping: Int64(start.duration(to: stop) / .nanoseconds(1))))
            start = stop
        }
        return (next - first, latencies)
    }
}
