/// The calls that wait for their replies, in the order in which they were sent, with their deadlines, which are in that
/// order too. Not shared.
struct CallQueue {
    struct Entry {
        let call: RedisCall
        let deadline: ContinuousClock.Instant
    }

    private var entries: [Entry?] = []
    private var head = 0
    /// How many of the first calls were given up, and stay only because their replies are still to come.
    private var expired = 0

    var isEmpty: Bool { head == entries.count }
    var count: Int { entries.count - head }
    var first: RedisCall? { head < entries.count ? entries[head]?.call : nil }

    /// The deadline of the first call that was not given up.
    var firstDeadline: ContinuousClock.Instant? {
        head + expired < entries.count ? entries[head + expired]?.deadline : nil
    }

    mutating func append(_ entry: Entry) { entries.append(entry) }

    /// Gives up the first call whose deadline has passed; `nil` if there is none.
    mutating func expireFirst(_ now: ContinuousClock.Instant) -> RedisCall? {
        guard let deadline = firstDeadline, deadline <= now else { return nil }
        expired += 1
        return entries[head + expired - 1]?.call
    }

    mutating func removeFirst() {
        guard head < entries.count else { return }
        entries[head] = nil
        head += 1
        expired = max(0, expired - 1)
        if head == entries.count {
            entries.removeAll(keepingCapacity: entries.count < 4_096)
            head = 0
        } else if head >= 1_024, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    /// Empties the queue and returns what was in it.
    mutating func removeAll() -> [RedisCall] {
        let calls = entries.compactMap { $0?.call }
        self = CallQueue()
        return calls
    }
}
