/// A condition on records, by field names and values: what a typed ``Filter`` becomes, and what tools write directly.
///
/// A condition is true or false of every record, never unknown: no value is equal to ``Value/null`` only, it is not
/// less or greater than anything, and ``not(_:)`` is the exact complement. So `delay != 5` holds for a record without a
/// delay, on every database.
public indirect enum Predicate: Sendable, Hashable {
    /// True of every record.
    case always
    /// True of no record.
    case never
    /// A field compared with a value.
    case compare(field: String, Comparison, Value)
    /// A field equal to one of some values.
    case oneOf(field: String, [Value])
    /// A text field matched against a text, in which no character is special.
    case text(field: String, TextMatch, String, ignoringCase: Bool = false)
    /// A field without a value.
    case isNull(field: String)
    /// The complement.
    case not(Predicate)
    /// True if all are, and so of every record if there are none.
    case and([Predicate])
    /// True if one is, and so of no record if there are none.
    case or([Predicate])

    /// How two values are compared.
    public enum Comparison: Sendable, Hashable {
        /// Equal.
        case equal
        /// Different.
        case notEqual
        /// Less.
        case less
        /// Less or equal.
        case lessOrEqual
        /// Greater.
        case greater
        /// Greater or equal.
        case greaterOrEqual
    }

    /// Where in a text another must stand.
    public enum TextMatch: Sendable, Hashable {
        /// At its beginning.
        case prefix
        /// Anywhere.
        case contains
        /// The whole of it; with `ignoringCase`, equality without regard to case.
        case whole
    }
}
