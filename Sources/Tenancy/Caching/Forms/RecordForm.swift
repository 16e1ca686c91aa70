import Foundation
import TenancyCore

/// A record in each of the forms in which it can be cached.
enum RecordForm {
    /// A record as bytes.
    static func bytes(
        _ row: RowView, of entity: EntityDescription, _ serialization: CacheSerialization
    ) throws(TenancyError) -> [UInt8] {
        switch serialization {
        case .json:
            var members: [String: JSONValue] = [:]
            for (column, field) in entity.fields.enumerated() {
                members[field.name] = JSONValue(cached: try row.value(column, as: field.type))
            }
            return Array(JSONValue.object(members).text.utf8)
        case .messagePack:
            var writer = MessagePackWriter()
            writer.beginMap(count: entity.fields.count)
            for (column, field) in entity.fields.enumerated() {
                writer.append(field.name)
                writer.append(try row.value(column, as: field.type))
            }
            return writer.bytes
        default: return try RowBuffer.wire(row, of: entity)
        }
    }

    /// A record of bytes; `nil` if they are not what ``bytes(_:of:_:)`` makes in that form.
    static func row(_ bytes: ArraySlice<UInt8>, of entity: EntityDescription, form: UInt8) -> RowBuffer? {
        switch form {
        case CacheSerialization.compact.identifier:
            return RowBuffer(wire: bytes, columnCount: entity.fields.count)
        case CacheSerialization.json.identifier:
            guard let text = String(validating: bytes, as: UTF8.self), let json = try? JSONValue(parsing: text),
                case .object(let members) = json, members.count == entity.fields.count
            else { return nil }
            return row(of: entity) { field in members[field.name].flatMap { Value(cached: $0, as: field.type) } }
        case CacheSerialization.messagePack.identifier:
            var reader = MessagePackReader(Array(bytes))
            guard reader.map() == entity.fields.count else { return nil }
            let row = row(of: entity) { field in
                // In the order in which they were written, because the digest is of this very form of the entity.
                reader.string() == field.name ? reader.value(as: field.type) : nil
            }
            return reader.isAtEnd ? row : nil
        default: return nil
        }
    }

    private static func row(of entity: EntityDescription, _ value: (FieldDescription) -> Value?) -> RowBuffer? {
        var builder = RowBuffer.Builder(columnCount: entity.fields.count)
        for field in entity.fields {
            guard let value = value(field) else { return nil }
            builder.append(value)
        }
        return builder.build()
    }
}

extension JSONValue {
    /// A field's value. What JSON has no exact form for is text: decimals, UUIDs, bytes (Base64) and documents as they are.
    fileprivate init(cached value: Value) {
        self =
            switch value {
            case .null: .null
            case .bool(let value): .bool(value)
            case .int64(let value): .int(value)
            // A zero's sign would be lost on the way through an integer.
            case .double(let value): value == 0 && value.sign == .minus ? .string("-0") : .double(value)
            case .decimal(let value): .string(value.canonicalText)
            case .string(let value): .string(value)
            case .uuid(let value): .string(value.uuidString)
            case .timestamp(let value): .int(value.microsecondsSince1970)
            case .bytes(let value): .string(Data(value).base64EncodedString())
            case .json(let value): .string(value.text)
            }
    }
}

extension Value {
    /// The value that ``JSONValue/init(cached:)`` was made of; `nil` if it was of another type.
    fileprivate init?(cached json: JSONValue, as type: FieldType) {
        switch (type, json) {
        case (_, .null): self = .null
        case (.bool, .bool(let value)): self = .bool(value)
        case (.int64, .int(let value)): self = .int64(value)
        case (.double, .double(let value)): self = .double(value)
        case (.double, .int(let value)): self = .double(Double(value))
        case (.double, .string("-0")): self = .double(-0.0)
        case (.decimal, .string(let text)):
            guard let value = Decimal(canonicalText: text) else { return nil }
            self = .decimal(value)
        case (.string, .string(let text)): self = .string(text)
        case (.uuid, .string(let text)):
            guard let value = UUID(uuidString: text) else { return nil }
            self = .uuid(value)
        case (.timestamp, .int(let value)): self = .timestamp(Timestamp(microsecondsSince1970: value))
        case (.bytes, .string(let text)):
            guard let value = Data(base64Encoded: text) else { return nil }
            self = .bytes(Array(value))
        case (.json, .string(let text)): self = .json(JSON(trusted: text))
        default: return nil
        }
    }
}
