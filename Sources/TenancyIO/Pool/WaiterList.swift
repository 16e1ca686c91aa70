/// Waiting callers, first come first served. One that gives up is taken out of the middle at once and leaves nothing
/// behind: the list is linked through slots that are used again.
struct WaiterList<Element> {
    struct Token: Hashable, Sendable {
        fileprivate let slot: Int
        fileprivate let generation: UInt32
    }

    private struct Slot {
        var element: Element?
        var previous = -1
        var next = -1
        var generation: UInt32 = 0
    }

    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var head = -1
    private var tail = -1
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ element: Element) -> Token {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = slots.count
            slots.append(Slot())
        }
        slots[slot].element = element
        slots[slot].previous = tail
        slots[slot].next = -1
        if tail >= 0 { slots[tail].next = slot } else { head = slot }
        tail = slot
        count += 1
        return Token(slot: slot, generation: slots[slot].generation)
    }

    mutating func popFirst() -> Element? { head >= 0 ? unlink(head) : nil }

    /// Takes an element out; `nil` if it is no longer there.
    mutating func remove(_ token: Token) -> Element? {
        guard token.slot < slots.count, slots[token.slot].generation == token.generation else { return nil }
        return unlink(token.slot)
    }

    /// Changes an element that is still there.
    mutating func update(_ token: Token, _ change: (inout Element) -> Void) {
        guard token.slot < slots.count, slots[token.slot].generation == token.generation,
            var element = slots[token.slot].element
        else { return }
        change(&element)
        slots[token.slot].element = element
    }

    private mutating func unlink(_ slot: Int) -> Element? {
        let (previous, next) = (slots[slot].previous, slots[slot].next)
        if previous >= 0 { slots[previous].next = next } else { head = next }
        if next >= 0 { slots[next].previous = previous } else { tail = previous }
        let element = slots[slot].element
        slots[slot].element = nil
        slots[slot].generation &+= 1
        freeSlots.append(slot)
        count -= 1
        return element
    }
}
