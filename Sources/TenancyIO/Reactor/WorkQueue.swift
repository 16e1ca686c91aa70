/// First in, first out, in a ring that grows: what a reactor's thread has still to run. Not shared.
struct WorkQueue {
    private var ring: [QueuedWork?]
    private var head = 0
    private(set) var count = 0

    init() { ring = Array(repeating: nil, count: 256) }

    var isEmpty: Bool { count == 0 }

    mutating func append(_ work: QueuedWork) {
        if count == ring.count { grow() }
        ring[(head &+ count) & (ring.count &- 1)] = work
        count &+= 1
    }

    mutating func append(contentsOf batch: [QueuedWork]) {
        for work in batch { append(work) }
    }

    mutating func popFirst() -> QueuedWork? {
        guard count > 0 else { return nil }
        let work = ring[head]
        head = (head &+ 1) & (ring.count &- 1)
        count &-= 1
        return work
    }

    /// Keeps the size a power of two, which makes the position a mask.
    private mutating func grow() {
        var larger: [QueuedWork?] = []
        larger.reserveCapacity(ring.count * 2)
        for offset in 0..<count { larger.append(ring[(head &+ offset) & (ring.count &- 1)]) }
        larger.append(contentsOf: repeatElement(nil, count: ring.count * 2 - count))
        ring = larger
        head = 0
    }
}
