import Foundation
import TenancyCore

/// Arrays in the server's binary form: the number of dimensions, whether there are nulls, the elements' type, how many
/// there are, the first one's index; then each element with its length before it.
extension [UInt8] {
    mutating func beginArray(of type: PostgresType, count: Int, hasNulls: Bool) {
        append(wire: count == 0 ? Int32(0) : 1)
        append(wire: hasNulls ? Int32(1) : 0)
        append(wire: type.rawValue)
        if count == 0 { return }
        append(wire: Int32(clamping: count))
        append(wire: Int32(1))
    }

    /// Appends an element whose length is known when it has been written.
    @inline(__always)
    mutating func appendElement(_ body: (inout [UInt8]) -> Void) {
        let offset = count
        append(wire: Int32(0))
        body(&self)
        overwrite(Int32(clamping: count - offset - 4), at: offset)
    }

    @inline(__always)
    mutating func appendNullElement() { append(wire: Int32(-1)) }

    /// Appends a cell, which is not null.
    mutating func append(_ column: ColumnBuffer, row: Int) {
        switch column.type {
        case .bool: append(column.int64s[row] == 0 ? 0 : 1)
        case .int64: append(wire: column.int64s[row])
        case .timestamp: append(microsecondsSince1970: column.int64s[row])
        case .double: append(wire: column.doubles[row].bitPattern)
        case .decimal: append(numeric: column.decimals[row])
        case .string: append(contentsOf: column.strings[row].utf8)
        case .json: append(json: column.strings[row])
        case .uuid: Swift.withUnsafeBytes(of: column.uuids[row].uuid) { append(contentsOf: $0) }
        case .bytes: append(contentsOf: column.blobs[row])
        }
    }

    /// Appends some rows of a column as an array. The type is looked at once and not for every cell.
    mutating func append(array column: ColumnBuffer, rows: Range<Int>) {
        let nulls = column.nulls
        let hasNulls = nulls[rows].contains(true)
        beginArray(of: PostgresType(column.type), count: rows.count, hasNulls: hasNulls)
        switch column.type {
        case .bool:
            let values = column.int64s
            reserve(rows.count, width: 1)
            elements(rows, nulls) { bytes, row in
                bytes.append(wire: Int32(1))
                bytes.append(values[row] == 0 ? 0 : 1)
            }
        case .int64:
            let values = column.int64s
            reserve(rows.count, width: 8)
            elements(rows, nulls) { bytes, row in
                bytes.append(wire: Int32(8))
                bytes.append(wire: values[row])
            }
        case .timestamp:
            let values = column.int64s
            reserve(rows.count, width: 8)
            elements(rows, nulls) { bytes, row in
                bytes.append(wire: Int32(8))
                bytes.append(microsecondsSince1970: values[row])
            }
        case .double:
            let values = column.doubles
            reserve(rows.count, width: 8)
            elements(rows, nulls) { bytes, row in
                bytes.append(wire: Int32(8))
                bytes.append(wire: values[row].bitPattern)
            }
        case .uuid:
            let values = column.uuids
            reserve(rows.count, width: 16)
            elements(rows, nulls) { bytes, row in
                bytes.append(wire: Int32(16))
                Swift.withUnsafeBytes(of: values[row].uuid) { bytes.append(contentsOf: $0) }
            }
        case .decimal:
            let values = column.decimals
            elements(rows, nulls) { bytes, row in bytes.appendElement { $0.append(numeric: values[row]) } }
        case .string:
            let values = column.strings
            elements(rows, nulls) { bytes, row in
                let text = values[row].utf8
                bytes.append(wire: Int32(clamping: text.count))
                bytes.append(contentsOf: text)
            }
        case .json:
            let values = column.strings
            elements(rows, nulls) { bytes, row in
                bytes.append(wire: Int32(clamping: values[row].utf8.count + 1))
                bytes.append(json: values[row])
            }
        case .bytes:
            let values = column.blobs
            elements(rows, nulls) { bytes, row in
                bytes.append(wire: Int32(clamping: values[row].count))
                bytes.append(contentsOf: values[row])
            }
        }
    }

    /// Makes room for elements of one width. Growing still doubles, as several columns follow each other.
    private mutating func reserve(_ rows: Int, width: Int) {
        let needed = count + rows * (width + 4)
        if needed > capacity { reserveCapacity(Swift.max(needed, capacity * 2)) }
    }

    @inline(__always)
    private mutating func elements(_ rows: Range<Int>, _ nulls: [Bool], _ body: (inout [UInt8], Int) -> Void) {
        for row in rows {
            if nulls[row] { appendNullElement() } else { body(&self, row) }
        }
    }
}
