import TenancyCore

/// Which statements a connection has prepared, under which names.
///
/// Many transactions are under way at once, and one that fails skips what it was to prepare. So until the server has
/// taken the one in which a statement is prepared, others send the statement's text.
struct PreparedStatements {
    /// How a statement is sent.
    enum Use: Equatable {
        case text
        case name(String)
        /// By a name under which it is to be prepared first.
        case newName(String)
    }

    private struct Entry: Sendable {
        let statement: CompiledStatement
        let name: String
        /// A number that grows from name to name.
        let serial: Int
        /// In which of the connection's transactions it is prepared.
        let transaction: Int
    }

    private var entries: RecentlyUsed<Int, Entry>
    /// How many names there have been.
    private(set) var serial = 0
    /// Counts names that could not be used again, so that a statement prepared anew gets one that nobody has.
    private var generation = 0
    /// Names that the server may forget.
    private var dropped: [String] = []

    init(maximumCount: Int) { entries = RecentlyUsed(maximumCount: maximumCount) }

    /// How to send a statement.
    ///
    /// - Parameters:
    ///   - transaction: The number of the transaction that it is sent in.
    ///   - ended: How many transactions the server has ended.
    mutating func use(_ statement: CompiledStatement, in transaction: Int, after ended: Int) -> Use {
        var forgotten: [Entry] = []
        defer { drop(forgotten) }
        if let entry = entries.find(statement.id, forgotten: &forgotten) {
            // Two texts of one number don't share a name.
            guard entry.statement.isSame(as: statement) else { return .text }
            return entry.transaction == transaction || entry.transaction < ended ? .name(entry.name) : .text
        }
        let name = generation == 0 ? statement.name : "\(statement.name)_\(generation)"
        serial += 1
        forgotten += entries.insert(
            Entry(statement: statement, name: name, serial: serial, transaction: transaction), for: statement.id)
        return .newName(name)
    }

    /// What is forgotten and comes again must not collide with what is still to be dropped.
    private mutating func drop(_ forgotten: [Entry]) {
        guard !forgotten.isEmpty else { return }
        generation += 1
        dropped += forgotten.map(\.name)
    }

    /// Forgets a statement that was not prepared, or no longer fits.
    ///
    /// - Parameters:
    ///   - serial: What ``serial`` was when it was sent. A name that was given later is another's, and stays.
    ///   - isThere: Whether the server knows the name.
    mutating func forget(_ id: Int, upTo serial: Int, isThere: Bool) {
        guard let entry = entries.peek(id), entry.serial <= serial else { return }
        _ = entries.remove(id)
        generation += 1
        if isThere { dropped.append(entry.name) }
    }

    /// The names that the server may forget; each is returned once.
    mutating func takeDropped() -> [String] {
        if dropped.isEmpty { return [] }
        defer { dropped = [] }
        return dropped
    }
}
