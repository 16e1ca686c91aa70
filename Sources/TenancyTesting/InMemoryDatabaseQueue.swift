import Synchronization
import TenancyCore

/// A lock for tasks: first come, first served; who waits can be cancelled and has a deadline.
final class InMemoryDatabaseQueue: Sendable {
    private struct Waiter {
        let number: Int
        let continuation: CheckedContinuation<TenancyError?, Never>
    }

    private struct State {
        var isHeld = false
        var lastNumber = 0
        var waiters: [Waiter] = []
        /// Who is about to wait, with the reason why that is pointless, once there is one.
        var arriving: [Int: TenancyError?] = [:]
    }

    private let state = Mutex(State())

    /// Takes the lock, waiting for it if need be.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cancelled``, ``TenancyError/Code/timeout`` at the context's
    ///   deadline, or ``TenancyError/Code/locked`` after `longest`.
    func acquire(in context: TenantContext, atMost longest: Duration) async throws(TenancyError) {
        try context.checkAlive()
        let arrival: Int? = state.withLock { state in
            guard state.isHeld else {
                state.isHeld = true
                return nil
            }
            state.lastNumber += 1
            state.arriving[state.lastNumber] = .some(nil)
            return state.lastNumber
        }
        guard let number = arrival else { return }
        let timer = startTimer(number, context, longest)
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<TenancyError?, Never>) in
                if let outcome = enqueue(number, continuation) { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            fail(number, TenancyError(.cancelled, "The calling task was cancelled."))
        }
        timer.cancel()
        if let failure { throw failure }
    }

    /// Hands the lock to who has waited longest.
    func release() {
        let next: Waiter? = state.withLock { state in
            guard !state.waiters.isEmpty else {
                state.isHeld = false
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.continuation.resume(returning: nil)
    }

    private func startTimer(_ number: Int, _ context: TenantContext, _ longest: Duration) -> Task<Void, any Error> {
        let limit = ContinuousClock.now + longest
        let details = TenancyError.Details(tenant: context.tenant)
        let (end, error) =
            if let deadline = context.deadline, deadline <= limit {
                (deadline, TenancyError(.timeout, "The deadline passed in wait for a transaction.", details: details))
            } else {
                (limit, TenancyError(.locked, "Another transaction did not end in time.", details: details))
            }
        return Task {
            try await Task.sleep(until: end, clock: .continuous)
            fail(number, error)
        }
    }

    /// - Returns: How the wait ended, if it did before it began.
    private func enqueue(
        _ number: Int, _ continuation: CheckedContinuation<TenancyError?, Never>
    ) -> TenancyError?? {
        state.withLock { state in
            if let failure = state.arriving.removeValue(forKey: number) ?? nil { return .some(failure) }
            guard state.isHeld else {
                state.isHeld = true
                return .some(nil)
            }
            state.waiters.append(Waiter(number: number, continuation: continuation))
            return nil
        }
    }

    private func fail(_ number: Int, _ error: TenancyError) {
        let waiter: Waiter? = state.withLock { state in
            if let position = state.waiters.firstIndex(where: { $0.number == number }) {
                return state.waiters.remove(at: position)
            }
            if state.arriving[number] != nil { state.arriving[number] = .some(error) }
            return nil
        }
        waiter?.continuation.resume(returning: error)
    }
}
