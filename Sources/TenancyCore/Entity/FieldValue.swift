/// A Swift type that a field can have.
///
/// The types of ``FieldType`` and optionals of them conform already. An enumeration or a wrapper with such a raw value
/// conforms by saying so: `enum Cabin: String, FieldValue { … }`.
public protocol FieldValue: Sendable {
    /// The type of the column.
    static var fieldType: FieldType { get }
    /// Whether the column may have no value.
    static var isNullable: Bool { get }
    /// The value for filters, keys and the untyped API.
    var fieldValue: Value { get }

    /// Reads the value from a row.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/corrupted`` or ``TenancyError/Code/typeMismatch``.
    static func read(_ row: RowView, _ column: Int) throws(TenancyError) -> Self

    /// Adds the value at the end of a column.
    func append(to column: inout ColumnBuffer)
}

extension FieldValue {
    /// `false`.
    public static var isNullable: Bool { false }
}

/// A field type that has an order.
public protocol OrderedFieldValue: FieldValue {}

/// A field type of which the least and the greatest value can be asked for.
public protocol ExtremeFieldValue: OrderedFieldValue {}

/// A field type that can be added up.
public protocol NumericFieldValue: ExtremeFieldValue {
    /// What an average of such values is.
    associatedtype Average: FieldValue
    /// The average from a sum and a count, computed above the database, so that it is the same on all of them.
    static func average(sum: Self, count: Int) -> Average
}

/// A field type that holds text.
public protocol TextFieldValue: FieldValue {}

/// A field type that can be an entity's key.
public protocol KeyValue: FieldValue, Hashable {}
