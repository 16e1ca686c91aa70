import TenancyCore

/// What one tenant's records may be, given what was acknowledged and what failed without an answer.
struct ChaosModel {
    /// One record's value: what is certain unless one of the writes without an answer has taken effect.
    private struct Cell {
        var certain: Int64?
        /// Values, or absence, that may still come to be, and until when; whether a later write was acknowledged since.
        var possible: [(value: Int64?, until: ContinuousClock.Instant, isOverwritten: Bool)] = []
    }

    /// What a look at a record showed.
    enum Verdict { case expected, unanswered, late, impossible }

    private var cells: [Cell]

    init(count: Int) { cells = Array(repeating: Cell(), count: count) }

    var count: Int { cells.count }

    /// What is there for certain, if nothing is in doubt.
    func settled(_ id: Int) -> Int64?? { cells[id].possible.isEmpty ? .some(cells[id].certain) : nil }

    /// Notes that a write was acknowledged.
    mutating func acknowledge(_ id: Int, _ value: Int64?) {
        cells[id].certain = value
        for index in cells[id].possible.indices { cells[id].possible[index].isOverwritten = true }
    }

    /// Notes that a write failed without an answer.
    mutating func doubt(_ id: Int, _ value: Int64?, until instant: ContinuousClock.Instant) {
        cells[id].possible.append((value, instant, false))
    }

    /// Compares a record with what it may be; what it is becomes certain.
    ///
    /// - Parameter begun: When the look at it began. A write that could take effect until then and did not never may.
    mutating func observe(_ id: Int, _ value: Int64?, since begun: ContinuousClock.Instant) -> Verdict {
        defer { cells[id].possible.removeAll { $0.until < begun } }
        if value == cells[id].certain { return .expected }
        guard let index = cells[id].possible.firstIndex(where: { $0.value == value }) else { return .impossible }
        let isLate = cells[id].possible[index].isOverwritten
        cells[id].possible.remove(at: index)
        cells[id].certain = value
        return isLate ? .late : .unanswered
    }

    /// The fewest and the most of some records that may be there.
    func bounds(_ ids: Range<Int>) -> ClosedRange<Int> {
        var (least, most) = (0, 0)
        for cell in cells[ids] {
            if cell.certain != nil && cell.possible.allSatisfy({ $0.value != nil }) { least += 1 }
            if cell.certain != nil || cell.possible.contains(where: { $0.value != nil }) { most += 1 }
        }
        return least...most
    }

    /// What a record may be, for messages.
    func expectation(_ id: Int) -> String {
        let certain = cells[id].certain.map(String.init) ?? "absent"
        let others = cells[id].possible.map { $0.value.map(String.init) ?? "absent" }
        return others.isEmpty ? certain : "\(certain), or \(others.joined(separator: " or "))"
    }
}
