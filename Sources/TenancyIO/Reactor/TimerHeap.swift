/// Deadlines in a binary heap, each of which knows its place, so that a timer that is cancelled is gone at once: no
/// entry, closure or memory stays behind until its time would have come.
struct TimerHeap<Action> {
    /// Names a timer. Stays unique when the slot is used again.
    struct Token: Hashable, Sendable {
        fileprivate let slot: UInt32
        fileprivate let generation: UInt32
    }

    private struct Entry {
        let deadline: UInt64
        /// Puts timers of one deadline in the order in which they were added.
        let sequence: UInt64
        let slot: UInt32

        func isBefore(_ other: Entry) -> Bool {
            deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence
        }
    }

    private struct Slot {
        var generation: UInt32 = 0
        var position: Int = -1
        var action: Action?
    }

    private var entries: [Entry] = []
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var nextSequence: UInt64 = 0

    var count: Int { entries.count }

    /// How many timers the memory that is held now would suffice for.
    var slotCount: Int { slots.count }

    /// The earliest deadline.
    var first: UInt64? { entries.first?.deadline }

    mutating func add(at deadline: UInt64, _ action: Action) -> Token {
        let slot: UInt32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(slot)].action = action
        nextSequence &+= 1
        entries.append(Entry(deadline: deadline, sequence: nextSequence, slot: slot))
        slots[Int(slot)].position = entries.count - 1
        siftUp(entries.count - 1)
        return Token(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// Removes a timer and returns its action; `nil` if it is no longer there.
    mutating func remove(_ token: Token) -> Action? {
        guard Int(token.slot) < slots.count, slots[Int(token.slot)].generation == token.generation else { return nil }
        let position = slots[Int(token.slot)].position
        guard position >= 0 else { return nil }
        return remove(position: position)
    }

    /// Removes and returns the earliest timer if its deadline is not after `now`.
    mutating func popDue(_ now: UInt64) -> Action? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        return remove(position: 0)
    }

    private mutating func remove(position: Int) -> Action? {
        let slot = Int(entries[position].slot)
        let last = entries.removeLast()
        if position < entries.count {
            entries[position] = last
            slots[Int(last.slot)].position = position
            siftDown(position)
            siftUp(slots[Int(last.slot)].position)
        }
        let action = slots[slot].action
        slots[slot].action = nil
        slots[slot].position = -1
        slots[slot].generation &+= 1
        freeSlots.append(UInt32(slot))
        return action
    }

    private mutating func siftUp(_ start: Int) {
        var position = start
        let entry = entries[position]
        while position > 0 {
            let parent = (position - 1) / 2
            guard entry.isBefore(entries[parent]) else { break }
            place(entries[parent], at: position)
            position = parent
        }
        place(entry, at: position)
    }

    private mutating func siftDown(_ start: Int) {
        var position = start
        let entry = entries[position]
        while true {
            var child = position * 2 + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) { child += 1 }
            guard entries[child].isBefore(entry) else { break }
            place(entries[child], at: position)
            position = child
        }
        place(entry, at: position)
    }

    private mutating func place(_ entry: Entry, at position: Int) {
        entries[position] = entry
        slots[Int(entry.slot)].position = position
    }
}
