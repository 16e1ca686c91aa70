/// Which records of an entity are wanted, in which order and how many: what the typed query becomes, and what tools
/// write directly.
public struct Query: Sendable, Hashable {
    /// The condition.
    public var filter: Predicate
    /// What to sort by, the most important first. The key is added at the end, so that the order is total.
    public var sort: [Sort]
    /// The most records wanted; `nil` for all.
    public var limit: Int?

    /// A query.
    public init(filter: Predicate = .always, sort: [Sort] = [], limit: Int? = nil) {
        self.filter = filter
        self.sort = sort
        self.limit = limit
    }

    /// A field to sort by. Records without a value come last in both directions.
    public struct Sort: Sendable, Hashable {
        /// The field's name.
        public var field: String
        /// The direction.
        public var direction: SortDirection

        /// Sorts by a field.
        public init(_ field: String, _ direction: SortDirection = .ascending) {
            self.field = field
            self.direction = direction
        }
    }
}

/// A direction to sort in.
public enum SortDirection: Sendable, Hashable {
    /// Least first.
    case ascending
    /// Greatest first.
    case descending
}
