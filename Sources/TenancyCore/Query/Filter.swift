/// A condition on records of one type, built from its properties:
///
/// ```swift
/// .where { $0.origin == "JFK" && $0.delay > 60 && !$0.carrier.hasPrefix("9") }
/// ```
///
/// See ``Predicate`` for what holds of fields without a value.
public struct Filter<Element: Sendable>: Sendable, Hashable {
    /// The condition without the Swift type.
    public let predicate: Predicate

    /// A condition on records of any type, for what properties can't express.
    public init(_ predicate: Predicate) { self.predicate = predicate }

    /// True of every record.
    public static var always: Filter { Filter(.always) }

    /// True if both are.
    public static func && (left: Filter, right: Filter) -> Filter {
        Filter(.and([left.predicate, right.predicate]))
    }

    /// True if one is.
    public static func || (left: Filter, right: Filter) -> Filter {
        Filter(.or([left.predicate, right.predicate]))
    }

    /// The complement.
    public static prefix func ! (filter: Filter) -> Filter { Filter(.not(filter.predicate)) }
}

/// The properties of a type as fields of a filter: `$0.origin`.
@dynamicMemberLookup
public struct Fields<Element: Entity>: Sendable {
    /// The fields of a type.
    public init() {}

    /// The field that stores a property.
    public subscript<Property: FieldValue>(
        dynamicMember keyPath: any KeyPath<Element, Property> & Sendable
    ) -> FieldReference<Element, Property> {
        FieldReference(name: Element.schema.name(of: keyPath))
    }
}

/// A field in a filter.
public struct FieldReference<Element: Sendable, Property: FieldValue>: Sendable {
    let name: String

    /// Whether the field equals one of some values; of none, if there are none.
    public func isIn(_ values: some Sequence<Property>) -> Filter<Element> {
        Filter(.oneOf(field: name, values.map(\.fieldValue)))
    }

    fileprivate func compare(_ comparison: Predicate.Comparison, _ value: some FieldValue) -> Filter<Element> {
        Filter(.compare(field: name, comparison, value.fieldValue))
    }

    /// Whether the field has that value; `nil` is the absence of one.
    public static func == (field: FieldReference, value: Property) -> Filter<Element> { field.compare(.equal, value) }

    /// Whether the field has another value or none.
    public static func != (field: FieldReference, value: Property) -> Filter<Element> {
        field.compare(.notEqual, value)
    }
}

extension FieldReference where Property: OrderedFieldValue {
    /// Whether the field's value is less.
    public static func < (field: FieldReference, value: Property) -> Filter<Element> { field.compare(.less, value) }
    /// Whether the field's value is less or equal.
    public static func <= (field: FieldReference, value: Property) -> Filter<Element> {
        field.compare(.lessOrEqual, value)
    }
    /// Whether the field's value is greater.
    public static func > (field: FieldReference, value: Property) -> Filter<Element> { field.compare(.greater, value) }
    /// Whether the field's value is greater or equal.
    public static func >= (field: FieldReference, value: Property) -> Filter<Element> {
        field.compare(.greaterOrEqual, value)
    }
    /// Whether the field's value lies between two others or is one of them.
    public func isBetween(_ lower: Property, _ upper: Property) -> Filter<Element> {
        compare(.greaterOrEqual, lower) && compare(.lessOrEqual, upper)
    }
}

/// An optional whose wrapped type has an order: what makes comparisons apply to optional fields too.
public protocol OptionalFieldValue: FieldValue {
    /// The type without the optionality.
    associatedtype Wrapped: FieldValue
}

extension Optional: OptionalFieldValue where Wrapped: FieldValue {}

extension FieldReference where Property: OptionalFieldValue, Property.Wrapped: OrderedFieldValue {
    /// Whether the field has a value that is less.
    public static func < (field: FieldReference, value: Property.Wrapped) -> Filter<Element> {
        field.compare(.less, value)
    }
    /// Whether the field has a value that is less or equal.
    public static func <= (field: FieldReference, value: Property.Wrapped) -> Filter<Element> {
        field.compare(.lessOrEqual, value)
    }
    /// Whether the field has a value that is greater.
    public static func > (field: FieldReference, value: Property.Wrapped) -> Filter<Element> {
        field.compare(.greater, value)
    }
    /// Whether the field has a value that is greater or equal.
    public static func >= (field: FieldReference, value: Property.Wrapped) -> Filter<Element> {
        field.compare(.greaterOrEqual, value)
    }
    /// Whether the field has a value between two others or is one of them.
    public func isBetween(_ lower: Property.Wrapped, _ upper: Property.Wrapped) -> Filter<Element> {
        compare(.greaterOrEqual, lower) && compare(.lessOrEqual, upper)
    }
}

extension FieldReference where Property: OptionalFieldValue {
    /// Whether the field has a value that is one of some.
    public func isIn(_ values: some Sequence<Property.Wrapped>) -> Filter<Element> {
        Filter(.oneOf(field: name, values.map(\.fieldValue)))
    }

    /// Whether the field has no value.
    public var isNull: Filter<Element> { Filter(.isNull(field: name)) }
}

extension FieldReference where Property: TextFieldValue {
    /// Whether the text begins with another, in which no character is special.
    public func hasPrefix(_ prefix: String, ignoringCase: Bool = false) -> Filter<Element> {
        Filter(.text(field: name, .prefix, prefix, ignoringCase: ignoringCase))
    }
    /// Whether the text holds another, in which no character is special.
    public func contains(_ part: String, ignoringCase: Bool = false) -> Filter<Element> {
        Filter(.text(field: name, .contains, part, ignoringCase: ignoringCase))
    }
    /// Whether the text is the same without regard to case.
    public func equalsIgnoringCase(_ text: String) -> Filter<Element> {
        Filter(.text(field: name, .whole, text, ignoringCase: true))
    }
}

extension FieldReference where Property: OptionalFieldValue, Property.Wrapped: TextFieldValue {
    /// Whether there is a text that begins with another, in which no character is special.
    public func hasPrefix(_ prefix: String, ignoringCase: Bool = false) -> Filter<Element> {
        Filter(.text(field: name, .prefix, prefix, ignoringCase: ignoringCase))
    }
    /// Whether there is a text that holds another, in which no character is special.
    public func contains(_ part: String, ignoringCase: Bool = false) -> Filter<Element> {
        Filter(.text(field: name, .contains, part, ignoringCase: ignoringCase))
    }
    /// Whether there is a text that is the same without regard to case.
    public func equalsIgnoringCase(_ text: String) -> Filter<Element> {
        Filter(.text(field: name, .whole, text, ignoringCase: true))
    }
}
