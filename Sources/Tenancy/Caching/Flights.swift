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
    }

    private struct Waiting {
        let deadline: ContinuousClock.Instant?
        let waiter: Waiter<Outcome>
    }

    private struct Flight {
        let deadline: ContinuousClock.Instant?
        /// Who came before the load began: what it finds is theirs.
        var followers: [Waiting] = []
        /// Who came since: the next load is theirs.
        var waiting: [Waiting] = []
    }

    private struct State {
        var flights: [Key: Flight] = [:]
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
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cancelled`` or ``TenancyError/Code/timeout``, or what the load
    ///   threw that this caller waited for.
    func wait(for key: Key, in context: TenantContext) async throws(TenancyError) -> Outcome {
        let waiter = Waiter<Outcome>()
        let leader = state.withLock { state -> Flight? in
            guard let flight = state.flights[key] else {
                state.flights[key] = Flight(deadline: context.deadline)
                return nil
            }
            state.flights[key]?.waiting.append(Waiting(deadline: context.deadline, waiter: waiter))
            return flight
        }
        guard let leader else { return .lead }
        // Those who load end by their own deadline, and are chosen so that nobody outlasts whom it keeps waiting; only
        // who comes later and has less time needs a timer.
        let deadline = context.deadline.flatMap { own in leader.deadline.map { own < $0 } ?? true ? own : nil }
        let late = TenancyError(.timeout, "The call's deadline has passed.", details: .init(tenant: key.tenant))
        do throws(TenancyError) {
            return try await waiter.wait(until: deadline, late: late)
        } catch {
            forget(waiter, key)
            throw error
        }
    }

    /// Takes a caller out that waits no longer.
    private func forget(_ waiter: Waiter<Outcome>, _ key: Key) {
        state.withLock { state in
            state.flights[key]?.waiting.removeAll { $0.waiter === waiter }
            state.flights[key]?.followers.removeAll { $0.waiter === waiter }
        }
    }

    /// Tells those who came before the load began what it found, or threw.
    func share(_ outcome: Result<any RowBatch, TenancyError>, for key: Key) {
        let followers = state.withLock { state in
            guard let followers = state.flights[key]?.followers, !followers.isEmpty else { return [Waiting]() }
            state.flights[key]?.followers = []
            return followers
        }
        for follower in followers { follower.waiter.resume(outcome.map { .rows($0) }) }
    }

    /// Ends a load. Of those who still wait, the one with the least time is the next to load, for all of them.
    func end(_ key: Key) {
        // One that was cancelled in this moment does not take over; then the next one does.
        while let next = next(key) { if next.waiter.resume(.success(.lead)) { return } }
    }

    private func next(_ key: Key) -> Waiting? {
        state.withLock { state in
            guard let flight = state.flights.removeValue(forKey: key) else { return nil }
            var waiters = flight.followers + flight.waiting
            let order = waiters.indices.min { Self.isSooner(waiters[$0].deadline, waiters[$1].deadline) }
            guard let order else { return nil }
            let leader = waiters.remove(at: order)
            state.flights[key] = Flight(deadline: leader.deadline, followers: waiters)
            return leader
        }
    }

    private static func isSooner(_ left: ContinuousClock.Instant?, _ right: ContinuousClock.Instant?) -> Bool {
        guard let left else { return false }
        return right.map { left < $0 } ?? true
    }
}
