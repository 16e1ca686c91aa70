import Foundation

extension EntitySchema {
    /// The fields that stand in the place of another of the same type: written from one property and read into another.
    ///
    /// The compiler can't tell two parameters of one type apart. So rows that differ in one field are read and written
    /// again, and a value that comes back in another field tells. A type that refuses made-up values, such as an
    /// enumeration with raw values, leaves the fields of its entity unchecked.
    package var misplacedFields: [String] {
        description.fields.indices.filter(isMisplaced).map { description.fields[$0].name }
    }

    private func isMisplaced(_ column: Int) -> Bool {
        let fields = description.fields
        var row = ColumnBatch(description)
        var copy = ColumnBatch(description)
        do throws(TenancyError) {
            try row.append(fields.indices.map { Self.sample(fields[$0].type, isMarked: $0 == column) })
            encode(try decode(RowView(row, row: 0)), into: &copy)
            let mark = Self.sample(fields[column].type, isMarked: true)
            let view = RowView(copy, row: 0)
            guard try view.value(column, as: fields[column].type) != mark else { return false }
            for other in fields.indices where other != column && fields[other].type == fields[column].type {
                if try view.value(other, as: fields[other].type) == mark { return true }
            }
            return false
        } catch {
            return false
        }
    }

    private static func sample(_ type: FieldType, isMarked: Bool) -> Value {
        let number: UInt8 = isMarked ? 2 : 1
        return switch type {
        case .bool: .bool(isMarked)
        case .int64: .int64(Int64(number))
        case .double: .double(Double(number))
        case .decimal: .decimal(Decimal(Int(number)))
        case .string: .string(String(number))
        case .uuid: .uuid(UUID(uuid: (number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        case .timestamp: .timestamp(Timestamp(microsecondsSince1970: Int64(number) * 1_000_000))
        case .bytes: .bytes([number])
        case .json: .json(JSON(trusted: String(number)))
        }
    }
}
