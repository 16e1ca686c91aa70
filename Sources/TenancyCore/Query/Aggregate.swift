/// A figure over many records, such as `.sum(\.distance)`, with the Swift type of its result.
public struct Aggregate<Element: Sendable, Result: Sendable>: Sendable {
    /// The figures that the database is asked for.
    package let functions: [AggregateFunction]
    /// Makes the result from the figures, of which the first stands in the given column.
    package let make: @Sendable (RowView, Int) throws(TenancyError) -> Result
}

/// A figure that a database computes. Averages are not among them: they are made from a sum and a count, so that they
/// are rounded the same everywhere.
public struct AggregateFunction: Sendable, Hashable {
    /// The kind of figure.
    public enum Kind: Sendable, Hashable {
        /// How many records there are; with a field, how many have a value in it.
        case count
        /// The sum of the values; none if there are none.
        case sum
        /// The least value; none if there are none.
        case minimum
        /// The greatest value; none if there are none.
        case maximum
    }

    /// The kind of figure.
    public var kind: Kind
    /// The field's name; `nil` only for ``Kind/count``.
    public var field: String?

    /// A figure over a field.
    public init(_ kind: Kind, _ field: String? = nil) {
        self.kind = kind
        self.field = field
    }
}

extension Aggregate where Element: Entity {
    private static func name(_ keyPath: any PartialKeyPath<Element> & Sendable) -> String {
        Element.schema.name(of: keyPath)
    }

    private static func one<Property: FieldValue>(
        _ kind: AggregateFunction.Kind, _ field: String
    ) -> Self where Result == Property? {
        Aggregate(functions: [AggregateFunction(kind, field)]) { row, column throws(TenancyError) in
            try Property?.read(row, column)
        }
    }

    private static func mean<Property: NumericFieldValue>(
        _ field: String, _ type: Property.Type
    ) -> Self where Result == Property.Average? {
        Aggregate(
            functions: [AggregateFunction(.sum, field), AggregateFunction(.count, field)]
        ) { row, column throws(TenancyError) in
            guard let sum = try Property?.read(row, column) else { return nil }
            return Property.average(sum: sum, count: try Int.read(row, column + 1))
        }
    }

    /// How many records there are.
    public static func count() -> Self where Result == Int {
        Aggregate(functions: [AggregateFunction(.count)]) { row, column throws(TenancyError) in
            try Int.read(row, column)
        }
    }

    /// The sum; `nil` of no values. An integer sum beyond 64 bits throws ``TenancyError/Code/invalidValue``.
    public static func sum<Property: NumericFieldValue>(
        _ keyPath: any KeyPath<Element, Property> & Sendable
    ) -> Self where Result == Property? { one(.sum, name(keyPath)) }

    /// The sum of the values that are there; `nil` of none.
    public static func sum<Property: NumericFieldValue>(
        _ keyPath: any KeyPath<Element, Property?> & Sendable
    ) -> Self where Result == Property? { one(.sum, name(keyPath)) }

    /// The arithmetic mean; `nil` of no values.
    public static func average<Property: NumericFieldValue>(
        _ keyPath: any KeyPath<Element, Property> & Sendable
    ) -> Self where Result == Property.Average? { mean(name(keyPath), Property.self) }

    /// The arithmetic mean of the values that are there; `nil` of none.
    public static func average<Property: NumericFieldValue>(
        _ keyPath: any KeyPath<Element, Property?> & Sendable
    ) -> Self where Result == Property.Average? { mean(name(keyPath), Property.self) }

    /// The least value; `nil` of none.
    public static func minimum<Property: ExtremeFieldValue>(
        _ keyPath: any KeyPath<Element, Property> & Sendable
    ) -> Self where Result == Property? { one(.minimum, name(keyPath)) }

    /// The least of the values that are there; `nil` of none.
    public static func minimum<Property: ExtremeFieldValue>(
        _ keyPath: any KeyPath<Element, Property?> & Sendable
    ) -> Self where Result == Property? { one(.minimum, name(keyPath)) }

    /// The greatest value; `nil` of none.
    public static func maximum<Property: ExtremeFieldValue>(
        _ keyPath: any KeyPath<Element, Property> & Sendable
    ) -> Self where Result == Property? { one(.maximum, name(keyPath)) }

    /// The greatest of the values that are there; `nil` of none.
    public static func maximum<Property: ExtremeFieldValue>(
        _ keyPath: any KeyPath<Element, Property?> & Sendable
    ) -> Self where Result == Property? { one(.maximum, name(keyPath)) }
}
