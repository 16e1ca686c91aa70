import TenancyCore
import Testing

@Suite("Row buffers")
struct RowBufferTests {
    private let entity = Ticket.schema.description

    private func wire() throws -> [UInt8] {
        var batch = ColumnBatch(entity)
        Ticket.schema.encode(.sample(full: true), into: &batch)
        return try RowBuffer.wire([RowView(batch, row: 0)], types: entity.fields.map(\.type))
    }

    @Test("Every shortened row is refused")
    func truncated() throws {
        let wire = try wire()
        for length in 0..<wire.count {
            #expect(RowBuffer(wire: wire[..<length], columnCount: entity.fields.count) == nil)
        }
    }

    @Test("A row with something after it, or of another width, is refused")
    func length() throws {
        let wire = try wire()
        #expect(RowBuffer(wire: (wire + [0])[...], columnCount: entity.fields.count) == nil)
        #expect(RowBuffer(wire: wire[...], columnCount: entity.fields.count - 1) == nil)
        #expect(RowBuffer(wire: wire[...], columnCount: entity.fields.count + 1) == nil)
    }

    @Test("A slice is read from its own beginning")
    func slice() throws {
        let wire = try wire()
        let padded = [9, 9, 9] + wire
        let buffer = try #require(RowBuffer(wire: padded[3...], columnCount: entity.fields.count))
        #expect(try Ticket.schema.decode(buffer).count == 1)
    }

    @Test("Flipped and random bytes are refused, or decoded to something, and never crash")
    func fuzz() throws {
        let wire = try wire()
        for _ in 0..<5_000 {
            var bytes = wire
            for _ in 0..<Int.random(in: 1...4) { bytes[Int.random(in: bytes.indices)] = .random(in: 0...255) }
            touch(RowBuffer(wire: bytes[...], columnCount: entity.fields.count))
        }
        for _ in 0..<5_000 {
            let bytes = (0..<Int.random(in: 0...64)).map { _ in UInt8.random(in: 0...5) }
            for columns in [0, 1, 3] { touch(RowBuffer(wire: bytes[...], columnCount: columns)) }
        }
    }

    private func touch(_ buffer: RowBuffer?) {
        guard let buffer else { return }
        for row in 0..<buffer.count {
            for column in 0..<buffer.columnCount {
                for type in FieldType.allCases { _ = try? RowView(buffer, row: row).value(column, as: type) }
            }
            if buffer.columnCount == entity.fields.count { _ = try? Ticket.schema.decode(RowView(buffer, row: row)) }
        }
    }

    @Test("Asking for another type throws")
    func types() throws {
        var builder = RowBuffer.Builder(columnCount: 4)
        for value: Value in [1, "text", 1.5, nil] { builder.append(value) }
        #expect(builder.count == 1)
        let row = RowView(builder.build(), row: 0)
        for (column, type) in [
            (0, FieldType.string), (0, .double), (1, .int64), (1, .uuid), (1, .decimal), (2, .int64),
        ] {
            let error = #expect(throws: TenancyError.self) { try row.value(column, as: type) }
            #expect(error?.code == .corrupted)
        }
        for type in FieldType.allCases { #expect(try row.value(3, as: type) == .null) }
    }

    @Test("Several rows keep their order")
    func rows() throws {
        var builder = RowBuffer.Builder(columnCount: 2, rowCapacity: 3)
        for number in 0..<3 {
            builder.append(.int64(Int64(number)))
            builder.append(.string("row \(number)"))
        }
        let buffer = builder.build()
        #expect(buffer.count == 3)
        #expect(try (0..<3).map { try buffer.string($0, 1) } == ["row 0", "row 1", "row 2"])
    }
}
