/// What the events of a run say.
package struct Verdict: Sendable {
    /// Reads and acknowledged writes. A read of several records is a read of each.
    package internal(set) var operations = 0
    package internal(set) var strongReads = 0
    package internal(set) var relaxedReads = 0
    package internal(set) var writes = 0
    /// Calls that were refused or failed. They are no operations.
    package internal(set) var failures = 0
    /// Look-ups that the cache answered, and those that processes' own copies did: as far as they were told of, which a
    /// process that is killed does not do in the end.
    package internal(set) var cacheHits = 0
    package internal(set) var localHits = 0
    /// Strong reads that returned what was overwritten before they began.
    package internal(set) var stale = 0
    /// Reads that returned another tenant's record.
    package internal(set) var foreign = 0
    /// Relaxed reads that returned what was overwritten longer ago than they allow.
    package internal(set) var beyondBound = 0
    /// Relaxed reads that returned what was overwritten before they began.
    package internal(set) var relaxedStale = 0
    /// By how long, in nanoseconds, before each relaxed read began the version was overwritten that it returned; 0 if
    /// it was not.
    var staleness = Distribution()
    /// The first violations, for people.
    package internal(set) var examples: [String] = []

    /// The microseconds at or below which a part of all relaxed reads lie.
    package func relaxedStaleness(_ part: Double) -> Double { Double(staleness.percentile(part)) / 1_000 }

    /// Whether every promise was kept.
    package var isClean: Bool { stale == 0 && foreign == 0 && beyondBound == 0 }

    /// Judges the events of some files.
    ///
    /// - Parameter bound: How old what a relaxed read returns may be, in nanoseconds.
    static func of(_ paths: [String], bound: Int64) throws -> Verdict {
        var history = History()
        for path in paths { try EventLog.read(path) { history.add($0) } }
        history.seal()
        var verdict = Verdict()
        for path in paths { try EventLog.read(path) { verdict.judge($0, history, bound) } }
        return verdict
    }

    mutating func judge(_ event: Event, _ history: History, _ bound: Int64) {
        switch event.kind {
        case .strongRead, .databaseRead:
            operations += 1
            strongReads += 1
            if let staleness = history.staleness(of: event) {
                stale += 1
                note("a strong read", event, staleness)
            }
        case .relaxedRead:
            operations += 1
            relaxedReads += 1
            let staleness = history.staleness(of: event)
            self.staleness.add(staleness ?? 0)
            if staleness != nil { relaxedStale += 1 }
            if let staleness, staleness > bound {
                beyondBound += 1
                note("a relaxed read", event, staleness)
            }
        case .write:
            operations += 1
            writes += 1
        case .failure: failures += 1
        case .foreign:
            foreign += 1
            note("a read of another tenant's record", event, 0)
        case .cacheHits: cacheHits += Int(event.version)
        case .localHits: localHits += Int(event.version)
        case .deletionBegun: break
        }
    }

    private mutating func note(_ what: String, _ event: Event, _ staleness: Int64) {
        guard examples.count < 10 else { return }
        examples.append(
            "\(what) of \(event.key.id) of tenant \(event.key.tenant) at \(event.interval.lowerBound) ns returned version "
                + "\(event.version), which was overwritten \(staleness / 1_000) µs before")
    }
}

/// Why a check can't be made.
package struct CheckError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
