/// The types that a field can have, the same on every database.
public enum FieldType: String, Sendable, Hashable, CaseIterable {
    /// True or false.
    case bool
    /// A 64-bit integer.
    case int64
    /// A finite IEEE 754 double.
    case double
    /// A decimal with a declared precision and scale.
    case decimal
    /// Unicode text without NUL, compared by code point.
    case string
    /// A UUID.
    case uuid
    /// An instant, by the millisecond unless the field asks for microseconds.
    case timestamp
    /// Bytes.
    case bytes
    /// A JSON document.
    case json

    /// Whether values of the type can be compared with `<`, sorted by and paged through.
    public var isOrdered: Bool { self != .json }
    /// Whether values of the type can be added up.
    public var isNumeric: Bool { self == .int64 || self == .double || self == .decimal }
    /// Whether the least and the greatest value can be asked for.
    public var hasExtremes: Bool { isNumeric || self == .string || self == .timestamp }
}
