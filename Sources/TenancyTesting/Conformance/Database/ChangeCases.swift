import Foundation
import Tenancy
import TenancyCore

// Updates by filter.
extension DatabaseConformance {
    static func addChangeCases(_ list: inout CaseList) {
        list.begin("updates by filter")
        list.add("set some fields of some records, and say how many") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(6))
            let query = handle.query(Item.self)
            let changed = try await query.where { $0.quantity >= 4 }.update(
                .set(\.kind, to: "late"), .set(\.code, to: nil))
            t.expectEqual(changed, 2, "how many")
            t.expectEqual(try await query.where { $0.kind == "late" }.count(), 2, "with the new value")
            t.expectEqual(try await query.where(.never).update(.set(\.kind, to: "x")), 0, "none")
            t.expectEqual(try await query.where { $0.kind == "plain" }.count(), 4, "left alone")
        }
        list.add("set values of every type") { t in
            let handle = try await t.tenant()
            try await handle.create(Sample(id: "s"))
            let uid = UUID()
            var expected = Sample(
                id: "s", flag: true, number: .min, real: -0.5, amount: Decimal(string: "-1.25") ?? 0,
                text: "\u{1F600}'",
                uid: uid, moment: Timestamp(microsecondsSince1970: -1_000), blob: [0, 255],
                doc: try JSON(parsing: #"{"a":[1]}"#))
            try await handle.query(Sample.self).update(
                .set(\.flag, to: true), .set(\.number, to: .min), .set(\.real, to: -0.5),
                .set(\.amount, to: expected.amount),
                .set(\.text, to: expected.text), .set(\.uid, to: uid),
                .set(\.moment, to: Timestamp(microsecondsSince1970: -1)),
                .set(\.blob, to: [0, 255]), .set(\.doc, to: expected.doc))
            t.expectSame(try await handle.read(Sample.self, "s"), expected, "plain fields")
            expected.optionalFlag = false
            expected.optionalNumber = 1
            expected.optionalText = ""
            expected.optionalBlob = []
            expected.optionalDoc = JSON(.null)
            try await handle.query(Sample.self).update(
                .set(\.optionalFlag, to: false), .set(\.optionalNumber, to: 1), .set(\.optionalText, to: ""),
                .set(\.optionalBlob, to: []), .set(\.optionalDoc, to: JSON(.null)))
            t.expectSame(try await handle.read(Sample.self, "s"), expected, "optional fields")
            try await handle.query(Sample.self).update(
                .set(\.optionalFlag, to: nil), .set(\.optionalNumber, to: nil), .set(\.optionalText, to: nil),
                .set(\.optionalBlob, to: nil), .set(\.optionalDoc, to: nil))
            expected.optionalFlag = nil
            expected.optionalNumber = nil
            expected.optionalText = nil
            expected.optionalBlob = nil
            expected.optionalDoc = nil
            t.expectSame(try await handle.read(Sample.self, "s"), expected, "absent again")
        }
        list.add("add to integers, doubles and decimals") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "i", quantity: 5, price: Decimal(string: "0.1") ?? 0, weight: 0.5))
            try await handle.query(Item.self).update(
                .add(-7, to: \.quantity), .add(Decimal(string: "0.2") ?? 0, to: \.price), .add(0.25, to: \.weight))
            let item = try t.require(try await handle.read(Item.self, "i"))
            t.expectEqual(item.quantity, -2, "integer")
            t.expectEqual(item.price, Decimal(string: "0.3"), "decimal")
            t.expectEqual(item.weight, 0.75, "double")
            t.expectEqual(item.version, 2, "version")
        }
        list.add("adding to no value leaves none") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "i", quantity: nil))
            t.expectEqual(try await handle.query(Item.self).update(.add(1, to: \.quantity)), 1, "how many")
            t.expectEqual(try await handle.read(Item.self, "i")?.quantity, nil, "stored")
        }
        list.add("adding beyond 64 bits is an error and changes nothing") { t in
            let handle = try await t.tenant()
            let items = try await t.created([
                Item(id: "1", quantity: 1), Item(id: "2", quantity: .max), Item(id: "3", quantity: 1),
            ])
            await t.expectThrows(.invalidValue) { try await handle.query(Item.self).update(.add(1, to: \.quantity)) }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "after the sum")
            try await handle.query(Item.self).where { $0.id == "2" }.update(.add(-1, to: \.quantity))
            t.expectEqual(try await handle.read(Item.self, "2")?.quantity, .max - 1, "at the end")
        }
        list.add("adding below 64 bits is an error and changes nothing") { t in
            let handle = try await t.tenant()
            let items = try await t.created([Item(id: "1", quantity: .min), Item(id: "2", quantity: 1)])
            await t.expectThrows(.invalidValue) { try await handle.query(Item.self).update(.add(-1, to: \.quantity)) }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items)
        }
        list.add("adding beyond a decimal's digits or a double's range is an error and changes nothing") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([
                Ledger(id: 1, money: Decimal(string: "99999999.99") ?? 0), Ledger(id: 2, money: 1),
            ])
            await t.expectThrows(.invalidValue) {
                try await handle.query(Ledger.self).update(.add(Decimal(string: "0.01") ?? 0, to: \.money))
            }
            t.expectEqual(try await handle.read(Ledger.self, 2)?.money, 1, "another record's decimal")
            try await handle.create(Item(id: "i", weight: .greatestFiniteMagnitude))
            await t.expectThrows(.invalidValue) {
                try await handle.query(Item.self).update(.add(.greatestFiniteMagnitude, to: \.weight))
            }
            t.expectEqual(try await handle.read(Item.self, "i")?.weight, .greatestFiniteMagnitude, "the double")
        }
        list.add("adds at once lose none") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "i", quantity: 0))
            let outcomes = await t.concurrently(8) { _ in
                for _ in 0..<10 {
                    try await handle.query(Item.self).where { $0.id == "i" }.update(.add(1, to: \.quantity))
                }
            }
            t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
            let item = try t.require(try await handle.read(Item.self, "i"))
            t.expectEqual(item.quantity, 80, "the sum")
            t.expectEqual(item.version, 81, "the version")
        }
        list.add("the filter sees what was there before") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(5))
            let changed = try await handle.query(Item.self).where { $0.quantity < 3 }.update(.add(2, to: \.quantity))
            t.expectEqual(changed, 3, "how many")
            t.expectEqual(
                try await handle.query(Item.self).sorted(by: \.id).all().map(\.quantity), [2, 3, 4, 3, 4], "quantities")
        }
        list.add("what has no meaning is refused before anything is written") { t in
            let handle = try await t.tenant()
            let item = try await handle.create(Item(id: "i", quantity: 1))
            let query = handle.query(Item.self)
            await t.expectThrows(.invalidQuery) { try await query.untyped.update([]) }
            await t.expectThrows(.invalidQuery) { try await query.update(.set(\.id, to: "x")) }
            await t.expectThrows(.invalidQuery) { try await query.update(.set(\.version, to: 9)) }
            await t.expectThrows(.invalidQuery) { try await query.update(.set(\.kind, to: "a"), .set(\.kind, to: "b")) }
            await t.expectThrows(.invalidQuery) { try await query.limit(1).update(.set(\.kind, to: "a")) }
            await t.expectThrows(.invalidQuery) { try await query.untyped.update([Assignment("kind", .add("a"))]) }
            await t.expectThrows(.invalidQuery) {
                try await query.untyped.update([Assignment("quantity", .add(.null))])
            }
            await t.expectThrows(.notNullViolation) {
                try await query.untyped.update([Assignment("kind", .set(.null))])
            }
            await t.expectThrows(.typeMismatch) { try await query.untyped.update([Assignment("kind", .set(1))]) }
            await t.expectThrows(.unknownField) { try await query.untyped.update([Assignment("tenant_id", .set("b"))]) }
            await t.expectThrows(.invalidValue) { try await query.update(.set(\.weight, to: .nan)) }
            await t.expectThrows(.invalidValue) { try await query.update(.set(\.kind, to: "a\0b")) }
            await t.expectThrows(.valueTooLarge) {
                try await query.update(.set(\.code, to: String(repeating: "x", count: 256)))
            }
            t.expectSame(try await handle.read(Item.self, "i"), item)
        }
    }
}
