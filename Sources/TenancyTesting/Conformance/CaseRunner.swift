/// Runs the cases of a suite, of whatever it examines, and tells how each ended.
struct CaseRunner: Sendable {
    /// What one case runs on.
    struct Stage: Sendable {
        /// What the case needs and its subject declares not to have; it is not run then.
        var missingCapability: String?
        let body: @Sendable () async throws -> Void
        let close: @Sendable () async -> Void
    }

    /// What is examined, for reports.
    let subject: String
    /// What is made for each case, in words: `database`.
    let kind: String
    /// How long a case may take before it counts as failed.
    let timeLimit: Duration

    /// Runs cases one after another, because some measure time.
    func run<Case: Sendable>(
        _ cases: [Case], stopsAtFirstFailure: Bool = false, _ runOne: (Case) async -> ConformanceResult
    ) async -> ConformanceReport {
        var results: [ConformanceResult] = []
        for testCase in cases {
            let result = await runOne(testCase)
            results.append(result)
            if stopsAtFirstFailure, !result.failures.isEmpty { break }
        }
        return ConformanceReport(subject: subject, results: results)
    }

    /// Runs one case.
    ///
    /// - Parameter makeStage: Makes what the case runs on. Its failures belong into the log.
    func run(
        _ group: String, _ name: String, on makeStage: @escaping @Sendable (FailureLog) async throws -> Stage
    ) async -> ConformanceResult {
        let log = FailureLog()
        let outcome = CaseOutcome()
        let kind = kind
        let hasEnded = await TimeLimit.run(timeLimit) {
            do {
                let stage = try await makeStage(log)
                if let missing = stage.missingCapability {
                    outcome.missing(missing)
                } else {
                    let start = ContinuousClock.now
                    do {
                        try await stage.body()
                    } catch is CaseAborted {
                        if log.all.isEmpty { log.add("the case was given up for no stated reason", #fileID, #line) }
                    } catch {
                        log.add("the case ended with \(error)", #fileID, #line)
                    }
                    outcome.took(ContinuousClock.now - start)
                }
                await stage.close()
            } catch {
                log.add("the \(kind) could not be made: \(error)", #fileID, #line)
            }
        }
        if !hasEnded { log.add("the case did not end within \(timeLimit)", #fileID, #line) }
        return outcome.result(group, name, log)
    }
}

extension ConformanceResult {
    /// Throws if the case failed.
    ///
    /// - Parameter requiresSupport: Whether a case that was not run, for a capability that is missing, has failed.
    /// - Throws: ``ConformanceFailure``.
    func requireSuccess(requiresSupport: Bool = false) throws {
        let isMissed = requiresSupport && missingCapability != nil
        if isMissed || !failures.isEmpty { throw ConformanceFailure(result: self) }
    }
}
