import Foundation
internal import GRDBSQLite
import TenancyCore

/// What SQLite's callbacks look at while a statement runs: for whom it runs, and how long it may wait for locks.
///
/// Used on the connection's thread only, also by the callbacks, which SQLite calls from the function that runs the
/// statement.
final class CallbackState {
    private var operation: Operation?
    private var busyTimeout: Duration
    private var waitingSince: ContinuousClock.Instant?

    /// How many of SQLite's steps pass between two looks at the operation: a few microseconds.
    private static let stepsBetweenLooks: Int32 = 2_000

    init(busyTimeout: Duration) { self.busyTimeout = busyTimeout }

    func begin(_ operation: Operation) { self.operation = operation }

    func end() { operation = nil }

    /// From now on a statement that meets a lock fails at once: whoever runs it tries again, without holding the thread,
    /// on which others' work waits whose deadlines may be sooner.
    func stopWaiting() { busyTimeout = .zero }

    /// Makes SQLite ask. The state must outlive the connection.
    func install(on handle: OpaquePointer) {
        let own = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_progress_handler(
            handle, Self.stepsBetweenLooks,
            { own in
                guard let own else { return 0 }
                return Unmanaged<CallbackState>.fromOpaque(own).takeUnretainedValue().stops ? 1 : 0
            }, own)
        sqlite3_busy_handler(
            handle,
            { own, attempts in
                guard let own else { return 0 }
                return Unmanaged<CallbackState>.fromOpaque(own).takeUnretainedValue().waits(attempts) ? 1 : 0
            }, own)
    }

    private var stops: Bool { operation?.reasonToStop != nil }

    /// Sleeps a little before the next attempt at a lock, unless there is no time left. The thread is the
    /// connection's own, so that nobody else waits.
    private func waits(_ attempts: Int32) -> Bool {
        if stops { return false }
        let now = ContinuousClock.now
        if attempts == 0 { waitingSince = now }
        guard let waitingSince, now - waitingSince < busyTimeout else { return false }
        usleep(attempts < 5 ? 500 : 2_000)
        return true
    }
}
