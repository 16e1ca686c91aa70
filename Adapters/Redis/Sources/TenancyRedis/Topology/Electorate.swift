import TenancyCore

/// Counts what the witnesses say. A value without a clock and without I/O, so that every order of events can be tested.
///
/// A master counts as such once more than half of all witnesses, dead ones included, have said so in answers that are
/// not older than ``KnowledgeTime/freshness``. Two majorities have a witness in common, and no witness goes back to a
/// former tenure; so of two clients that go by different tenures the one with the older one was told so before the other
/// heard of the newer one, and has stopped ``KnowledgeTime/limit`` later, when the other has not begun yet.
struct Electorate {
    private struct Vote {
        let view: MasterView
        let asked: ContinuousClock.Instant
        /// By slot, the number of the tenure in ``tenures``.
        let owners: [UInt16]
    }

    /// Who is master of what.
    private(set) var map: TopologyMap
    /// Until when that is known.
    private(set) var deadline: ContinuousClock.Instant

    private var votes: [String: Vote] = [:]
    /// Every tenure that was heard of, and its number.
    private var tenures: [Tenure] = []
    private var numbers: [Tenure: UInt16] = [:]
    private let slots: Int

    init(slots: Int, now: ContinuousClock.Instant) {
        self.slots = slots
        map = .empty(slots: slots, serial: 0, generation: 0)
        deadline = now
    }

    /// Takes a witness's answer.
    ///
    /// - Parameter asked: When the question was sent.
    /// - Returns: Whether the map is another.
    mutating func record(_ view: MasterView, asked: ContinuousClock.Instant, now: ContinuousClock.Instant) -> Bool {
        let before = map
        // What was known for too long is as good as never known.
        if now > deadline, !map.tenures.isEmpty {
            map = .empty(slots: slots, serial: map.serial + 1, generation: map.generation + 1)
        }
        let former = votes[view.witness]
        let isSame = former?.view == view
        votes[view.witness] = Vote(
            view: view, asked: asked, owners: isSame ? former?.owners ?? [] : number(view))
        votes = votes.filter { $0.value.asked + KnowledgeTime.freshness >= now }
        guard votes.count >= needed, let oldest = votes.values.map(\.asked).min() else { return map !== before }
        let voters = Set(votes.keys)
        if !isSame || voters != counted || map.tenures.isEmpty || !map.usableUntil.isEmpty { tally(now) }
        counted = voters
        deadline = max(deadline, oldest + KnowledgeTime.limit)
        return map !== before
    }

    /// Whose answers were counted last.
    private var counted: Set<String> = []

    /// Where the witnesses of the last answers can be asked.
    var peers: Set<RedisEndpoint> { Set(votes.values.flatMap(\.view.peers)) }

    private var needed: Int { (votes.values.map(\.view.witnessCount).max() ?? 0) / 2 + 1 }

    private mutating func number(_ view: MasterView) -> [UInt16] {
        let own = view.tenures.map { tenure in
            if let number = numbers[tenure] { return number }
            let number = UInt16(clamping: tenures.count)
            tenures.append(tenure)
            numbers[tenure] = number
            return number
        }
        return view.owners.map { $0 == MasterView.nobody ? $0 : own[Int($0)] }
    }

    // MARK: Counting

    private enum Verdict: Equatable {
        case undecided
        case nobody
        case tenure(UInt16)
    }

    private mutating func tally(_ now: ContinuousClock.Instant) {
        let before = map
        var (ballots, needed) = (votes.values.map(\.owners), needed)
        // They are enough, and most often all of them say the same.
        if let first = ballots.first, ballots.allSatisfy({ $0 == first }) { (ballots, needed) = ([first], 1) }
        let known = before.tenures.map { numbers[$0] ?? MasterView.nobody }
        var positions: [UInt16: UInt16] = [:]
        var current: [Tenure] = []
        var owners = [UInt16](repeating: MasterView.nobody, count: slots)
        var usableFrom: [Int: ContinuousClock.Instant] = [:]
        var usableUntil: [Int: ContinuousClock.Instant] = [:]
        for slot in 0..<slots {
            let position = before.owners[slot]
            var former = position == MasterView.nobody ? nil : known[Int(position)]
            if let until = before.usableUntil[slot], until <= now { former = nil }
            let owner: UInt16
            switch Self.verdict(ballots, slot, needed) {
            case .nobody: continue
            case .undecided:
                guard let former else { continue }
                owner = former
                usableUntil[slot] = before.usableUntil[slot] ?? deadline
                if let from = before.usableFrom[slot], from > now { usableFrom[slot] = from }
            case .tenure(let number):
                owner = number
                if number == former {
                    if let from = before.usableFrom[slot], from > now { usableFrom[slot] = from }
                } else if known.contains(number) {
                    // With a tenure that is new the client waits for its session, see RedisConnector.
                    usableFrom[slot] = now + KnowledgeTime.settling
                }
            }
            if positions[owner] == nil {
                positions[owner] = UInt16(current.count)
                current.append(tenures[Int(owner)])
            }
            owners[slot] = positions[owner] ?? MasterView.nobody
        }
        let isSame =
            current == before.tenures && owners == before.owners && usableFrom == before.usableFrom
            && usableUntil == before.usableUntil
        if isSame { return }
        map = TopologyMap(
            serial: before.serial + 1, generation: before.generation, tenures: current, owners: owners,
            usableFrom: usableFrom,
            usableUntil: usableUntil)
    }

    /// Whom at least as many as needed name.
    private static func verdict(_ ballots: [[UInt16]], _ slot: Int, _ needed: Int) -> Verdict {
        // Who could have a majority, and then whether it has.
        var (candidate, lead) = (MasterView.nobody, 0)
        for ballot in ballots {
            if lead == 0 { candidate = ballot[slot] }
            lead += ballot[slot] == candidate ? 1 : -1
        }
        guard ballots.count(where: { $0[slot] == candidate }) >= needed else { return .undecided }
        return candidate == MasterView.nobody ? .nobody : .tenure(candidate)
    }
}
