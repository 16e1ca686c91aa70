import Synchronization
import TenancyCore
import TenancyIO

/// Serves the point reads of one file: everything that callers ask for while one batch is being read is the next
/// batch, so that a change of threads is paid once for many reads.
///
/// Nothing but reads by a few keys passes here, so no read waits long for another.
final class PointReadLane: Sendable {
    typealias Outcome = Result<RowBuffer, TenancyError>

    /// The most keys of one call that are read here; longer lists are for the other readers.
    static let maximumKeys = 64

    private struct Request {
        let plan: TablePlan
        let keys: [Value]
        let context: TenantContext
        let handoff: Handoff<Outcome>
    }

    private struct State {
        var requests: [Request] = []
        var isScheduled = false
    }

    let connection: Connection
    private let state = Mutex(State())
    private let lifecycle: Lifecycle

    init(_ connection: Connection, _ lifecycle: Lifecycle) {
        self.connection = connection
        self.lifecycle = lifecycle
    }

    /// The records of some keys, on the caller's thread if that is the connection's, else with others' reads.
    func read(_ plan: TablePlan, _ keys: [Value], _ context: TenantContext) async throws(TenancyError) -> RowBuffer {
        if connection.executor.isCurrent { return try readHere(plan, keys, context.tenant).get() }
        let handoff = Handoff<Outcome>(.failure(Lifecycle.closed))
        let request = Request(plan: plan, keys: keys, context: context, handoff: handoff)
        let schedules = state.withLock { state in
            state.requests.append(request)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        // A thread that looks out for this read has the answer sooner than the task could be suspended and resumed.
        let comesSoon = schedules && connection.executor.executeSoon { [self] in drain() }
        return try await handoff.take(lookingOut: comesSoon).get()
    }

    private func readHere(_ plan: TablePlan, _ keys: [Value], _ tenant: TenantID) -> Outcome {
        connection.assumeIsolated { connection in
            Self.outcome { () throws(TenancyError) in try connection.read(plan, keys, tenant) }
        }
    }

    /// Serves what is pending, on the connection's thread.
    private func drain() {
        while true {
            let requests = state.withLock { state in
                if state.requests.isEmpty { state.isScheduled = false }
                defer { state.requests = [] }
                return state.requests
            }
            if requests.isEmpty { return }
            connection.assumeIsolated { connection in serve(requests, connection) }
        }
    }

    private func serve(_ requests: [Request], _ connection: isolated Connection) {
        // One transaction spares SQLite taking its lock for each read, and is begun after every request was made, so
        // that each sees what was committed before.
        let isShared = requests.count > 1 && (try? connection.control("BEGIN")) != nil
        defer { if isShared { connection.endReading() } }
        for request in requests {
            let outcome = Self.outcome { () throws(TenancyError) in
                if lifecycle.isAborting { throw Lifecycle.closed }
                if let deadline = request.context.deadline, deadline <= ContinuousClock.now {
                    throw TenancyError(.timeout, "The call's deadline has passed.")
                }
                return try connection.read(request.plan, request.keys, request.context.tenant)
            }
            request.handoff.deliver(outcome)
        }
    }

    private static func outcome(_ body: () throws(TenancyError) -> RowBuffer) -> Outcome {
        do throws(TenancyError) { return .success(try body()) } catch { return .failure(error) }
    }
}
