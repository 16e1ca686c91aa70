import Foundation
import TenancyCore
import Testing

@Suite("Entity schemas")
struct EntitySchemaTests {
    private let entity = Ticket.schema.description

    @Test("The declaration has no problem and says what it says")
    func description() {
        #expect(entity.problems.isEmpty)
        #expect(entity.fields.count == 19)
        #expect(entity.key.name == "id")
        #expect(entity.versionColumn == 18)
        #expect(
            entity.fields.filter(\.isNullable).map(\.name) == [
                "miles", "discount", "note", "owner", "flown", "scan", "upgrade",
            ])
        #expect(entity.fields[16].type == .string)
        #expect(entity.fields[17].type == .int64)
        #expect(entity.indexes.map(\.isUnique) == [false, true])
        #expect(entity.searchFields.map(\.weight) == [2, 1])
        #expect(entity.fields[7].options.maximumLength == FieldOptions.indexedMaximumLength)
        #expect(entity.fields[8].options.maximumLength == nil)
        #expect(Ticket.schema.fieldName(of: \.isPaid) == "is_paid")
        #expect(Ticket.schema.fieldName(of: \.name.count) == nil)
    }

    @Test("Every type survives encoding and decoding, with values and without", arguments: [true, false])
    func roundTrip(full: Bool) throws {
        let tickets = [Ticket.sample(full: full), .sample(full: !full), .sample(full: full)]
        var batch = ColumnBatch(entity, capacity: 3)
        for ticket in tickets { Ticket.schema.encode(ticket, into: &batch) }
        #expect(batch.count == 3)
        #expect(try Ticket.schema.decode(batch) == tickets)
    }

    @Test("Every type survives a row buffer and the wire")
    func wire() throws {
        for full in [true, false] {
            let ticket = Ticket.sample(full: full)
            var batch = ColumnBatch(entity)
            Ticket.schema.encode(ticket, into: &batch)
            let wire = try RowBuffer.wire([RowView(batch, row: 0)], types: entity.fields.map(\.type))
            let buffer = try #require(RowBuffer(wire: wire[...], columnCount: entity.fields.count))
            #expect(try Ticket.schema.decode(buffer) == [ticket])
        }
    }

    @Test("Records of values and typed elements are the same rows")
    func records() throws {
        let ticket = Ticket.sample(full: true)
        var batch = ColumnBatch(entity)
        Ticket.schema.encode(ticket, into: &batch)
        let schema = EntitySchema(records: entity)
        let record = try #require(try schema.decode(batch).first)
        #expect(record["name"] == .string(ticket.name))
        #expect(record["cabin"] == "first")
        #expect(record["missing"] == nil)
        #expect(record.key == .uuid(ticket.id))
        var copy = ColumnBatch(entity)
        schema.encode(record, into: &copy)
        #expect(try Ticket.schema.decode(copy) == [ticket])
    }

    @Test("A record refuses unknown fields and other types")
    func recordChecks() {
        let unknown = #expect(throws: TenancyError.self) { try Record(entity, ["nope": 1]) }
        #expect(unknown?.code == .unknownField)
        let mismatch = #expect(throws: TenancyError.self) { try Record(entity, ["seats": "1"]) }
        #expect(mismatch?.code == .typeMismatch)
        #expect(mismatch?.details.field == "seats")
    }

    @Test("A stored raw value without a case is an error, not a crash")
    func unknownCase() throws {
        var batch = ColumnBatch(entity)
        Ticket.schema.encode(.sample(full: true), into: &batch)
        var record = try #require(try EntitySchema(records: entity).decode(batch).first)
        try record.set("cabin", to: "premium")
        var changed = ColumnBatch(entity)
        EntitySchema(records: entity).encode(record, into: &changed)
        let error = #expect(throws: TenancyError.self) { try Ticket.schema.decode(changed) }
        #expect(error?.code == .typeMismatch)
        #expect(error.map { "\($0)".contains("premium") } == false)
    }

    @Test("A fingerprint changes with whatever decides how a row is stored")
    func fingerprints() {
        func entity(_ name: String, _ type: FieldType, _ isNullable: Bool, _ options: FieldOptions) -> EntityDescription
        {
            EntityDescription(
                name: name,
                fields: [
                    FieldDescription(name: "id", type: .int64, isNullable: false),
                    FieldDescription(name: "a", type: type, isNullable: isNullable, options: options),
                ], keyColumn: 0, versionColumn: nil)
        }
        let plain = FieldOptions()
        let variants = [
            entity("x", .decimal, false, plain), entity("y", .decimal, false, plain),
            entity("x", .string, false, plain),
            entity("x", .decimal, true, plain), entity("x", .decimal, false, .decimal(precision: 5, scale: 2)),
            entity("x", .timestamp, false, plain), entity("x", .timestamp, false, .microseconds),
        ]
        #expect(Set(variants.map(\.fingerprint)).count == variants.count)
        #expect(entity("x", .decimal, false, plain).fingerprint == variants[0].fingerprint)
    }

    @Test("Minus zero is stored as zero")
    func minusZero() {
        var column = ColumnBuffer(type: .double)
        column.append(-0.0)
        #expect(column.doubles[0].sign == .plus)
    }

    @Test("Validation names field and row of what no database can hold")
    func validation() throws {
        let bad: [(TenancyError.Code, (inout Ticket) -> Void)] = [
            (.invalidValue, { $0.weight = .nan }), (.invalidValue, { $0.weight = .infinity }),
            (.invalidValue, { $0.price = Decimal(sign: .plus, exponent: -3, significand: 1) }),
            (.invalidValue, { $0.price = .nan }), (.invalidValue, { $0.name = "a\0b" }),
            (.valueTooLarge, { $0.name = String(repeating: "x", count: 256) }),
            (.valueTooLarge, { $0.note = String(repeating: "x", count: 2_000) }),
            (.valueTooLarge, { $0.photo = Array(repeating: 0, count: 2_000) }),
            (.invalidValue, { $0.bought = Timestamp(microsecondsSince1970: .max) }),
            (.invalidValue, { $0.flown = .distantPast.addingTimeInterval(-1e15) }),
            (.invalidValue, { $0.flown = Date(timeIntervalSince1970: -1e300) }),
            (.invalidValue, { $0.extra = JSON(trusted: "[1,]") }),
            (.invalidValue, { $0.extra = JSON(trusted: #""\u0000""#) }),
        ]
        for (code, spoil) in bad {
            var ticket = Ticket.sample(full: true)
            spoil(&ticket)
            var batch = ColumnBatch(entity)
            Ticket.schema.encode(.sample(full: false), into: &batch)
            Ticket.schema.encode(ticket, into: &batch)
            let error = #expect(throws: TenancyError.self) { try batch.validate(for: entity, maximumValueBytes: 1_000) }
            #expect(error?.code == code)
            #expect(error?.details.row == 1)
            #expect(error?.details.field != nil)
        }
        var batch = ColumnBatch(entity)
        var ticket = Ticket.sample(full: true)
        ticket.name = String(repeating: "\u{1F6EB}", count: 200)
        Ticket.schema.encode(ticket, into: &batch)
        try batch.validate(for: entity, maximumValueBytes: 1_000)
        #expect(try Ticket.schema.decode(batch)[0].name == ticket.name)
    }

    @Test("Validation cuts timestamps to the field's precision")
    func precision() throws {
        var ticket = Ticket.sample(full: true)
        ticket.flown = Timestamp(microsecondsSince1970: -1_500_001).date
        ticket.bought = Timestamp(microsecondsSince1970: -1_500_001)
        var batch = ColumnBatch(entity)
        Ticket.schema.encode(ticket, into: &batch)
        try batch.validate(for: entity, maximumValueBytes: 1_000)
        let stored = try Ticket.schema.decode(batch)[0]
        #expect(stored.bought == ticket.bought)
        #expect(stored.flown.map(Timestamp.init)?.microsecondsSince1970 == -1_501_000)
    }
}
