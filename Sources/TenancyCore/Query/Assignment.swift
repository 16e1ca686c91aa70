/// A change of one field, for updates by filter.
public struct Assignment: Sendable, Hashable {
    /// How the field changes.
    public enum Operation: Sendable, Hashable {
        /// To a value.
        case set(Value)
        /// By an amount added in the database; a field without a value stays without.
        case add(Value)
    }

    /// The field's name.
    public var field: String
    /// How it changes.
    public var operation: Operation

    /// A change of a field.
    public init(_ field: String, _ operation: Operation) {
        self.field = field
        self.operation = operation
    }
}

/// A change of one property of a type: `.set(\.gate, to: "B12")`.
public struct FieldAssignment<Element: Entity>: Sendable {
    /// The change without the Swift type.
    public let assignment: Assignment

    private init(_ keyPath: any PartialKeyPath<Element> & Sendable, _ operation: Assignment.Operation) {
        let name = Element.schema.name(of: keyPath)
        assignment = Assignment(name, operation)
    }

    /// Changes a property to a value.
    public static func set<Property: FieldValue>(
        _ keyPath: any KeyPath<Element, Property> & Sendable, to value: Property
    ) -> FieldAssignment { FieldAssignment(keyPath, .set(value.fieldValue)) }

    /// Adds to a property in the database, so that concurrent changes are not lost.
    public static func add<Property: NumericFieldValue>(
        _ amount: Property, to keyPath: any KeyPath<Element, Property> & Sendable
    ) -> FieldAssignment { FieldAssignment(keyPath, .add(amount.fieldValue)) }

    /// Adds to an optional property in the database; where it has no value it stays without.
    public static func add<Property: NumericFieldValue>(
        _ amount: Property, to keyPath: any KeyPath<Element, Property?> & Sendable
    ) -> FieldAssignment { FieldAssignment(keyPath, .add(amount.fieldValue)) }
}
