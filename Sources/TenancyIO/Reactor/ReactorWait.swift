import Synchronization
package import TenancyCore

/// A call that waits for something on a ``Reactor`` and is resumed exactly once: by who has it, by its deadline or by
/// its cancellation, whichever comes first.
///
/// The deadline is one of the reactor's timers, which is gone when the wait ends, and no task is made for it.
package final class ReactorWait<Value: Sendable>: Sendable {
    private enum State {
        case fresh
        case waiting(UnsafeContinuation<Result<Value, TenancyError>, Never>)
        case done(Result<Value, TenancyError>)
        case consumed
    }

    private let state = Mutex(State.fresh)

    package init() {}

    /// Whether there is a result, so that there is no more use in working for one.
    package var hasEnded: Bool {
        state.withLock { state in
            switch state {
            case .fresh, .waiting: false
            case .done, .consumed: true
            }
        }
    }

    /// Ends the wait. From any thread.
    ///
    /// - Returns: Whether this was the first call, so that the waiter gets the result; else it stays with the caller.
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
    /// - Parameters:
    ///   - reactor: Whose timer keeps the deadline.
    ///   - late: What is thrown when the deadline has passed.
    ///   - abandoned: Called, on any thread, when the deadline or a cancellation has ended the wait.
    /// - Throws: What the wait was resumed with, `late`, or ``TenancyError/Code/cancelled``.
    package func value(
        on reactor: Reactor, until deadline: ContinuousClock.Instant?,
        late: @escaping @autoclosure @Sendable () -> TenancyError,
        abandoned: (@Sendable () -> Void)? = nil
    ) async throws(TenancyError) -> Value {
        var timer: ReactorTimer?
        if let deadline {
            timer = try reactor.schedule(at: deadline) { [self] in
                if resume(.failure(late())) { abandoned?() }
            }
        }
        defer { if let timer { reactor.cancel(timer) } }
        return try await value(abandoned: abandoned)
    }

    /// Waits for the result, for as long as it takes. Called once.
    ///
    /// - Parameter abandoned: Called, on any thread, when a cancellation has ended the wait.
    /// - Throws: What the wait was resumed with, or ``TenancyError/Code/cancelled``.
    package func value(abandoned: (@Sendable () -> Void)? = nil) async throws(TenancyError) -> Value {
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
            let error = TenancyError(.cancelled, "The calling task was cancelled while it waited.")
            if resume(.failure(error)) { abandoned?() }
        }
        return try result.get()
    }
}

extension Reactor {
    /// Waits for one result, with a deadline and without a task for it.
    ///
    /// - Parameters:
    ///   - late: What is thrown when the deadline has passed.
    ///   - abandoned: Called, on any thread, when the deadline or a cancellation has ended the wait.
    ///   - start: Called at once, on the caller's executor, with what is to be resumed with the result.
    /// - Throws: What the wait was resumed with, `late`, or ``TenancyError/Code/cancelled``.
    package func withDeadline<Value: Sendable>(
        _ deadline: ContinuousClock.Instant?, late: @escaping @autoclosure @Sendable () -> TenancyError,
        abandoned: (@Sendable () -> Void)? = nil, _ start: (ReactorWait<Value>) -> Void
    ) async throws(TenancyError) -> Value {
        let wait = ReactorWait<Value>()
        start(wait)
        return try await wait.value(on: self, until: deadline, late: late(), abandoned: abandoned)
    }

    /// Waits until `deadline`.
    ///
    /// - Throws: ``TenancyError/Code/cancelled``, or ``TenancyError/Code/shutDown`` if the reactor stops before.
    package func sleep(until deadline: ContinuousClock.Instant) async throws(TenancyError) {
        let wait = ReactorWait<Void>()
        let timer = try schedule(at: deadline) { [self] in
            wait.resume(lifetime.isStopping && ContinuousClock.now < deadline ? .failure(Self.stopped) : .success(()))
        }
        defer { cancel(timer) }
        try await wait.value()
    }
}
