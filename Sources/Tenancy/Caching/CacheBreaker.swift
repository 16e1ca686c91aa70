import Logging
import Synchronization
import TenancyCore

/// Keeps reads from a cache that fails: after some failures in a row they pass it by for a while, and then one of them
/// tries it again. Writes always try, because they can't be made without it.
final class CacheBreaker: Sendable {
    private struct State {
        var failuresInRow = 0
        /// When the last of those was counted.
        var lastFailure = Int64.min
        var failures = 0
        var bypassed = 0
        /// Until when reads pass by, and since when they have been, by ``LocalTime``.
        var pausedUntil: Int64?
        var since: Int64?
    }

    private let state = Mutex(State())
    /// Whether there is anything to look at, so that a cache in order costs no lock.
    private let isTroubled = Atomic(false)
    private let maximumFailures: Int
    private let pause: Int64
    private let logger: Logger
    private let now: @Sendable () -> Int64

    init(
        maximumFailures: Int, pause: Duration, logger: Logger,
        now: @escaping @Sendable () -> Int64 = { LocalTime.now() }
    ) {
        self.maximumFailures = maximumFailures
        self.pause = LocalTime.nanoseconds(pause)
        self.logger = logger
        self.now = now
    }

    /// Since when reads have passed the cache by, and what else was counted.
    var report: (degradedFor: Duration?, failures: Int, bypassed: Int) {
        let now = now()
        return state.withLock { state in
            (state.since.map { .nanoseconds(now - $0) }, state.failures, state.bypassed)
        }
    }

    /// What time it is, by ``LocalTime``.
    var moment: Int64 { now() }

    /// Whether a read may ask the cache now.
    func admits() -> Bool {
        guard isTroubled.load(ordering: .relaxed) else { return true }
        let now = now()
        return state.withLock { state in
            guard let pausedUntil = state.pausedUntil else { return true }
            if now >= pausedUntil {
                // This one tries. If it never tells what came of that, another tries after as long again.
                state.pausedUntil = now + pause
                return true
            }
            state.bypassed += 1
            return false
        }
    }

    func succeeded() {
        guard isTroubled.load(ordering: .relaxed) else { return }
        let wasPaused = state.withLock { state in
            defer {
                state.failuresInRow = 0
                state.pausedUntil = nil
                state.since = nil
                isTroubled.store(false, ordering: .relaxed)
            }
            return state.pausedUntil != nil
        }
        if wasPaused { logger.notice("The cache answers again.") }
    }

    /// - Parameter began: ``moment`` of when the call began. Calls that were under way together fail together, such as when
    ///   the connection is cut that they share, and count once.
    func failed(_ error: TenancyError, since began: Int64) {
        // Says something of the caller, and nothing of the cache.
        if error.code == .cancelled { return }
        let now = now()
        let begins = state.withLock { state in
            isTroubled.store(true, ordering: .relaxed)
            state.failures += 1
            guard began >= state.lastFailure else { return false }
            state.lastFailure = now
            state.failuresInRow += 1
            guard state.failuresInRow >= maximumFailures else { return false }
            defer { state.pausedUntil = now + pause }
            if state.since == nil { state.since = now }
            return state.pausedUntil == nil
        }
        if begins {
            logger.warning(
                "The cache fails; reads go to the database.",
                metadata: ["error": "\(error)", "failures": "\(maximumFailures)"])
        }
    }
}
