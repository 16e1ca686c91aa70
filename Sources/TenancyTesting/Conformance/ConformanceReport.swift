/// How one case of a conformance suite ended.
public struct ConformanceResult: Sendable, CustomStringConvertible {
    /// The group that the case belongs to.
    public let group: String
    /// What the case states.
    public let name: String
    /// What went wrong, in the order in which it did; empty if nothing.
    public let failures: [String]
    /// The capability that the case needs and the adapter declares not to have; `nil` if the case was run.
    public let missingCapability: String?
    /// How long the case took, without making and closing what it was run on.
    public let duration: Duration

    /// Whether the case was run and nothing went wrong.
    public var hasPassed: Bool { failures.isEmpty && missingCapability == nil }

    /// The case and how it ended, with everything that went wrong.
    public var description: String {
        let head = "\(group): \(name)"
        if let missingCapability { return "unsupported (\(missingCapability)) \(head)" }
        if failures.isEmpty { return "passed \(head)" }
        return "FAILED \(head)\n" + failures.map { "    " + $0 }.joined(separator: "\n")
    }
}

/// How the cases of a conformance suite ended.
public struct ConformanceReport: Sendable, CustomStringConvertible {
    /// What was examined.
    public let subject: String
    /// One result for each case.
    public let results: [ConformanceResult]

    /// The cases that were run and in which something went wrong.
    public var failed: [ConformanceResult] { results.filter { !$0.failures.isEmpty } }
    /// The cases that were not run because the adapter declares that it can't do what they are about.
    public var unsupported: [ConformanceResult] { results.filter { $0.missingCapability != nil } }
    /// Whether nothing went wrong in what was run; what was not is ``unsupported``.
    public var hasPassed: Bool { failed.isEmpty }
    /// Whether every case was run and nothing went wrong: what an adapter with every capability owes.
    public var isComplete: Bool { hasPassed && unsupported.isEmpty }

    /// A line of counts for each group, then every failure.
    public var description: String {
        var groups: [String] = []
        for result in results where !groups.contains(result.group) { groups.append(result.group) }
        var lines = [
            "\(subject): \(results.filter(\.hasPassed).count) passed, \(failed.count) failed, "
                + "\(unsupported.count) unsupported"
        ]
        for group in groups {
            let ofGroup = results.filter { $0.group == group }
            let time = ofGroup.reduce(Duration.zero) { $0 + $1.duration }
            let missed = ofGroup.filter { $0.missingCapability != nil }.count
            let ending = missed == 0 ? "" : ", \(missed) unsupported"
            lines.append(
                "  \(group): \(ofGroup.filter(\.hasPassed).count) of \(ofGroup.count) passed in \(time)\(ending)")
        }
        lines += (failed + unsupported).map(\.description)
        return lines.joined(separator: "\n")
    }
}

/// Thrown by the `check` methods of suites for a case that failed, with everything that went wrong.
public struct ConformanceFailure: Error, CustomStringConvertible {
    /// How the case ended.
    public let result: ConformanceResult

    /// The case and everything that went wrong.
    public var description: String { result.description }
}
