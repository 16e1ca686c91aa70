import TenancyCore

/// The server's types that Tenancy uses, by their numbers, which are the same on every server.
enum PostgresType: UInt32, Sendable {
    case bool = 16
    case bytea = 17
    case int8 = 20
    case text = 25
    case float8 = 701
    case boolArray = 1000
    case byteaArray = 1001
    case textArray = 1009
    case int8Array = 1016
    case float8Array = 1022
    case timestamptz = 1184
    case timestamptzArray = 1185
    case numericArray = 1231
    case numeric = 1700
    case uuid = 2950
    case uuidArray = 2951
    case tsvector = 3614
    case tsquery = 3615
    case tsvectorArray = 3643
    case jsonb = 3802
    case jsonbArray = 3807

    /// The type of a field's column.
    init(_ type: FieldType) {
        self =
            switch type {
            case .bool: .bool
            case .int64: .int8
            case .double: .float8
            case .decimal: .numeric
            case .string: .text
            case .uuid: .uuid
            case .timestamp: .timestamptz
            case .bytes: .bytea
            case .json: .jsonb
            }
    }

    /// The type of a field's values in an array.
    init(arrayOf type: FieldType) {
        self =
            switch type {
            case .bool: .boolArray
            case .int64: .int8Array
            case .double: .float8Array
            case .decimal: .numericArray
            case .string: .textArray
            case .uuid: .uuidArray
            case .timestamp: .timestamptzArray
            case .bytes: .byteaArray
            case .json: .jsonbArray
            }
    }

    /// Microseconds from the beginning of 1970 to that of 2000, from which the server counts.
    static let epochMicroseconds: Int64 = 946_684_800_000_000
    /// What stands before the text of a `jsonb` on the wire.
    static let jsonbVersion: UInt8 = 1
}
