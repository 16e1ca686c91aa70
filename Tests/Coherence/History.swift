/// What was acknowledged or seen in the database, when: by which a read is judged.
///
/// A record is absent, then created, changed any number of times, and deleted for good. So its versions only grow, and
/// the newest that was known before a read began is the least that the read may return.
struct History {
    private struct Knowledge {
        let time: Int64
        /// The newest version that was known by then.
        var version: Int64
    }

    private var knowledge: [RecordKey: [Knowledge]] = [:]
    /// When the first deletion of a record was asked for, whatever became of it.
    private var deletions: [RecordKey: Int64] = [:]

    /// Takes note of an event. Reads through the cache are none of its concern.
    mutating func add(_ event: Event) {
        switch event.kind {
        case .write, .databaseRead:
            // That something is absent may be so before it is created as well as after its deletion.
            guard event.version != Event.absent else { break }
            knowledge[event.key, default: []].append(
                Knowledge(time: event.interval.upperBound, version: event.version))
        case .deletionBegun:
            deletions[event.key] = min(deletions[event.key] ?? .max, event.interval.lowerBound)
        default: break
        }
    }

    /// To be called when all events were added, and before the first question.
    mutating func seal() {
        for key in knowledge.keys {
            knowledge[key]?.sort { $0.time < $1.time }
            var newest = Event.absent
            for place in knowledge[key, default: []].indices {
                newest = max(newest, knowledge[key]?[place].version ?? newest)
                knowledge[key]?[place].version = newest
            }
        }
    }

    /// How long before a read began a newer version than the one that it returned was known, in nanoseconds;
    /// `nil` if none was.
    func staleness(of read: Event) -> Int64? {
        let known = knowledge[read.key] ?? []
        var version = read.version
        // What is absent is either not there yet, or no more. The second is possible once somebody has asked for it.
        if version == Event.absent, let deletion = deletions[read.key], deletion <= read.interval.upperBound {
            version = Event.deleted
        }
        // The first that is newer: versions grow with the place.
        var (low, high) = (0, known.count)
        while low < high {
            let middle = (low + high) / 2
            if known[middle].version > version { high = middle } else { low = middle + 1 }
        }
        guard low < known.count else { return nil }
        // The same moment is no order.
        let staleness = read.interval.lowerBound - known[low].time
        return staleness > 0 ? staleness : nil
    }
}
