import Foundation

@testable import TenancyCore

/// An entity with a field of every type, a version, indexes and two search fields.
func makeItem(_ name: String = "items") -> EntityDescription {
    let fields = [
        FieldDescription(name: "id", type: .int64, isNullable: false),
        FieldDescription(name: "name", type: .string, isNullable: true),
        FieldDescription(name: "amount", type: .decimal, isNullable: true, options: .decimal(precision: 20, scale: 4)),
        FieldDescription(name: "rate", type: .double, isNullable: true),
        FieldDescription(name: "flag", type: .bool, isNullable: true),
        FieldDescription(name: "token", type: .uuid, isNullable: true),
        FieldDescription(name: "at", type: .timestamp, isNullable: true, options: .microseconds),
        FieldDescription(name: "raw", type: .bytes, isNullable: true),
        FieldDescription(name: "document", type: .json, isNullable: true),
        FieldDescription(name: "number", type: .int64, isNullable: false),
        FieldDescription(name: "note", type: .string, isNullable: true),
        FieldDescription(name: "version", type: .int64, isNullable: false),
    ]
    return EntityDescription(
        name: name, fields: fields, keyColumn: 0, versionColumn: 11,
        indexes: [
            .init(columns: [1], isUnique: false), .init(columns: [9], isUnique: false),
            .init(columns: [5], isUnique: true),
        ],
        searchFields: [.init(column: 1, weight: 5), .init(column: 10)])
}

/// A row of the entity with what a test cares for, and no values in the rest.
func item(
    _ id: Int64, _ name: String? = nil, number: Int64 = 0, amount: Decimal? = nil, token: UUID? = nil,
    note: String? = nil, rate: Double? = nil, version: Int64 = 1
) -> [Value] {
    [
        .int64(id), name.map(Value.string) ?? .null, amount.map(Value.decimal) ?? .null,
        rate.map(Value.double) ?? .null, .null, token.map(Value.uuid) ?? .null, .null, .null, .null, .int64(number),
        note.map(Value.string) ?? .null, .int64(version),
    ]
}

/// An entity with a text key and nothing else.
func makeTag() -> EntityDescription {
    EntityDescription(
        name: "tags", fields: [FieldDescription(name: "label", type: .string, isNullable: false)], keyColumn: 0,
        versionColumn: nil)
}

/// An entity without a version, whose key is a UUID, with one search field.
func makePage() -> EntityDescription {
    EntityDescription(
        name: "pages",
        fields: [
            FieldDescription(name: "title", type: .string, isNullable: false),
            FieldDescription(name: "id", type: .uuid, isNullable: false),
            FieldDescription(name: "rank_", type: .int64, isNullable: true),
        ],
        keyColumn: 1, versionColumn: nil, indexes: [.init(columns: [2], isUnique: true)],
        searchFields: [.init(column: 0)])
}
