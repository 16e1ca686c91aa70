import Synchronization

/// What is known of a case after its end beside its failures.
final class CaseOutcome: Sendable {
    private let state = Mutex<(duration: Duration, missing: String?)>((.zero, nil))

    func took(_ duration: Duration) { state.withLock { $0.duration = duration } }

    func missing(_ capability: String) { state.withLock { $0.missing = capability } }

    func result(_ group: String, _ name: String, _ log: FailureLog) -> ConformanceResult {
        state.withLock { state in
            ConformanceResult(
                group: group, name: name, failures: log.all, missingCapability: state.missing,
                duration: state.duration)
        }
    }
}

/// Collects the cases of a suite. A list that is added to by statements compiles in a tenth of the time that a literal
/// of closures takes.
struct CaseList {
    private(set) var cases: [DatabaseConformance.Case] = []
    private var group = ""

    mutating func begin(_ group: String) { self.group = group }

    mutating func add(
        _ name: String, needs: DatabaseConformance.Need...,
        body: @escaping @Sendable (DatabaseCaseContext) async throws -> Void
    ) {
        cases.append(DatabaseConformance.Case(group: group, name: name, needs: needs, body: body))
    }
}
