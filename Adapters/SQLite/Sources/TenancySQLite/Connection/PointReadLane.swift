import Foundation
import Synchronization
import TenancyCore
import TenancyIO

/// Serves the point reads of one file: everything that callers ask for while one batch is being read is the next
/// batch, so that a change of threads is paid once for many reads.
///
/// Nothing but reads by a few keys passes here, so no read waits long for another. A read that meets another process's
/// lock is tried again in turn with what comes meanwhile, so that each keeps its own deadline and can be cancelled.
final class PointReadLane: Sendable {
    typealias Outcome = Result<RowBuffer?, TenancyError>

    /// The most keys of one call that are read here; longer lists are for the other readers.
    private static let maximumKeys = 64
    /// How many bytes of a call's several records are copied here, and of its several keys bound, before the call is sent
    /// to the other readers: a millisecond's work at most. A single record is read here whatever its length.
    private static let maximumBytes = 1 << 20

    /// Whether so many and so long keys are for this lane.
    static func takes(_ keys: [Value]) -> Bool {
        if keys.count == 1 { return true }
        guard keys.count <= maximumKeys else { return false }
        return keys.reduce(0) { $0 + $1.textBytes } <= maximumBytes
    }

    private struct Request {
        let plan: TablePlan
        let keys: [Value]
        let tenant: TenantID
        let operation: Operation
        let handoff: Handoff<Outcome>
        /// When it first met a lock.
        var lockedSince: ContinuousClock.Instant?
    }

    private struct State {
        var requests: [Request] = []
        var isScheduled = false
    }

    let connection: Connection
    private let state = Mutex(State())
    private let lifecycle: Lifecycle
    private let busyTimeout: Duration

    /// How long the thread sleeps before it tries again to read what is locked, in microseconds.
    private static let pauseBetweenTries: UInt32 = 1_000

    init(_ connection: Connection, _ lifecycle: Lifecycle, busyTimeout: Duration) {
        self.connection = connection
        self.lifecycle = lifecycle
        self.busyTimeout = busyTimeout
    }

    /// The records of some keys, on the caller's thread if that is the connection's, else with others' reads; `nil` if
    /// they are so long that another reader must read them.
    func read(_ plan: TablePlan, _ keys: [Value], _ context: TenantContext) async throws(TenancyError) -> RowBuffer? {
        if connection.executor.isCurrent {
            let outcome = readHere(plan, keys, context.tenant)
            // What is locked is waited for without holding the thread.
            guard case .failure(let error) = outcome, error.code == .locked else { return try outcome.get() }
        }
        let handoff = Handoff<Outcome>(.failure(Lifecycle.closed))
        let operation = Operation(deadline: context.deadline, lifecycle)
        let request = Request(
            plan: plan, keys: keys, tenant: context.tenant, operation: operation, handoff: handoff)
        let schedules = state.withLock { state in
            state.requests.append(request)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        // A thread that looks out for this read has the answer sooner than the task could be suspended and resumed.
        let comesSoon = schedules && connection.executor.executeSoon { [self] in drain([]) }
        let outcome = await withTaskCancellationHandler {
            await handoff.take(lookingOut: comesSoon)
        } onCancel: {
            operation.cancel()
        }
        do throws(TenancyError) { return try outcome.get() } catch { throw error.with { $0.tenant = context.tenant } }
    }

    private func readHere(_ plan: TablePlan, _ keys: [Value], _ tenant: TenantID) -> Outcome {
        connection.assumeIsolated { connection in
            Self.outcome { () throws(TenancyError) in try connection.read(plan, keys, tenant, atMost: Self.maximumBytes)
            }
        }
    }

    /// Serves what is pending and what met a lock before, on the connection's thread.
    private func drain(_ locked: [Request]) {
        var locked = locked
        while locked.isEmpty {
            let requests = takePending(goesOn: false)
            if requests.isEmpty { return }
            locked = connection.assumeIsolated { connection in serve(requests, connection) }
        }
        // By way of the executor, so that what else is to be done on the thread has its turn.
        connection.executor.execute { [self, locked] in
            usleep(Self.pauseBetweenTries)
            let requests = locked + takePending(goesOn: true)
            drain(connection.assumeIsolated { connection in serve(requests, connection) })
        }
    }

    /// What callers asked for since this was last called.
    ///
    /// - Parameter goesOn: Whether this is called again even if nothing is pending.
    private func takePending(goesOn: Bool) -> [Request] {
        state.withLock { state in
            if state.requests.isEmpty { state.isScheduled = goesOn }
            defer { state.requests = [] }
            return state.requests
        }
    }

    /// Answers requests.
    ///
    /// - Returns: Those that met a lock and still have time to wait for it.
    private func serve(_ requests: [Request], _ connection: isolated Connection) -> [Request] {
        // One transaction spares SQLite taking its lock for each read, and is begun after every request was made, so
        // that each sees what was committed before.
        let isShared = requests.count > 1 && (try? connection.control("BEGIN")) != nil
        defer { if isShared { connection.endReading() } }
        var locked: [Request] = []
        for request in requests {
            let outcome = connection.run(request.operation) { connection throws(TenancyError) in
                try connection.read(request.plan, request.keys, request.tenant, atMost: Self.maximumBytes)
            }
            if case .failure(let error) = outcome, error.code == .locked, let request = waiting(request) {
                locked.append(request)
            } else {
                request.handoff.deliver(outcome)
            }
        }
        return locked
    }

    /// A request that met a lock, if it still has time to wait for it.
    private func waiting(_ request: Request) -> Request? {
        let now = ContinuousClock.now
        var request = request
        let since = request.lockedSince ?? now
        request.lockedSince = since
        return now - since < busyTimeout ? request : nil
    }

    private static func outcome(_ body: () throws(TenancyError) -> RowBuffer?) -> Outcome {
        do throws(TenancyError) { return .success(try body()) } catch { return .failure(error) }
    }
}

extension Value {
    /// The length of a text.
    fileprivate var textBytes: Int {
        if case .string(let text) = self { text.utf8.count } else { 0 }
    }
}
