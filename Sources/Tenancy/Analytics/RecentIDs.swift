import Foundation

/// The ids seen last, a bounded number of them.
struct RecentIDs {
    private let capacity: Int
    private var ids: Set<UUID> = []
    private var order: [UUID] = []
    private var next = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    func contains(_ id: UUID) -> Bool { ids.contains(id) }

    /// Remembers an id, in place of the oldest if there are too many.
    ///
    /// - Returns: Whether it was not known.
    @discardableResult
    mutating func insert(_ id: UUID) -> Bool {
        guard ids.insert(id).inserted else { return false }
        if order.count < capacity {
            order.append(id)
        } else {
            ids.remove(order[next])
            order[next] = id
            next = (next + 1) % capacity
        }
        return true
    }
}
