import TenancyCore

/// What becomes of connections, and of time.
extension PoolStateMachine {
    /// Opens what waiting calls and the minimum size want, as far as the maximum allows. While the server is gone, one
    /// at a time and with pauses.
    mutating func fill(now: UInt64) {
        guard phase == .running else { return }
        while entries.count < limits.maximumSize {
            let isMissed = openingCount < waiters.count
            let isWanted = minimumTimer == nil && idle.count + leasedCount + openingCount < limits.minimumSize
            guard isMissed || isWanted else { return }
            if failures > 0 {
                if openingCount > 0 { return }
                if waiters.count > 0 { hasten() }
                if now < retryTime {
                    if retryTimer == nil { retryTimer = timers.add(at: retryTime, .retry) }
                    return
                }
            }
            let id = makeID()
            entries[id] = Entry(state: .awaitingPermit)
            openingCount += 1
            actions.append(.requestPermit(id, isForMinimum: !isMissed))
        }
    }

    /// The ceiling has room for the connection.
    mutating func permitted(_ id: ID, now: UInt64) {
        guard phase == .running, let entry = entries[id], case .awaitingPermit = entry.state else {
            actions.append(.returnPermit)
            return
        }
        // Those who waited for it may have been served or have given up meanwhile.
        guard
            openingCount <= waiters.count || idle.count + leasedCount + openingCount <= limits.minimumSize
        else {
            forget(id)
            actions.append(.returnPermit)
            return
        }
        let timer = timers.add(at: Self.sum(now, limits.openTimeout), .open(id))
        entries[id]?.state = .opening(timer: timer)
        actions.append(.open(id))
    }

    /// The ceiling has no room for a connection that nobody waits for.
    mutating func denied(_ id: ID, now: UInt64) {
        guard phase == .running, let entry = entries[id], case .awaitingPermit = entry.state else { return }
        forget(id)
        if minimumTimer == nil { minimumTimer = timers.add(at: Self.sum(now, limits.maximumBackoff), .minimum) }
        fill(now: now)
    }

    /// The server can be reached.
    mutating func opened(_ id: ID, _ connection: Connection, now: UInt64) {
        guard case .opening(let timer)? = entries[id]?.state else {
            // Too late: it was given up. It is closed as what it is by now, a connection nobody knows.
            actions.append(.close(id, connection))
            return
        }
        _ = timers.remove(timer)
        openingCount -= 1
        failures = 0
        lastError = nil
        if let timer = retryTimer { _ = timers.remove(timer) }
        retryTimer = nil
        let expiry = Self.sum(now, jittered(limits.maximumLifetime))
        let idleTimeout = jittered(limits.idleTimeout)
        entries[id] = Entry(state: .idle(since: now), connection: connection, expiry: expiry, idleTimeout: idleTimeout)
        offer(id, connection, now: now)
        scheduleReview(id, now: now)
        fill(now: now)
    }

    /// No connection came of it, whether it was given up before or not.
    mutating func failedToOpen(_ id: ID, _ error: TenancyError, now: UInt64) {
        guard let entry = entries[id] else { return }
        forget(id)
        if case .opening = entry.state { noteFailure(error, now: now) }
        finishDrain()
        fill(now: now)
    }

    /// The connection is no more.
    mutating func closed(_ id: ID, now: UInt64) {
        guard let entry = entries[id], case .closing = entry.state else { return }
        forget(id)
        finishDrain()
        fill(now: now)
    }

    /// Does what is due.
    mutating func timePassed(now: UInt64) {
        while let timer = timers.popDue(now) {
            switch timer {
            case .waiter(let token):
                guard let waiter = waiters.remove(token) else { continue }
                // Of two errors at once, the cause tells more.
                let error = failures > 0 && leasedCount == 0 ? unavailableError : timeoutError
                actions.append(.refuse(waiter.request, error))
            case .open(let id):
                guard case .opening? = entries[id]?.state else { continue }
                abandon(id)
                noteFailure(
                    TenancyError(.timeout, "The server did not answer an attempt to connect in time."), now: now)
            case .review(let id): review(id, now: now)
            case .retry: retryTimer = nil
            case .minimum: minimumTimer = nil
            case .drain: forceDrain()
            }
        }
        fill(now: now)
    }

