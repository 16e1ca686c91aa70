import TenancyCore

extension ConnectionPool {
    /// Lets the machine decide under the lock, and carries out what it has decided outside of it.
    @discardableResult
    func transact<Result>(_ body: (inout Machine, UInt64) -> Result) -> Result {
        let now = now
        let (result, actions): (Result, [Machine.Action]) = state.withLock { state in
            let result = body(&state.machine, now)
            setTimer(&state)
            return (result, state.machine.takeActions())
        }
        for action in actions { perform(action) }
        return result
    }

    private func perform(_ action: Machine.Action) {
        switch action {
        case .requestPermit(let id, isForMinimum: true):
            let hasRoom = ceiling.requestSpare()
            transact { machine, now in hasRoom ? machine.permitted(id, now: now) : machine.denied(id, now: now) }
        case .requestPermit(let id, isForMinimum: false):
            // Held weakly: a pool that is gone has no use for it and gives it back.
            ceiling.request { [weak self, ceiling] in
                guard let self else { return ceiling.giveBack() }
                transact { machine, now in machine.permitted(id, now: now) }
            }
        case .returnPermit: ceiling.giveBack()
        case .open(let id): open(id)
        case .abandonOpen(let id): state.withLock { $0.openTasks[id] }?.cancel()
        case .close(let id, let connection):
            Task { [self] in
                await factory.close(connection)
                ceiling.giveBack()
                observer?.poolClosed(name)
                transact { machine, now in machine.closed(id, now: now) }
            }
        case .grant(let wait, let id, let connection):
            // Its task may have been cancelled since the machine has chosen it.
            if !wait.resume(.success(Lease(connection: connection, id: id))) {
                transact { machine, now in machine.release(id, isHealthy: true, now: now) }
                yieldIfContended()
            }
        case .refuse(let wait, let error): wait.resume(.failure(error))
        case .reportLeak(let place, let time):
            observer?.poolSuspectsLeak(
                name, file: place.file, line: place.line, heldFor: .nanoseconds(Int64(clamping: time)))
        case .reportFailure(let error, let pause):
            observer?.poolFailedToOpen(name, error, pause: .nanoseconds(Int64(clamping: pause)))
        case .drained:
            let waits = state.withLock { state in
                defer { state.drainWaits = [] }
                return state.drainWaits
            }
            for wait in waits { wait.resume(.success(())) }
        }
    }

    private func open(_ id: UInt64) {
        state.withLock { state in
            // Under the lock, so that the task can't end before it is recorded.
            state.openTasks[id] = Task { [self] in
                let begin = now
                do throws(TenancyError) {
                    let connection = try await factory.open()
                    observer?.poolOpened(name, in: .nanoseconds(Int64(clamping: now - begin)))
                    forgetTask(id)
                    transact { machine, now in machine.opened(id, connection, now: now) }
                    yieldIfContended()
                } catch {
                    forgetTask(id)
                    ceiling.giveBack()
                    transact { machine, now in machine.failedToOpen(id, error, now: now) }
                }
            }
        }
    }

    private func forgetTask(_ id: UInt64) { state.withLock { _ = $0.openTasks.removeValue(forKey: id) } }

    /// One task sleeps for the whole pool, until the earliest of its times; another takes its place only when
    /// something is due still earlier, so that waiting calls make no tasks.
    private func setTimer(_ state: inout State) {
        if state.machine.phase == .drained { state.timerTask?.cancel() }
        guard let next = state.machine.nextTime else { return }
        if let time = state.timerTime, time <= next { return }
        state.timerTask?.cancel()
        state.timerTime = next
        let instant = origin.advanced(by: .nanoseconds(Int64(clamping: next)))
        state.timerTask = Task { [weak self, clock] in
            guard (try? await clock.sleep(until: instant, tolerance: nil)) != nil else { return }
            self?.timerFired(next)
        }
    }

    private func timerFired(_ time: UInt64) {
        state.withLock { if $0.timerTime == time { $0.timerTime = nil } }
        transact { machine, now in machine.timePassed(now: now) }
    }
}
