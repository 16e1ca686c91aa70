/// One field of an entity: its column and what the column may hold.
public struct FieldDescription: Sendable, Hashable {
    /// The column's name.
    public let name: String
    /// The type.
    public let type: FieldType
    /// Whether the field may have no value.
    public let isNullable: Bool
    /// Details of the type.
    public let options: FieldOptions

    /// A field with these properties.
    public init(name: String, type: FieldType, isNullable: Bool, options: FieldOptions = FieldOptions()) {
        self.name = name
        self.type = type
        self.isNullable = isNullable
        self.options = options
    }
}

/// Details of a field's type: how much it may hold and how finely.
public struct FieldOptions: Sendable, Hashable {
    /// The digits of a decimal field, at most 34 (what MongoDB's Decimal128 holds).
    public var precision = 34
    /// The digits of a decimal field after the point.
    public var scale = 12
    /// How finely a timestamp is stored.
    public var timestampPrecision = TimestampPrecision.milliseconds
    /// The longest text, in Unicode scalars, or the most bytes; `nil` for no bound but the SDK's limit on values.
    ///
    /// A field that is a key or part of an index gets ``indexedMaximumLength`` if it declares none, because databases
    /// bound what an index entry can hold.
    public var maximumLength: Int?
    /// What records have that were written before the field was added to the entity.
    public var defaultValue: Value?

    /// The bound of text and bytes that an index holds.
    public static let indexedMaximumLength = 255

    /// Options with every default.
    public init() {}

    /// A decimal with `precision` digits of which `scale` follow the point.
    public static func decimal(precision: Int, scale: Int) -> FieldOptions {
        var options = FieldOptions()
        options.precision = precision
        options.scale = scale
        return options
    }

    /// A timestamp stored to the microsecond.
    public static var microseconds: FieldOptions {
        var options = FieldOptions()
        options.timestampPrecision = .microseconds
        return options
    }

    /// Text of at most `scalars` Unicode scalars, or that many bytes.
    public static func maximumLength(_ scalars: Int) -> FieldOptions {
        var options = FieldOptions()
        options.maximumLength = scalars
        return options
    }

    /// The same options with a value for records that were written before the field was added.
    public func `default`(_ value: Value) -> FieldOptions {
        var options = self
        options.defaultValue = value
        return options
    }

    /// A field whose value, in records that were written before it was added, is `value`.
    public static func `default`(_ value: Value) -> FieldOptions { FieldOptions().default(value) }
}
