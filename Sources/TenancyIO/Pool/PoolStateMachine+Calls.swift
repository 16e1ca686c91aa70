import TenancyCore

/// What callers ask for.
extension PoolStateMachine {
    enum Acquisition {
        case connection(ID, Connection)
        case waiting(WaiterList<Waiter>.Token)
        case refused(TenancyError)
    }

    /// A connection, if there is one to be had at once.
    ///
    /// - Parameter makeRequest: Called only if the caller has to wait.
    mutating func acquire(
        deadline: UInt64, place: PoolPlace, now: UInt64, makeRequest: () -> Request
    ) -> Acquisition {
        guard phase == .running else { return .refused(shutDownError) }
        while let id = idle.popLast() {
            guard let entry = entries[id], let connection = entry.connection else { continue }
            if entry.expiry <= now {
                close(id)
                continue
            }
            lease(id, to: place, now: now)
            return .connection(id, connection)
        }
        if failures > 0 { hasten() }
        if failures > 0, now < retryTime, leasedCount == 0, openingCount == 0 { return .refused(unavailableError) }
        guard now < deadline else { return .refused(timeoutError) }
        let token = waiters.append(Waiter(request: makeRequest(), since: now, place: place))
        let timer = timers.add(at: deadline, .waiter(token))
        waiters.update(token) { $0.timer = timer }
        fill(now: now)
        return .waiting(token)
    }

    /// Takes a waiting call out, in constant time for the queue and logarithmic for its timer.
    ///
    /// - Returns: Its request, for the caller to answer; `nil` if it was answered already.
    mutating func cancel(_ token: WaiterList<Waiter>.Token) -> Request? {
        guard let waiter = waiters.remove(token) else { return nil }
        if let timer = waiter.timer { _ = timers.remove(timer) }
        return waiter.request
    }

    /// Gives a connection back.
    mutating func release(_ id: ID, isHealthy: Bool, now: UInt64) {
        guard let entry = entries[id], let connection = entry.connection, case .leased = entry.state else { return }
        leasedCount -= 1
        guard isHealthy, phase == .running, entry.expiry > now else {
            close(id)
            return
        }
        offer(id, connection, now: now)
    }

    /// Closes one connection that nobody uses, for the sake of another pool.
    ///
    /// - Parameter ofMinimum: Whether it may be one of the minimum.
    mutating func reclaim(ofMinimum: Bool) -> Bool {
        guard phase == .running, let id = idle.first else { return false }
        guard ofMinimum || idle.count + leasedCount > limits.minimumSize else { return false }
        idle.removeFirst()
        close(id)
        return true
    }

    /// Refuses all calls from now on, closes what is free, and what is in use when it comes back or at `deadline`.
    mutating func shutDown(deadline: UInt64, now: UInt64) {
        guard phase == .running else { return }
        phase = .draining
        while let waiter = popWaiter() { actions.append(.refuse(waiter.request, shutDownError)) }
        for timer in [retryTimer, minimumTimer].compactMap(\.self) { _ = timers.remove(timer) }
        (retryTimer, minimumTimer) = (nil, nil)
        for id in idle { close(id) }
        idle = []
        for (id, entry) in entries {
            switch entry.state {
            case .awaitingPermit: forget(id)
            case .opening: abandon(id)
            case .idle, .leased, .closing: break
            }
        }
        _ = timers.add(at: deadline, .drain)
        finishDrain()
    }

    /// Puts a connection that is free into use, or on the stack of those that are.
    mutating func offer(_ id: ID, _ connection: Connection, now: UInt64) {
        if let waiter = popWaiter() {
            lease(id, to: waiter.place, now: now)
            actions.append(.grant(waiter.request, id, connection))
        } else {
            entries[id]?.state = .idle(since: now)
            idle.append(id)
        }
    }

    mutating func popWaiter() -> Waiter? {
        guard let waiter = waiters.popFirst() else { return nil }
        if let timer = waiter.timer { _ = timers.remove(timer) }
        return waiter
    }

    private mutating func lease(_ id: ID, to place: PoolPlace, now: UInt64) {
        leasedCount += 1
        entries[id]?.state = .leased(since: now, place, isReported: false)
    }

    var shutDownError: TenancyError { TenancyError(.shutDown, "The pool '\(name)' is shut down.") }

    var timeoutError: TenancyError {
        TenancyError(
            .timeout, "No connection of the pool '\(name)' became free in time; \(leasedCount) are in use.",
            hint: "Hold connections for less time, or raise the pool's maximum size or acquire time-out.")
    }

    var unavailableError: TenancyError {
        guard let lastError else { return TenancyError(.unavailable, "The pool '\(name)' can't connect.") }
        return TenancyError(
            .unavailable, "The pool '\(name)' can't connect: [\(lastError.code.name)] \(lastError.message)",
            hint: lastError.hint, details: lastError.details)
    }
}
