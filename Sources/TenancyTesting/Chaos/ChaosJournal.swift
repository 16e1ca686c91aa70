import Synchronization
import TenancyCore

/// What all tenants of a run have seen so far.
final class ChaosJournal: Sendable {
    private struct State {
        var report = ChaosReport()
        var endedWorkers = 0
    }

    private let state = Mutex(State())

    var operations: Int { state.withLock { $0.report.operations } }
    var endedWorkers: Int { state.withLock { $0.endedWorkers } }

    func disturbed() { state.withLock { $0.report.disturbances += 1 } }

    func workerEnded() { state.withLock { $0.endedWorkers += 1 } }

    func ended(_ code: TenancyError.Code?, overrun: Duration) {
        state.withLock { state in
            state.report.operations += 1
            if let code { state.report.failures[code, default: 0] += 1 }
            state.report.longestOverrun = max(state.report.longestOverrun, overrun)
        }
    }

    func unansweredWrite(isLate: Bool) {
        state.withLock { state in
            state.report.unansweredWrites += 1
            if isLate { state.report.lateWrites += 1 }
        }
    }

    func violation(_ text: String) {
        state.withLock { state in
            if state.report.violations.count < 100 { state.report.violations.append(text) }
        }
    }

    func report(elapsed: Duration) -> ChaosReport {
        state.withLock { state in
            state.report.elapsed = elapsed
            return state.report
        }
    }
}
