import TenancyCore

/// A connection's compiled statements by their shape; the least recently used one makes room.
struct StatementCache {
    /// What tells statements apart. No value is part of it.
    enum Key: Hashable {
        case select(SelectStatement.Shape, lists: [Int])
        case aggregate(AggregateStatement.Shape, lists: [Int])
        case search(SearchStatement.Shape, lists: [Int])
        case change(EntityDescription, FilterShape, [ChangeShape], lists: [Int])
        case remove(EntityDescription, FilterShape, lists: [Int])
        case fixed(FixedStatement, EntityDescription)
        case control(String)
    }

    /// The statements of which each entity has one.
    enum FixedStatement: Hashable {
        case insert, upsert, update, delete, deleteVersion, version
    }

    private var statements: [Key: PreparedStatement] = [:]
    private var uses: UInt64 = 0
    private let maximum: Int

    init(maximum: Int) { self.maximum = maximum }

    mutating func find(_ key: Key) -> PreparedStatement? {
        guard let statement = statements[key] else { return nil }
        uses += 1
        statement.lastUse = uses
        return statement
    }

    mutating func insert(_ statement: PreparedStatement, _ key: Key) {
        if statements.count >= maximum, let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            statements[oldest.key] = nil
        }
        uses += 1
        statement.lastUse = uses
        statements[key] = statement
    }

    mutating func removeAll() { statements = [:] }

    var count: Int { statements.count }
}
