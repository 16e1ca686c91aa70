package import TenancyCore

/// Connections that one caller at a time uses, driven by a ``PoolStateMachine``: this type only carries out what that
/// decides.
///
/// Who finds none free waits, first come first served, and holds no thread. Its owner must call
/// ``shutDown(deadline:)``.
package final class ConnectionPool<Factory: ConnectionFactory, PoolClock: Clock>: Sendable
where PoolClock.Duration == Duration {
    /// A connection and the right to use it, until it is given back.
    package struct Lease: Sendable {
        /// The connection.
        package let connection: Factory.Connection
        let id: UInt64
    }

    typealias Machine = PoolStateMachine<Factory.Connection, ReactorWait<Lease>>

    struct State {
        var machine: Machine
        var openTasks: [UInt64: Task<Void, Never>] = [:]
        var timerTask: Task<Void, Never>?
        var timerTime: UInt64?
        var drainWaits: [ReactorWait<Void>] = []
    }

    /// The pool's name, in errors and for the observer.
    package let name: String

    let configuration: PoolConfiguration
    let factory: Factory
    let clock: PoolClock
    let ceiling: ConnectionCeiling
    let observer: (any PoolObserver)?
    let origin: PoolClock.Instant
    let state: Locked<State>

    /// A pool, which opens the minimum number of connections at once.
    package init(
        name: String, configuration: PoolConfiguration = PoolConfiguration(), factory: Factory, clock: PoolClock,
        ceiling: ConnectionCeiling = .process, observer: (any PoolObserver)? = nil,
        seed: UInt64 = .random(in: 0 ... .max)
    ) {
        self.name = name
        self.configuration = configuration
        self.factory = factory
        self.clock = clock
        self.ceiling = ceiling
        self.observer = observer
        origin = clock.now
        state = Locked(State(machine: Machine(name: name, configuration: configuration, seed: seed)))
        ceiling.join(ObjectIdentifier(self)) { [weak self] ofMinimum in self?.reclaim(ofMinimum: ofMinimum) ?? false }
        transact { machine, now in machine.fill(now: now) }
    }

    deinit {
        ceiling.leave(ObjectIdentifier(self))
        state.withLock { $0.timerTask?.cancel() }
    }

    /// Connections of every kind, for tests and reports.
    package var counts: (leased: Int, idle: Int, opening: Int, total: Int, waiting: Int) {
        state.withLock {
            let machine = $0.machine
            return (
                machine.leasedCount, machine.idle.count, machine.openingCount, machine.entries.count,
                machine.waiters.count
            )
        }
    }

    /// Runs `body` with a connection of its own, which goes back afterwards, whatever happened.
    ///
    /// - Parameter deadline: Until when to wait for a connection, if it is earlier than the pool's own time-out.
    /// - Throws: What `body` throws, or what ``acquire(until:file:line:)`` does.
    package func withConnection<Result>(
        until deadline: PoolClock.Instant? = nil, file: String = #fileID, line: Int = #line,
        _ body: (Factory.Connection) async throws -> Result
    ) async throws -> Result {
        let lease = try await acquire(until: deadline, file: file, line: line)
        defer { release(lease) }
        return try await body(lease.connection)
    }

    /// Takes a connection, which must be given back with ``release(_:isBroken:)``.
    ///
    /// - Throws: ``TenancyError`` with code `timeout` if none became free in time, `unavailable` if the server can't
    ///   be reached, `cancelled`, or `shutDown`.
    package func acquire(
        until deadline: PoolClock.Instant? = nil, file: String = #fileID, line: Int = #line
    ) async throws(TenancyError) -> Lease {
        if Task.isCancelled { throw TenancyError(.cancelled, "The calling task was cancelled.") }
        let begin = now
        let limit = time(clock.now.advanced(by: configuration.acquireTimeout))
        let end = deadline.map { min(limit, time($0)) } ?? limit
        var made: ReactorWait<Lease>?
        let acquisition = transact { machine, now in
            machine.acquire(deadline: end, place: PoolPlace(file: file, line: line), now: now) {
                let wait = ReactorWait<Lease>()
                made = wait
                return wait
            }
        }
        do throws(TenancyError) {
            switch acquisition {
            case .connection(let id, let connection):
                observer?.poolGranted(name, after: .zero)
                return Lease(connection: connection, id: id)
            case .refused(let error): throw error
            case .waiting(let token):
                guard let made else { throw TenancyError(.backendFailure, "The pool lost a waiting call.") }
                let lease: Lease
                do throws(TenancyError) { lease = try await made.value() } catch {
                    transact { machine, _ in _ = machine.cancel(token) }
                    throw error
                }
                observer?.poolGranted(name, after: .nanoseconds(Int64(clamping: now - begin)))
                return lease
            }
        } catch {
            observer?.poolRefused(name, error, after: .nanoseconds(Int64(clamping: now - begin)))
            throw error
        }
    }

    /// Gives a connection back. Once.
    ///
    /// - Parameter isBroken: Whether it must not be used again; it is closed then, and replaced if it is missed.
    package func release(_ lease: Lease, isBroken: Bool = false) {
        let isHealthy = !isBroken && factory.isHealthy(lease.connection)
        let share = ceiling.isContended ? ceiling.share : nil
        let isSurplus = transact { machine, now in
            let isSurplus = share.map { machine.entries.count > $0 } ?? false
            machine.release(lease.id, isHealthy: isHealthy && !isSurplus, now: now)
            return isSurplus
        }
        if isSurplus { ceiling.yields() } else { yieldIfContended() }
    }

    /// Refuses new calls, waits for connections in use until `deadline`, closes them then, and returns when that is
    /// done.
    package func shutDown(deadline: PoolClock.Instant) async {
        let wait = ReactorWait<Void>()
        let end = time(deadline)
        let isDrained = state.withLock { state in
            if state.machine.phase == .drained { return true }
            state.drainWaits.append(wait)
            return false
        }
        transact { machine, now in machine.shutDown(deadline: end, now: now) }
        if isDrained { return }
        // A cancelled caller does not wait for the rest, which ends by itself.
        try? await wait.value()
        ceiling.leave(ObjectIdentifier(self))
    }

    /// Closes a connection that is idle, if a call waits in another pool.
    func yieldIfContended() {
        if ceiling.isContended, reclaim(ofMinimum: true) { ceiling.yields() }
    }

    private func reclaim(ofMinimum: Bool) -> Bool {
        transact { machine, _ in machine.reclaim(ofMinimum: ofMinimum) }
    }

    var now: UInt64 { time(clock.now) }

    func time(_ instant: PoolClock.Instant) -> UInt64 {
        UInt64(max(0, ReactorTime.nanoseconds(origin.duration(to: instant))))
    }
}
