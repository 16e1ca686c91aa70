import Synchronization
import TenancyCore

/// The records that this process is loading now, so that each is loaded once however many callers ask for it.
///
/// A caller that finds a record being loaded waits, and never takes the result of a load that began before it came: a
/// write may have been acknowledged between that load and its coming. When the load ends, one of those who waited begins
/// again, from the look-up on, and the others get what it finds. So whoever waits sees what it would have seen by
/// itself, and a thousand callers of a cold record cost one load and one look-up.
///
/// An error is shared in the same way, unless it is about the one who met it: a load that was cancelled, or ran out of
/// its own time, is begun again by another.
final class Flights: Sendable {
    /// Whose record, and which.
    struct Key: Hashable, Sendable {
        let tenant: TenantID
        let key: CacheKey
    }

    /// What a caller that waited is told.
    enum Outcome: Sendable {
        /// It is now the one that loads; it must ``end(_:)`` that.
        case lead
        /// The record as one loaded it that began after this caller came.
        case rows(any RowBatch)
        case failed(TenancyError)
    }

    private struct Waiter {
        let id: UInt64
        let deadline: ContinuousClock.Instant?
        let continuation: CheckedContinuation<Outcome, Never>
    }

    private struct Flight {
        let deadline: ContinuousClock.Instant?
        /// Who came before the load began: what it finds is theirs.
        var followers: [Waiter] = []
        /// Who came since: the next load is theirs.
        var waiting: [Waiter] = []
    }

    private struct State {
        var flights: [Key: Flight] = [:]
        var lastWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How many callers wait, for tests that have to know that all are there.
    var waiterCount: Int {
        state.withLock { $0.flights.values.reduce(0) { $0 + $1.followers.count + $1.waiting.count } }
    }

    /// Whether nothing is being loaded.
    var isEmpty: Bool { state.withLock { $0.flights.isEmpty } }

    /// Makes the caller the one that loads a record, if nobody does.
    ///
    /// - Parameter deadline: Until when the load ends.
    /// - Returns: Whether it is the caller, who must ``end(_:)`` it then.
    func lead(_ key: Key, until deadline: ContinuousClock.Instant?) -> Bool {
        state.withLock { state in
            if state.flights[key] != nil { return false }
            state.flights[key] = Flight(deadline: deadline)
            return true
        }
    }

    /// Waits for a record that is being loaded.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cancelled`` or ``TenancyError/Code/timeout``.
    func wait(for key: Key, in context: TenantContext) async throws(TenancyError) -> Outcome {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        var timer: Task<Void, Never>?
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
                let waiter = Waiter(id: id, deadline: context.deadline, continuation: continuation)
                switch join(waiter, key) {
                case .leads: continuation.resume(returning: .lead)
                case .waits(let leadersDeadline):
                    // Those who load end by their own deadline, and are chosen so that nobody outlasts whom it keeps
                    // waiting; only who comes later and has less time needs a timer.
                    if let deadline = context.deadline, leadersDeadline.map({ deadline < $0 }) ?? true {
                        timer = Task {
                            try? await Task.sleep(until: deadline, clock: .continuous)
                            if !Task.isCancelled { self.leave(key, id, .timeout) }
                        }
                    }
                    // Cancelled before it joined: the handler has found nobody.
                    if Task.isCancelled { leave(key, id, .cancelled) }
                }
            }
        } onCancel: {
            leave(key, id, .cancelled)
        }
        timer?.cancel()
        if case .failed(let error) = outcome { throw error }
        return outcome
    }

    private enum Joined {
        case leads
        case waits(ContinuousClock.Instant?)
    }

    private func join(_ waiter: Waiter, _ key: Key) -> Joined {
        state.withLock { state in
            guard let flight = state.flights[key] else {
                state.flights[key] = Flight(deadline: waiter.deadline)
                return .leads
            }
            state.flights[key]?.waiting.append(waiter)
            return .waits(flight.deadline)
        }
    }

    /// Takes a caller out that waits no longer, unless it was told something already.
    private func leave(_ key: Key, _ id: UInt64, _ code: TenancyError.Code) {
        let waiter = state.withLock { state -> Waiter? in
            guard var flight = state.flights[key] else { return nil }
            defer { state.flights[key] = flight }
            if let position = flight.waiting.firstIndex(where: { $0.id == id }) {
                return flight.waiting.remove(at: position)
            }
            if let position = flight.followers.firstIndex(where: { $0.id == id }) {
                return flight.followers.remove(at: position)
            }
            return nil
        }
        let text = code == .timeout ? "The call's deadline has passed." : "The calling task was cancelled."
        waiter?.continuation.resume(returning: .failed(TenancyError(code, text, details: .init(tenant: key.tenant))))
    }

    /// Tells those who came before the load began what it found.
    func share(_ outcome: Outcome, for key: Key) {
        let followers = state.withLock { state in
            guard let followers = state.flights[key]?.followers, !followers.isEmpty else { return [Waiter]() }
            state.flights[key]?.followers = []
            return followers
        }
        for follower in followers { follower.continuation.resume(returning: outcome) }
    }

    /// Ends a load. Of those who still wait, the one with the least time is the next to load, for all of them.
    func end(_ key: Key) {
        let next = state.withLock { state -> Waiter? in
            guard let flight = state.flights.removeValue(forKey: key) else { return nil }
            var waiters = flight.followers + flight.waiting
            let order = waiters.indices.min { Self.isSooner(waiters[$0].deadline, waiters[$1].deadline) }
            guard let order else { return nil }
            let leader = waiters.remove(at: order)
            state.flights[key] = Flight(deadline: leader.deadline, followers: waiters)
            return leader
        }
        next?.continuation.resume(returning: .lead)
    }

    private static func isSooner(_ left: ContinuousClock.Instant?, _ right: ContinuousClock.Instant?) -> Bool {
        guard let left else { return false }
        return right.map { left < $0 } ?? true
    }
}
