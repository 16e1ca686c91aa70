import Foundation

extension RowBuffer {
    /// One row as bytes, as ``wire(_:types:)`` writes it.
    package static func wire(_ row: RowView, of entity: EntityDescription) throws(TenancyError) -> [UInt8] {
        var builder = Builder(columnCount: entity.fields.count)
        for (column, field) in entity.fields.enumerated() {
            builder.append(try row.value(column, as: field.type))
        }
        return builder.build().wire
    }

    /// Rows as bytes: for each cell a kind, then its content; little-endian. Read by ``init(wire:columnCount:rowCount:)``.
    package static func wire(_ rows: [RowView], types: [FieldType]) throws(TenancyError) -> [UInt8] {
        var builder = Builder(columnCount: types.count, rowCapacity: rows.count)
        for row in rows {
            for (column, type) in types.enumerated() { builder.append(try row.value(column, as: type)) }
        }
        return builder.build().wire
    }

    /// Values as the bytes of one row.
    package static func wire(_ values: [Value]) -> [UInt8] {
        var builder = Builder(columnCount: values.count)
        for value in values { builder.append(value) }
        return builder.build().wire
    }

    private var wire: [UInt8] {
        var wire: [UInt8] = []
        wire.reserveCapacity(cells.count * 9 + bytes.count)
        for cell in cells {
            wire.append(UInt8(truncatingIfNeeded: cell.kind.rawValue))
            switch cell.kind {
            case .null: break
            case .int64, .double: withUnsafeBytes(of: cell.payload.littleEndian) { wire.append(contentsOf: $0) }
            case .bytes:
                withUnsafeBytes(of: cell.length.littleEndian) { wire.append(contentsOf: $0) }
                wire.append(contentsOf: bytes[Int(cell.payload)..<Int(cell.payload) + Int(cell.length)])
            }
        }
        return wire
    }

    /// Reads rows; `nil` if the bytes are not exactly so many rows of that many columns.
    package convenience init?(wire: ArraySlice<UInt8>, columnCount: Int, rowCount: Int = 1) {
        // A cell takes a byte at least.
        let (cellCount, overflows) = columnCount.multipliedReportingOverflow(by: rowCount)
        guard !overflows, cellCount <= wire.count else { return nil }
        var cells: [Cell] = []
        cells.reserveCapacity(cellCount)
        let bytes = [UInt8](wire)
        var position = 0
        let wellFormed = bytes.withUnsafeBytes { all in
            while position < all.count {
                guard let kind = Kind(rawValue: UInt32(all[position])) else { return false }
                position += 1
                switch kind {
                case .null: cells.append(Cell(kind: .null, payload: 0, length: 0))
                case .int64, .double:
                    guard all.count - position >= 8 else { return false }
                    let payload = UInt64(littleEndian: all.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                    cells.append(Cell(kind: kind, payload: payload, length: 0))
                    position += 8
                case .bytes:
                    guard all.count - position >= 4 else { return false }
                    let length = UInt32(littleEndian: all.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                    position += 4
                    guard all.count - position >= Int(length) else { return false }
                    cells.append(Cell(kind: .bytes, payload: UInt64(position), length: length))
                    position += Int(length)
                }
            }
            return cells.count == cellCount
        }
        guard wellFormed else { return nil }
        self.init(columnCount: columnCount, cells: cells, bytes: bytes)
    }
}
