public import Foundation

/// One value of one field, for filters, keys and the untyped API. Entities do not pass through it.
public enum Value: Sendable {
    /// No value.
    case null
    /// True or false.
    case bool(Bool)
    /// A 64-bit integer.
    case int64(Int64)
    /// A finite double.
    case double(Double)
    /// A decimal of at most 38 digits.
    case decimal(Decimal)
    /// Text without NUL characters.
    case string(String)
    /// A UUID.
    case uuid(UUID)
    /// An instant.
    case timestamp(Timestamp)
    /// Bytes.
    case bytes([UInt8])
    /// A JSON document.
    case json(JSON)

    /// The type of field that can hold the value, or `nil` for ``null``.
    public var type: FieldType? {
        switch self {
        case .null: nil
        case .bool: .bool
        case .int64: .int64
        case .double: .double
        case .decimal: .decimal
        case .string: .string
        case .uuid: .uuid
        case .timestamp: .timestamp
        case .bytes: .bytes
        case .json: .json
        }
    }

    /// Whether this is ``null``.
    public var isNull: Bool { type == nil }
}

extension Value: Hashable {
    /// Equality as databases see it: text by its code points, where `String` would take `é` and `e´` for the same.
    public static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int64(let left), .int64(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.decimal(let left), .decimal(let right)): left == right
        case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
        case (.uuid(let left), .uuid(let right)): left == right
        case (.timestamp(let left), .timestamp(let right)): left == right
        case (.bytes(let left), .bytes(let right)): left == right
        case (.json(let left), .json(let right)): left == right
        default: false
        }
    }

    /// Hashes consistently with equality.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(type)
        switch self {
        case .null: break
        case .bool(let value): hasher.combine(value)
        case .int64(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value)
        case .decimal(let value): hasher.combine(value)
        case .string(var value): value.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        case .uuid(let value): hasher.combine(value)
        case .timestamp(let value): hasher.combine(value)
        case .bytes(let value): hasher.combine(value)
        case .json(let value): hasher.combine(value)
        }
    }
}

extension Value {
    /// The order of two values of one type as every database must give it; `nil` if either is null, the types differ,
    /// or the type has no order (JSON).
    ///
    /// Text and bytes are ordered byte by byte, which for UTF-8 is the order of code points; UUIDs by their bytes;
    /// `false` comes before `true`.
    public static func order(_ left: Value, _ right: Value) -> ComparisonResult? {
        switch (left, right) {
        case (.bool(let left), .bool(let right)): order(left ? 1 : 0, right ? 1 : 0)
        case (.int64(let left), .int64(let right)): order(left, right)
        case (.double(let left), .double(let right)): order(left, right)
        case (.decimal(let left), .decimal(let right)): order(left, right)
        case (.string(let left), .string(let right)): orderBytes(left.utf8, right.utf8)
        case (.uuid(let left), .uuid(let right)):
            withUnsafeBytes(of: left.uuid) { left in
                withUnsafeBytes(of: right.uuid) { right in orderBytes(left, right) }
            }
        case (.timestamp(let left), .timestamp(let right)): order(left, right)
        case (.bytes(let left), .bytes(let right)): orderBytes(left, right)
        default: nil
        }
    }

    private static func order<T: Comparable>(_ left: T, _ right: T) -> ComparisonResult {
        left < right ? .orderedAscending : (left == right ? .orderedSame : .orderedDescending)
    }

    private static func orderBytes<Bytes: Sequence<UInt8>>(_ left: Bytes, _ right: Bytes) -> ComparisonResult {
        if left.lexicographicallyPrecedes(right) { return .orderedAscending }
        return right.lexicographicallyPrecedes(left) ? .orderedDescending : .orderedSame
    }
}

extension Value: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByNilLiteral
{
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A 64-bit integer.
    public init(integerLiteral value: Int64) { self = .int64(value) }
    /// A double.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// No value.
    public init(nilLiteral: ()) { self = .null }
}