    /// The server can't be reached: waits before the next attempt, longer each time; and if there is nothing to wait
    /// for, no connection in use and none on its way, tells the callers now instead of at their deadlines.
    private mutating func noteFailure(_ error: TenancyError, now: UInt64) {
        guard phase == .running else { return }
        failures += 1
        lastError = error
        let doubled = limits.minimumBackoff.multipliedReportingOverflow(by: 1 << UInt64(min(failures - 1, 32)))
        let pause = jittered(
            doubled.overflow ? limits.maximumBackoff : min(doubled.partialValue, limits.maximumBackoff))
        retryTime = Self.sum(now, pause)
        demandTime = Self.sum(now, jittered(limits.demandBackoff))
        if let timer = retryTimer { _ = timers.remove(timer) }
        retryTimer = nil
        actions.append(.reportFailure(error, pause: pause))
        guard leasedCount == 0, openingCount == 0, idle.isEmpty else { return }
        while let waiter = popWaiter() { actions.append(.refuse(waiter.request, unavailableError)) }
    }

    /// Tries sooner, because somebody asks.
    mutating func hasten() {
        guard demandTime < retryTime else { return }
        retryTime = demandTime
        if let timer = retryTimer { _ = timers.remove(timer) }
        retryTimer = nil
    }

    /// One timer per connection looks at its age, its idleness and its holder, and comes back when the next of them
    /// can be due; so taking and giving back touch no timer.
    private mutating func review(_ id: ID, now: UInt64) {
        guard let entry = entries[id], entry.connection != nil else { return }
        entries[id]?.review = nil
        switch entry.state {
        case .idle(let since):
            let isSurplus = idle.count + leasedCount > limits.minimumSize
            if entry.expiry <= now || (isSurplus && Self.sum(since, entry.idleTimeout) <= now) {
                idle.removeAll { $0 == id }
                close(id)
                return
            }
        case .leased(let since, let place, let isReported):
            if let threshold = limits.leakThreshold, !isReported, Self.sum(since, threshold) <= now {
                entries[id]?.state = .leased(since: since, place, isReported: true)
                actions.append(.reportLeak(place, heldFor: now - since))
            }
        case .awaitingPermit, .opening, .closing: return
        }
        scheduleReview(id, now: now)
    }

    private mutating func scheduleReview(_ id: ID, now: UInt64) {
        guard let entry = entries[id] else { return }
        let leak = limits.leakThreshold ?? .max
        // What begins later can't be due before this.
        var time = Self.sum(now, max(1_000_000, min(entry.idleTimeout, leak)))
        switch entry.state {
        case .idle(let since):
            let idleEnd = Self.sum(since, entry.idleTimeout)
            if idleEnd > now { time = min(time, idleEnd) }
            time = min(time, entry.expiry)
        case .leased(let since, _, let isReported):
            let leakTime = Self.sum(since, leak)
            if !isReported, leakTime > now { time = min(time, leakTime) }
        // Its age is looked at when it comes back.
        case .awaitingPermit, .opening, .closing: break
        }
        if case .leased = entry.state {} else { time = min(time, max(entry.expiry, now + 1)) }
        entries[id]?.review = timers.add(at: time, .review(id))
    }

    mutating func close(_ id: ID) {
        guard let entry = entries[id], let connection = entry.connection else { return }
        if let review = entry.review { _ = timers.remove(review) }
        entries[id] = Entry(state: .closing)
        actions.append(.close(id, connection))
    }

    mutating func abandon(_ id: ID) {
        guard case .opening(let timer)? = entries[id]?.state else { return }
        _ = timers.remove(timer)
        openingCount -= 1
        entries[id] = Entry(state: .closing)
        actions.append(.abandonOpen(id))
    }

    mutating func forget(_ id: ID) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        switch entry.state {
        case .awaitingPermit: openingCount -= 1
        case .opening(let timer):
            _ = timers.remove(timer)
            openingCount -= 1
        case .leased: leasedCount -= 1
        case .idle, .closing: break
        }
        if let review = entry.review { _ = timers.remove(review) }
    }

    mutating func finishDrain() {
        guard phase == .draining, entries.isEmpty else { return }
        phase = .drained
        timers = TimerHeap()
        actions.append(.drained)
    }

    /// The time for an orderly end is over: closes what is in use, and waits for nothing any more.
    private mutating func forceDrain() {
        guard phase == .draining else { return }
        for (id, entry) in entries {
            if case .leased = entry.state, let connection = entry.connection {
                actions.append(.close(id, connection))
            }
            forget(id)
        }
        finishDrain()
    }
}
