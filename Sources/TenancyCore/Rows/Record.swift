/// A record of any entity by the names of its fields: the untyped counterpart of an ``Entity``, for tools.
public struct Record: Sendable, Hashable {
    /// The entity that the record is of.
    public let entity: EntityDescription
    /// The values in the order of the entity's fields.
    public private(set) var values: [Value]

    /// A record with the named values and none in every other field.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/unknownField`` or ``TenancyError/Code/typeMismatch``.
    public init(_ entity: EntityDescription, _ values: [String: Value]) throws(TenancyError) {
        self.entity = entity
        self.values = Array(repeating: .null, count: entity.fields.count)
        for (name, value) in values { try set(name, to: value) }
    }

    init(_ entity: EntityDescription, _ row: RowView) throws(TenancyError) {
        self.entity = entity
        var values: [Value] = []
        values.reserveCapacity(entity.fields.count)
        for (column, field) in entity.fields.enumerated() { values.append(try row.value(column, as: field.type)) }
        self.values = values
    }

    /// The value of a field; `nil` if the entity has no field of that name.
    public subscript(name: String) -> Value? { entity.column(named: name).map { values[$0] } }

    /// The value of the key.
    public var key: Value { values[entity.keyColumn] }

    /// Changes a field.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/unknownField`` or ``TenancyError/Code/typeMismatch``.
    public mutating func set(_ name: String, to value: Value) throws(TenancyError) {
        let column = try entity.requireColumn(named: name)
        guard value.isNull || value.type == entity.fields[column].type else {
            throw TenancyError(
                .typeMismatch, "A value's type is not the field's, which is \(entity.fields[column].type.rawValue).",
                details: .init(entity: entity.name, field: name))
        }
        values[column] = value
    }
}
