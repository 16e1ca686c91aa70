import Synchronization
package import TenancyCore

/// A call that waits for something on a ``Reactor`` and is resumed exactly once: by who has it, by its deadline or by
/// its cancellation, whichever comes first.
///
/// The deadline is one of the reactor's timers, which is gone when the wait ends, and no task is made for it.
package final class ReactorWait<Value: Sendable>: Sendable {
    private enum Phase {
        static var fresh: UInt8 { 0 }
        static var waiting: UInt8 { 1 }
        static var done: UInt8 { 2 }
    }

    private let isClaimed = Atomic<Bool>(false)
    private let phase = Atomic<UInt8>(Phase.fresh)
    /// Written by the one caller of ``resume(_:)`` that has claimed the wait, before the phase becomes `done`; read by
    /// whoever has seen that.
    nonisolated(unsafe) private var result: Result<Value, TenancyError>?
    /// Written by the waiter before the phase becomes `waiting`; read by the resumer that has seen that.
    nonisolated(unsafe) private var continuation: UnsafeContinuation<Void, Never>?

    package init() {}

    /// Whether there is a result, so that there is no more use in working for one.
    package var hasEnded: Bool { isClaimed.load(ordering: .relaxed) }

    /// Ends the wait. From any thread.
    ///
    /// - Returns: Whether this was the first call, so that the waiter gets the result; else it stays with the caller.
    @discardableResult
    package func resume(_ result: Result<Value, TenancyError>) -> Bool {
        guard !isClaimed.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        self.result = result
        if phase.exchange(Phase.done, ordering: .acquiringAndReleasing) == Phase.waiting {
            continuation.take()?.resume()
        }
        return true
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
        await withTaskCancellationHandler {
            await suspend()
        } onCancel: {
            let error = TenancyError(.cancelled, "The calling task was cancelled while it waited.")
            if resume(.failure(error)) { abandoned?() }
        }
        return try outcome()
    }

    /// Waits for the result, whether or not the calling task is cancelled. Called once.
    ///
    /// - Parameters:
    ///   - reactor: Whose timer keeps the deadline.
    ///   - late: What is thrown when the deadline has passed.
    /// - Throws: What the wait was resumed with, or `late`.
    package func valueInSpiteOfCancellation(
        on reactor: Reactor, until deadline: ContinuousClock.Instant,
        late: @escaping @autoclosure @Sendable () -> TenancyError
    ) async throws(TenancyError) -> Value {
        let timer = try reactor.schedule(at: deadline) { [self] in resume(.failure(late())) }
        defer { reactor.cancel(timer) }
        await suspend()
        return try outcome()
    }

    private func suspend() async {
        await withUnsafeContinuation { continuation in
            self.continuation = continuation
            let isFirst = phase.compareExchange(
                expected: Phase.fresh, desired: Phase.waiting, ordering: .acquiringAndReleasing
            ).exchanged
            if !isFirst { self.continuation.take()?.resume() }
        }
    }

    private func outcome() throws(TenancyError) -> Value {
        guard let result = result.take() else { throw Reactor.stopped }
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
