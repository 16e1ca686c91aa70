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
///
/// A caller whose record is leased to somebody whom it does not find here leads for the time being: another task of the
/// process, which got the lease and is on its way here, takes over; or another process fills.
final class Flights: Sendable {
    /// Whose record, and which.
    struct Key: Hashable, Sendable {
        let tenant: TenantID
        let key: CacheKey
    }

    /// What a caller that waited is told.
    enum Outcome: Sendable {
        /// It is now the one that loads; it must ``end(_:_:)`` that.
        case lead(ID)
        /// The record as one loaded it that began after this caller came.
        case rows(any RowBatch)
    }

    /// Which load of a record, and thereby whose.
    struct ID: Hashable, Sendable {
        fileprivate let rawValue: UInt64
    }

    /// Whether a caller is the one that loads.
    enum Lead: Sendable {
        case leads(ID)
        /// It is, and those who have waited share what it loads, which it has not begun to.
        case tookOver(ID)
        case refused
    }

    private struct Waiting {
        let deadline: ContinuousClock.Instant?
        let waiter: Waiter<Outcome>
    }

    private struct Flight {
        var id: ID
        var deadline: ContinuousClock.Instant?
        /// Whether who has the lease may take over.
        var isTentative = false
        /// The one that leads and waits for that.
        var holder: Waiting?
        /// Who came before the load began: what it finds is theirs.
        var followers: [Waiting] = []
        /// Who came since: the next load is theirs.
        var waiting: [Waiting] = []
    }

    private struct State {
        var flights: [Key: Flight] = [:]
        private var lastID: UInt64 = 0

        mutating func makeID() -> ID {
            lastID += 1
            return ID(rawValue: lastID)
        }
    }

    private let state = Mutex(State())

    /// How many callers wait, for tests that have to know that all are there.
    var waiterCount: Int {
        state.withLock {
            $0.flights.values.reduce(0) { $0 + $1.followers.count + $1.waiting.count + ($1.holder == nil ? 0 : 1) }
        }
    }

    /// Whether nothing is being loaded.
    var isEmpty: Bool { state.withLock { $0.flights.isEmpty } }

    /// Makes the caller the one that loads a record, if nobody does, or nobody does but for the time being.
    ///
    /// - Parameters:
    ///   - deadline: Until when the load ends.
    ///   - hasLease: Whether the caller may fill the record, and nobody else may.
    ///   - isTentative: Whether somebody else may fill it, and the caller is going to wait for that by
    ///     ``hold(_:_:for:in:)``.
    /// - Returns: Whether it is the caller, who must ``end(_:_:)`` it then.
    func lead(
        _ key: Key, until deadline: ContinuousClock.Instant?, hasLease: Bool = false, isTentative: Bool = false
    ) -> Lead {
        state.withLock { state in
            let id = state.makeID()
            guard var flight = state.flights[key] else {
                state.flights[key] = Flight(id: id, deadline: deadline, isTentative: isTentative)
                return .leads(id)
            }
            guard hasLease, flight.isTentative else { return .refused }
            // All of them came before the load, which is yet to begin.
            flight.followers += flight.waiting
            if let holder = flight.holder { flight.followers.append(holder) }
            state.flights[key] = Flight(id: id, deadline: deadline, followers: flight.followers)
            return .tookOver(id)
        }
    }

    /// Waits a while for somebody to take over, as one that leads for the time being.
    ///
    /// - Returns: What whoever took over found; `nil` if nobody has.
    /// - Throws: As ``wait(for:in:)``.
    func hold(
        _ key: Key, _ id: ID, for pause: Duration, in context: TenantContext
    ) async throws(TenancyError) -> Outcome? {
        let waiter = Waiter<Outcome>()
        let holds = state.withLock { state in
            guard state.flights[key]?.id == id else { return false }
            state.flights[key]?.holder = Waiting(deadline: context.deadline, waiter: waiter)
            return true
        }
        guard holds else { return try await wait(for: key, in: context) }
        let end = ContinuousClock.now + pause
        let deadline = min(end, context.deadline ?? end)
        do throws(TenancyError) {
            return try await waiter.wait(until: deadline, late: Self.late(key))
        } catch {
            forget(waiter, key)
            if error.code == .timeout, .now < context.deadline ?? .now + pause { return nil }
            throw error
        }
    }

    /// Makes all who wait the ones for whom the next look-up is made.
    func muster(_ key: Key, _ id: ID) {
        state.withLock { state in
            guard var flight = state.flights[key], flight.id == id else { return }
            flight.followers += flight.waiting
            flight.waiting = []
            state.flights[key] = flight
        }
    }

    /// Makes the one that leads for the time being the one that loads.
    ///
    /// - Returns: Whether nobody has taken over.
    func confirm(_ key: Key, _ id: ID) -> Bool {
        state.withLock { state in
            guard state.flights[key]?.id == id else { return false }
            state.flights[key]?.isTentative = false
            return true
        }
    }

    private static func late(_ key: Key) -> TenancyError {
        TenancyError(.timeout, "The call's deadline has passed.", details: .init(tenant: key.tenant))
    }

    /// Waits for a record that is being loaded.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/cancelled`` or ``TenancyError/Code/timeout``, or what the load
    ///   threw that this caller waited for.
    func wait(for key: Key, in context: TenantContext) async throws(TenancyError) -> Outcome {
        let waiter = Waiter<Outcome>()
        let (own, leader) = state.withLock { state -> (ID?, Flight?) in
            guard let flight = state.flights[key] else {
                let id = state.makeID()
                state.flights[key] = Flight(id: id, deadline: context.deadline)
                return (id, nil)
            }
            state.flights[key]?.waiting.append(Waiting(deadline: context.deadline, waiter: waiter))
            return (nil, flight)
        }
        if let own { return .lead(own) }
        // Those who load end by their own deadline, and are chosen so that nobody outlasts whom it keeps waiting; only
        // who comes later and has less time needs a timer, and who waits for somebody unknown.
        let limit = leader.flatMap { $0.isTentative ? nil : $0.deadline }
        let deadline = context.deadline.flatMap { own in limit.map { own < $0 } ?? true ? own : nil }
        do throws(TenancyError) {
            return try await waiter.wait(until: deadline, late: Self.late(key))
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
            if state.flights[key]?.holder?.waiter === waiter { state.flights[key]?.holder = nil }
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

    /// Ends a load, if it is still the caller's. Of those who still wait, the one with the least time is the next to load,
    /// for all of them.
    func end(_ key: Key, _ id: ID) {
        // One that was cancelled in this moment does not take over; then the next one does.
        var id = id
        while let next = next(key, after: id) {
            if next.waiting.waiter.resume(.success(.lead(next.id))) { return }
            id = next.id
        }
    }

    private func next(_ key: Key, after id: ID) -> (id: ID, waiting: Waiting)? {
        state.withLock { state in
            guard let flight = state.flights[key], flight.id == id else { return nil }
            state.flights[key] = nil
            var waiters = flight.followers + flight.waiting
            let order = waiters.indices.min { Self.isSooner(waiters[$0].deadline, waiters[$1].deadline) }
            guard let order else { return nil }
            let leader = waiters.remove(at: order)
            let id = state.makeID()
            state.flights[key] = Flight(id: id, deadline: leader.deadline, followers: waiters)
            return (id, leader)
        }
    }

    private static func isSooner(_ left: ContinuousClock.Instant?, _ right: ContinuousClock.Instant?) -> Bool {
        guard let left else { return false }
        return right.map { left < $0 } ?? true
    }
}
