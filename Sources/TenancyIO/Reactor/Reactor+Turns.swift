extension Reactor {
    /// The body of the thread.
    func run() {
        becomeCurrent()
        repeat {
            while !lifetime.isStopping || loop.hasWork || inbox.mayHaveWork { turn() }
            loop.stopSources()
            timers.close()
            fireTimers(now: .max)
        } while loop.hasWork || !inbox.close(whenClosed: resignCurrent)
        published.publish(loop.counts)
    }

    /// The body of a thread that runs what was given after the end.
    func runLate() {
        becomeCurrent()
        repeat {
            takeInbox()
            while let work = loop.queue.popFirst() { work.run(on: self) }
            loop.endTurn()
        } while loop.hasWork || !inbox.close(whenClosed: resignCurrent)
    }

    private func turn() {
        if loop.hasWork || inbox.mayHaveWork || lifetime.isStopping || !inbox.prepareToSleep() {
            loop.poll(poller, timeout: 0)
        } else {
            // Only now that it is known to sleep: whoever sets an earlier timer or stops it from here on wakes it.
            let timeout = lifetime.isStopping ? 0 : timers.timeUntilFirst()
            loop.counts.sleeps += 1
            loop.poll(poller, timeout: timeout)
            takeInbox()
        }
        if timers.hasTimers { fireTimers(now: ReactorTime.now, limit: configuration.maximumTimersPerTurn) }
        runJobs()
        loop.endTurn()
        published.publish(loop.counts)
    }

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
    private func runJobs() {
        var left = configuration.maximumJobsPerTurn
        while true {
            while left > 0, let work = loop.queue.popFirst() {
                left -= 1
                loop.begin()
                work.run(on: self)
            }
            if left == 0 || !inbox.mayHaveWork { break }
            takeInbox()
        }
        loop.counts.jobs += configuration.maximumJobsPerTurn - left
    }
}
