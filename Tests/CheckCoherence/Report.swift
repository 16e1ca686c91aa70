import Coherence
import Foundation

/// What is told in the end.
struct Report {
    private let outcome: Check.Outcome

    init(_ outcome: Check.Outcome) { self.outcome = outcome }

    func print(isJSON: Bool) {
        for example in outcome.verdict.examples { Swift.print("violation: \(example)") }
        if isJSON {
            Swift.print("{" + figures.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}")
        } else {
            for (name, value) in figures {
                let text = name.replacing("_", with: " ")
                Swift.print("\(text)\(String(repeating: " ", count: max(1, 44 - text.count)))\(value)")
            }
        }
    }

    private var figures: [(String, String)] {
        let verdict = outcome.verdict
        return [
            ("operations", "\(verdict.operations)"), ("strong_reads", "\(verdict.strongReads)"),
            ("relaxed_reads", "\(verdict.relaxedReads)"), ("writes", "\(verdict.writes)"),
            ("failures", "\(verdict.failures)"),
            ("cache_hits", "\(verdict.cacheHits)"), ("local_hits", "\(verdict.localHits)"),
            ("stale", "\(verdict.stale)"), ("foreign", "\(verdict.foreign)"),
            ("relaxed_beyond_bound", "\(verdict.beyondBound)"), ("relaxed_stale", "\(verdict.relaxedStale)"),
            ("relaxed_staleness_p50_microseconds", microseconds(verdict.relaxedStaleness(0.5))),
            ("relaxed_staleness_p99_microseconds", microseconds(verdict.relaxedStaleness(0.99))),
            ("relaxed_staleness_p999_microseconds", microseconds(verdict.relaxedStaleness(0.999))),
            ("relaxed_staleness_maximum_microseconds", microseconds(verdict.relaxedStaleness(1))),
            ("writers_killed_before_invalidation", "\(outcome.writersKilled)"),
            ("processes_killed", "\(outcome.processesKilled)"), ("redis_restarts", "\(outcome.redisRestarts)"),
            ("connection_cuts", "\(outcome.cuts)"),
            ("seconds", String(format: "%.1f", outcome.duration / .seconds(1))),
        ]
    }

    private func microseconds(_ value: Double) -> String { String(format: "%.1f", value) }
}
