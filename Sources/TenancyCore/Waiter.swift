import Synchronization

/// A call that waits for something and is resumed exactly once: by who has it, by its deadline, or by its
/// cancellation, whichever comes first.
package final class Waiter<Value: Sendable>: Sendable {
    private typealias Outcome = Result<Value, TenancyError>

    private enum State {
        case fresh
        case waiting(UnsafeContinuation<Result<Value, TenancyError>, Never>)
        case done(Result<Value, TenancyError>)
        case consumed
    }

    private let state = Mutex(State.fresh)

    package init() {}

    /// Ends the wait.
    ///
    /// - Returns: Whether this was the first call, so that the waiter got the result.
    @discardableResult
    package func resume(_ result: Result<Value, TenancyError>) -> Bool {
        let (isFirst, continuation) = state.withLock {
            state -> (Bool, UnsafeContinuation<Result<Value, TenancyError>, Never>?) in
            switch state {
            case .fresh:
                state = .done(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .consumed
                return (true, continuation)
            case .done, .consumed: return (false, nil)
            }
        }
        continuation?.resume(returning: result)
        return isFirst
    }

    /// Waits for the result. Called once.
    ///
    /// - Parameter late: What is thrown when the deadline has passed.
    package func wait(until deadline: ContinuousClock.Instant?, late: TenancyError) async throws(TenancyError) -> Value
    {
        var timer: Task<Void, Never>?
        if let deadline {
            timer = Task { [self] in
                try? await Task.sleep(until: deadline, clock: .continuous)
                if !Task.isCancelled { resume(.failure(late)) }
            }
        }
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let early = state.withLock { state -> Result<Value, TenancyError>? in
                    if case .done(let result) = state {
                        state = .consumed
                        return result
                    }
                    state = .waiting(continuation)
                    return nil
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            resume(.failure(TenancyError(.cancelled, "The calling task was cancelled while it waited.")))
        }
        timer?.cancel()
        return try result.get()
    }
}
