import TenancyCore

/// All that is decided about where a read goes: observations and the time go in, a replica or the primary comes out. It
/// asks no clock and no server, so that every order of events can be tried.
///
/// How fresh a replica is follows from positions in the log alone, not from the servers' clocks: whatever was
/// acknowledged before the primary was asked for its position lies before that position, so a replica that has replayed
/// up to it lacks nothing that is older than the question. A primary that has nothing to do has the same position at
/// each question, and its replicas are as fresh as the last one.
///
/// For the same reason a write needs no position of its own: a tenant's reads stay on the primary until a replica has
/// reached a position that was asked for after the write was acknowledged. That costs writes nothing.
///
/// Positions can be compared on one timeline only. When the primary's is another one than before, all that was known is
/// void, and a replica counts again when it is seen on that timeline.
///
/// Times are nanoseconds of any clock that doesn't go back.
struct ReplicaRouter: Sendable {
    /// Where a read goes, and what must be there.
    struct Route: Sendable, Hashable {
        /// The replica's position in the configuration.
        let replica: Int
        /// How far the replica must have replayed the log.
        let position: UInt64
    }

    fileprivate struct Mark {
        let time: UInt64
        let position: UInt64
    }

    private struct Replica {
        /// Whether it answers and was found to be what it should be.
        var isUp = false
        /// What was acknowledged before this time is there.
        var freshUntil: UInt64 = 0
    }

    private let maximumLag: UInt64
    private let maximumTenants: Int
    private var replicas: [Replica]
    /// The primary's positions by the times at which they were asked for, both ascending.
    private var marks: [Mark] = []
    /// The timeline that all positions are of; 0 before the first.
    private var timeline: UInt32 = 0
    private var lastWrites: [TenantID: UInt64] = [:]
    /// Of tenants that are not remembered: before this time anything may have been written.
    private var floor: UInt64
    private let start: UInt64
    private var next = 0

    private static let maximumMarks = 256

    /// - Parameters:
    ///   - maximumLag: The most that any read may ask for.
    ///   - maximumTenants: How many tenants' last writes are remembered, at least 2. Beyond that they are taken for
    ///     written to when the last of them was, which sends reads to the primary for a while and never to a replica
    ///     that is behind.
    ///   - start: Replicas that lack what is older are not used: tables and policies have been made until then.
    init(replicas: Int, maximumLag: UInt64, maximumTenants: Int = 16_384, start: UInt64) {
        self.replicas = Array(repeating: Replica(), count: replicas)
        self.maximumLag = maximumLag
        self.maximumTenants = max(2, maximumTenants)
        floor = start
        self.start = start
    }

    /// How many tenants' writes are remembered.
    var tenantCount: Int { lastWrites.count }

    /// Whether a replica may be read from.
    func isUp(_ replica: Int) -> Bool { replicas[replica].isUp }

    /// Whether a replica has what was there at the start, so that it can be looked at.
    func hasStart(_ replica: Int) -> Bool { replicas[replica].freshUntil > start }

    /// Where the primary's log ends.
    ///
    /// - Parameter time: Before the primary was asked.
    mutating func primaryObserved(_ position: UInt64, on timeline: UInt32, askedAt time: UInt64) {
        if let last = marks.last {
            if time <= last.time { return }
            // The log of another primary: what replicas were compared with is void.
            if timeline != self.timeline || position < last.position { forgetPositions() }
        }
        self.timeline = timeline
        marks.append(Mark(time: time, position: position))
        if marks.count > Self.maximumMarks { thinOut() }
    }

    /// How far a replica has replayed the log.
    ///
    /// - Parameter timeline: The last that it is known to have followed.
    mutating func replicaObserved(_ replica: Int, replayed position: UInt64, on timeline: UInt32) {
        guard timeline == self.timeline, let mark = marks.last(upTo: position) else {
            replicas[replica].freshUntil = 0
            return
        }
        replicas[replica].freshUntil = mark.time
    }

    /// A replica was found to be what it should be.
    mutating func replicaAdmitted(_ replica: Int) { replicas[replica].isUp = true }

    /// A replica does not answer, or is not what it should be. It may come back as another one.
    mutating func replicaLost(_ replica: Int) { replicas[replica] = Replica() }

    /// A write of a tenant was acknowledged.
    mutating func wrote(_ tenant: TenantID, at time: UInt64) {
        if lastWrites[tenant] == nil, lastWrites.count >= maximumTenants { forgetTenants() }
        lastWrites[tenant] = max(time, lastWrites[tenant] ?? 0)
    }

    /// The replica for a tenant's read; `nil` for the primary.
    mutating func route(_ tenant: TenantID, _ consistency: ReadConsistency, now: UInt64) -> Route? {
        guard let staleness = consistency.maximumStaleness else { return nil }
        let (seconds, attoseconds) = staleness.components
        let (nanoseconds, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let bound = overflow ? maximumLag : min(maximumLag, nanoseconds &+ UInt64(attoseconds / 1_000_000_000))
        let oldest = now - min(now, bound)
        let written = max(floor, lastWrites[tenant] ?? 0)
        // The first position that is new enough: the least that a replica must have reached.
        guard let mark = marks.first(from: max(oldest, written &+ 1)) else { return nil }
        for offset in replicas.indices {
            let candidate = (next + offset) % replicas.count
            let replica = replicas[candidate]
            guard replica.isUp, replica.freshUntil >= mark.time else { continue }
            next = candidate + 1
            return Route(replica: candidate, position: mark.position)
        }
        return nil
    }

    private mutating func forgetPositions() {
        marks = []
        for index in replicas.indices { replicas[index].freshUntil = 0 }
    }

    /// Leaves every second mark out but the last ones: for replicas that are far behind, coarse ones will do.
    private mutating func thinOut() {
        let half = marks.count / 2
        marks = marks[..<half].enumerated().filter { $0.offset % 2 == 0 }.map(\.element) + marks[half...]
    }

    /// Forgets tenants whose writes all replicas have, or else all of them.
    private mutating func forgetTenants() {
        let reached = replicas.filter(\.isUp).map(\.freshUntil).min() ?? 0
        var kept = lastWrites.filter { $0.value >= reached }
        // Making room for a few only would have this done again and again.
        if kept.count > maximumTenants / 2 { kept = [:] }
        let forgotten = kept.isEmpty ? lastWrites.values.max() : lastWrites.values.filter { $0 < reached }.max()
        floor = max(floor, forgotten ?? 0)
        lastWrites = kept
    }
}

extension [ReplicaRouter.Mark] {
    /// The last whose position was reached.
    fileprivate func last(upTo position: UInt64) -> Element? {
        let count = partition { $0.position <= position }
        return count > 0 ? self[count - 1] : nil
    }

    /// The first that was asked for at a time or later.
    fileprivate func first(from time: UInt64) -> Element? {
        let count = partition { $0.time < time }
        return count < self.count ? self[count] : nil
    }

    /// How many come first of which `isBefore` is true; it is true of none after one of which it is not.
    private func partition(_ isBefore: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
