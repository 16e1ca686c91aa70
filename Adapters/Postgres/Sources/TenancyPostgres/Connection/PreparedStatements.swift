import TenancyCore

/// Which statements a connection has prepared, under which names.
struct PreparedStatements {
    private struct Entry: Sendable {
        let id: Int
        let name: String
    }

    private var entries: RecentlyUsed<Int, Entry>
    /// Counts names that could not be used again, so that a statement prepared anew gets one that nobody has.
    private var generation = 0
    /// Names that the server may forget.
    private var dropped: [String] = []

    init(maximumCount: Int) { entries = RecentlyUsed(maximumCount: maximumCount) }

    /// The name of a statement, and whether it is to be prepared first.
    mutating func name(of statement: CompiledStatement) -> (name: String, isNew: Bool) {
        if let entry = entries[statement.id] { return (entry.name, false) }
        let name = generation == 0 ? statement.name : "\(statement.name)_\(generation)"
        for old in entries.insert(Entry(id: statement.id, name: name), for: statement.id) { dropped.append(old.name) }
        // What is forgotten and comes again must not collide with what is still to be dropped.
        if !dropped.isEmpty { generation += 1 }
        return (name, true)
    }

    /// Forgets a statement that was not prepared, or no longer fits.
    ///
    /// - Parameter isThere: Whether the server knows the name.
    mutating func forget(_ id: Int, isThere: Bool) {
        guard let entry = entries.remove(id) else { return }
        generation += 1
        if isThere { dropped.append(entry.name) }
    }

    /// The names that the server may forget; each is returned once.
    mutating func takeDropped() -> [String] {
        defer { dropped = [] }
        return dropped
    }
}
