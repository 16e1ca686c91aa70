/// A statement that returns records, as shape and values. The shape holds no value, so it can be compiled once, counted
/// and shown.
public struct SelectStatement: Sendable {
    /// What makes two select statements the same but for their values.
    public struct Shape: Sendable, Hashable {
        /// The entity.
        public let entity: EntityDescription
        /// The columns of each row, in that order.
        public let columns: [Int]
        /// The condition.
        public let filter: FilterShape
        /// The order, total unless empty: where one is asked for, the key comes last.
        public let order: [OrderTerm]
        /// Whether ``SelectStatement/limit`` bounds the rows.
        public let isLimited: Bool
    }

    /// A column to sort by; records without a value come last in both directions.
    public struct OrderTerm: Sendable, Hashable {
        /// The column.
        public let column: Int
        /// The direction.
        public let direction: SortDirection
    }

    /// The shape.
    public let shape: Shape
    /// The values, by the numbers that the shape's filter gives them.
    public let parameters: [Parameter]
    /// The most rows wanted.
    public let limit: Int?
}

/// A statement that returns figures, as shape and values. Each row has the group's columns, then one column for each
/// figure. Without groups there is exactly one row. Groups come in the order of their columns, ascending, nulls last.
public struct AggregateStatement: Sendable {
    /// What makes two aggregate statements the same but for their values.
    public struct Shape: Sendable, Hashable {
        /// The entity.
        public let entity: EntityDescription
        /// The condition.
        public let filter: FilterShape
        /// The columns to group by.
        public let groupBy: [Int]
        /// The figures.
        public let figures: [Figure]
    }

    /// A figure over a column.
    public struct Figure: Sendable, Hashable {
        /// The kind of figure.
        public let kind: AggregateFunction.Kind
        /// The column; `nil` for the count of records.
        public let column: Int?
    }

    /// The shape.
    public let shape: Shape
    /// The values, by the numbers that the shape's filter gives them.
    public let parameters: [Parameter]
}

/// A full-text search, as shape and values. Each row has every column of the entity, then a score (a double, greater
/// is better); the best come first, equal ones in the order of their keys.
public struct SearchStatement: Sendable {
    /// What makes two searches the same but for their values.
    public struct Shape: Sendable, Hashable {
        /// The entity.
        public let entity: EntityDescription
        /// A condition beside the search.
        public let filter: FilterShape
        /// Whether every word must be found or one is enough.
        public let requiresAllWords: Bool
        /// Whether the last word may be the beginning of one.
        public let lastWordIsPrefix: Bool
    }

    /// The shape.
    public let shape: Shape
    /// The values, by the numbers that the shape's filter gives them.
    public let parameters: [Parameter]
    /// The words; never none.
    public let terms: SearchTerms
    /// The most rows wanted.
    public let limit: Int
}

/// A statement that changes records. Every value in it has been validated.
public struct WriteStatement: Sendable {
    /// What to do.
    public enum Operation: Sendable {
        /// Adds records; one whose key exists is a ``TenancyError/Code/uniqueViolation``.
        case insert(ColumnBatch)
        /// Adds records, or replaces all fields of those whose keys exist. A version is 1 where the record is added and
        /// one more than stored where it is replaced.
        case upsert(ColumnBatch)
        /// Replaces all fields of records found by key. With a version field, only where the stored version is one less
        /// than the row's; otherwise the row fails with ``TenancyError/Code/staleVersion``. A row whose key is not
        /// there fails with ``TenancyError/Code/notFound``.
        case update(ColumnBatch)
        /// Changes some fields of all records that a filter finds, and counts their versions on.
        case updateMatching(FilterShape, [Parameter], [(column: Int, operation: Assignment.Operation)])
        /// Removes records by key. A key that is not there is no failure. With versions, a record whose stored version
        /// is another fails with ``TenancyError/Code/staleVersion``.
        case delete(keys: [Value], versions: [Int64]?)
        /// Removes all records that a filter finds.
        case deleteMatching(FilterShape, [Parameter])
    }

    /// The entity.
    public let entity: EntityDescription
    /// What to do.
    public let operation: Operation
    /// Whether one failing row undoes and fails the whole statement, or only itself.
    public let isAtomic: Bool
}

/// What a write did.
public struct WriteResult: Sendable {
    /// How many records were added, changed or removed.
    public var affected: Int
    /// The rows that failed, in order; always empty if the statement is atomic, because it throws the first failure.
    public var failures: [RowFailure]
    /// For an upsert into an entity with a version field, the version stored for each row (0 for one that failed).
    public var versions: [Int64]

    /// What a write did.
    public init(affected: Int, failures: [RowFailure] = [], versions: [Int64] = []) {
        self.affected = affected
        self.failures = failures
        self.versions = versions
    }
}

/// A row of a bulk write that was not written.
public struct RowFailure: Sendable {
    /// The row's position, from 0, in what was passed.
    public let row: Int
    /// Why.
    public let error: TenancyError

    /// A row that was not written.
    public init(row: Int, error: TenancyError) {
        self.row = row
        self.error = error.with { $0.row = row }
    }
}
