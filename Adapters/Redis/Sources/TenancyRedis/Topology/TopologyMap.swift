import TenancyCore

/// Who is master of which slot, as a majority of the witnesses has said. Not changed after it was made.
final class TopologyMap: Sendable {
    /// The masters.
    let tenures: [Tenure]
    /// By slot, the position of its master in ``tenures``, or ``MasterView/nobody``.
    let owners: [UInt16]
    /// Slots that have come to a master that had others before: from when on they may be used.
    let usableFrom: [Int: ContinuousClock.Instant]
    /// Slots of which no majority says any more whose they are: until when the last one's word counts.
    let usableUntil: [Int: ContinuousClock.Instant]
    /// Grows with each map that replaces another.
    let serial: Int
    /// Grows when it was not known for a while who is master. Then even a master that is still the same may not be used
    /// as before, because meanwhile it may have been given slots.
    let generation: Int

    init(
        serial: Int, generation: Int, tenures: [Tenure], owners: [UInt16], usableFrom: [Int: ContinuousClock.Instant],
        usableUntil: [Int: ContinuousClock.Instant]
    ) {
        self.serial = serial
        self.generation = generation
        self.tenures = tenures
        self.owners = owners
        self.usableFrom = usableFrom
        self.usableUntil = usableUntil
    }

    /// Nobody's.
    static func empty(slots: Int, serial: Int, generation: Int) -> TopologyMap {
        TopologyMap(
            serial: serial, generation: generation, tenures: [],
            owners: .init(repeating: MasterView.nobody, count: slots), usableFrom: [:],
            usableUntil: [:])
    }

    /// The position of a slot's master; `nil` if it has none, or must not be used now.
    func owner(of slot: Int, at now: @autoclosure () -> ContinuousClock.Instant) -> Int? {
        let owner = owners[slot]
        guard owner != MasterView.nobody else { return nil }
        if !usableFrom.isEmpty, let from = usableFrom[slot], now() < from { return nil }
        if !usableUntil.isEmpty, let until = usableUntil[slot], now() >= until { return nil }
        return Int(owner)
    }

    /// A number that tells a master's slots from others.
    func digest(of tenure: Tenure) -> UInt64 {
        guard let position = tenures.firstIndex(of: tenure) else { return 0 }
        // FNV-1a, because every process must come to the same.
        return owners.indices.lazy.filter { self.owners[$0] == UInt16(position) }.reduce(0xcbf2_9ce4_8422_2325) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
    }

    /// A master's first slot.
    func firstSlot(of tenure: Tenure) -> Int? {
        tenures.firstIndex(of: tenure).flatMap { owners.firstIndex(of: UInt16($0)) }
    }
}
