extension Reactor {
    /// The body of the thread.
    func run() {
        becomeCurrent()
        let executor = taskExecutor
        let tasks = executor.asUnownedTaskExecutor()
        repeat {
            while !lifetime.isStopping || loop.hasWork || inbox.mayHaveWork { turn(tasks) }
            loop.stopSources()
            timers.close()
            fireTimers(now: .max)
        } while loop.hasWork || !inbox.close(whenClosed: resignCurrent)
        published.publish(loop.counts)
        withExtendedLifetime(executor) { endTaskExecutor() }
    }

    /// The body of a thread that runs what was given after the end.
    func runLate() {
        becomeCurrent()
        withExtendedLifetime(taskExecutor) { executor in
            let (actors, tasks) = (asUnownedSerialExecutor(), executor.asUnownedTaskExecutor())
            repeat {
                takeInbox()
                while let work = loop.queue.popFirst() { work.run(actors, tasks) }
                loop.endTurn()
            } while loop.hasWork || !inbox.close(whenClosed: resignCurrent)
        }
    }

    private func turn(_ tasks: UnownedTaskExecutor) {
        if loop.hasWork || inbox.mayHaveWork || lifetime.isStopping || loop.looksOut() || !inbox.prepareToSleep() {
            loop.poll(poller, timeout: 0)
        } else {
            // Only now that it is known to sleep: whoever sets an earlier timer or stops it from here on wakes it.
            let timeout = lifetime.isStopping ? 0 : timers.timeUntilFirst()
            loop.sleep(poller, timeout: min(timeout, Self.longestSleep))
            takeInbox()
        }
        if timers.hasTimers { fireTimers(now: ReactorTime.now, limit: configuration.maximumTimersPerTurn) }
        runJobs(tasks)
        loop.endTurn()
        published.publish(loop.counts)
    }

    /// In nanoseconds. A timer that is due later needs not wake the reactor: it will have looked by then. So the deadline
    /// of a call, which hardly ever comes, costs no second wake-up beside that of the call itself.
    static var longestSleep: Int64 { 1_000_000_000 }

    private func fireTimers(now: UInt64, limit: Int = .max) {
        var left = limit
        while left > 0, let action = timers.popDue(now) {
            loop.counts.timersFired += 1
            loop.begin()
            action()
            left -= 1
        }
    }

    /// Jobs that arrive while others run still belong to this turn, as far as the bound allows: what they write is
    /// sent together.
    private func runJobs(_ tasks: UnownedTaskExecutor) {
        let actors = asUnownedSerialExecutor()
        var left = configuration.maximumJobsPerTurn
        while true {
            while left > 0, let work = loop.queue.popFirst() {
                left -= 1
                loop.begin()
                work.run(actors, tasks)
            }
            if left == 0 || !inbox.mayHaveWork { break }
            takeInbox()
        }
        loop.counts.jobs += configuration.maximumJobsPerTurn - left
    }
}
