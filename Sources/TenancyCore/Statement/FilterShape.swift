/// A condition as an adapter compiles it: columns by position, values by the number of their parameter, and no
/// negation left but in the leaves.
///
/// A leaf on a column that can be null says by `orNull` whether it holds for records without a value, because
/// databases differ in what `NOT` makes of an unknown.
public indirect enum FilterShape: Sendable, Hashable {
    /// True of every record.
    case always
    /// True of no record.
    case never
    /// A column compared with a parameter.
    case compare(column: Int, Predicate.Comparison, parameter: Int, orNull: Bool)
    /// A column equal to one of a list's values; with `negated`, to none of them.
    case oneOf(column: Int, parameter: Int, negated: Bool, orNull: Bool)
    /// A text column matched against a parameter; with `negated`, not matching.
    case text(
        column: Int, Predicate.TextMatch, parameter: Int, ignoringCase: Bool, negated: Bool, orNull: Bool)
    /// A column without a value; with `negated`, with one.
    case isNull(column: Int, negated: Bool)
    /// True if all are.
    case and([FilterShape])
    /// True if one is.
    case or([FilterShape])
}

/// What a statement is run with beside its shape.
public enum Parameter: Sendable, Hashable {
    /// One value, never null.
    case value(Value)
    /// Several values of one type, never null.
    case list([Value])
}
