import Synchronization

/// Runs work that may hang, and stops waiting for it, so that one case that hangs does not take the suite with it.
enum TimeLimit {
    /// - Returns: Whether `body` ended within the limit. One that did not is cancelled and left to itself.
    static func run(_ limit: Duration, _ body: @escaping @Sendable () async -> Void) async -> Bool {
        return await withCheckedContinuation { continuation in
            let decision = Decision(continuation)
            let work = Task {
                await body()
                decision.make(true)
            }
            Task {
                // An early return is harmless: the first decision stands.
                for _ in 0..<200 {
                    try? await Task.sleep(for: limit / 200)
                    if decision.isMade { return }
                }
                if decision.make(false) { work.cancel() }
            }
        }
    }

    private final class Decision: Sendable {
        private let continuation: Mutex<CheckedContinuation<Bool, Never>?>

        init(_ continuation: CheckedContinuation<Bool, Never>) { self.continuation = Mutex(continuation) }

        var isMade: Bool { continuation.withLock { $0 == nil } }

        @discardableResult
        func make(_ value: Bool) -> Bool {
            let waiting = continuation.withLock { continuation in
                defer { continuation = nil }
                return continuation
            }
            waiting?.resume(returning: value)
            return waiting != nil
        }
    }
}
