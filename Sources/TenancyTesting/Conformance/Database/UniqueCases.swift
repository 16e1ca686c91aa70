import Foundation
import Tenancy
import TenancyCore

// Values that one tenant can have only once.
extension DatabaseConformance {
    static func addUniqueCases(_ list: inout CaseList) {
        list.begin("unique")
        list.add("a value that is taken is a violation and changes nothing") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "1", code: "x"))
            let error = await t.expectThrows(.uniqueViolation) { try await handle.create(Item(id: "2", code: "x")) }
            t.expect(error.map { $0.details.tenant == handle.id } ?? true, "the error names another tenant")
            let two = try await handle.create(Item(id: "2", code: "y"))
            await t.expectThrows(.uniqueViolation) { try await handle.update(Item(id: "2", code: "x", version: 1)) }
            await t.expectThrows(.uniqueViolation) { try await handle.upsert(Item(id: "2", code: "x")) }
            await t.expectThrows(.uniqueViolation) { try await handle.upsert(Item(id: "3", code: "x")) }
            t.expectSame(try await handle.read(Item.self, "2"), two)
            t.expectEqual(try await handle.query(Item.self).count(), 2, "records")
        }
        list.add("an upsert that collides in another unique value replaces nobody else") { t in
            let handle = try await t.tenant()
            let one = try await handle.create(Item(id: "1", code: "x"))
            await t.expectThrows(.uniqueViolation) { try await handle.upsert(Item(id: "2", kind: "thief", code: "x")) }
            t.expectSame(try await handle.read(Item.self, "1"), one)
            t.expectSame(try await handle.read(Item.self, "2"), nil)
        }
        list.add("absent values are never equal") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([
                Item(id: "1"), Item(id: "2"), Item(id: "3", shelf: 1), Item(id: "4", shelf: 1), Item(id: "5", slot: 1),
                Item(id: "6", slot: 1),
            ])
            t.expectEqual(try await handle.query(Item.self).count(), 6, "records")
        }
        list.add("two fields together") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate([
                Item(id: "1", shelf: 1, slot: 1), Item(id: "2", shelf: 1, slot: 2), Item(id: "3", shelf: 2, slot: 1),
            ])
            await t.expectThrows(.uniqueViolation) { try await handle.create(Item(id: "4", shelf: 2, slot: 1)) }
            try await handle.update(Item(id: "3", shelf: 3, slot: 1, version: 1))
            try await handle.create(Item(id: "4", shelf: 2, slot: 1))
        }
        list.add("texts are equal by code point only") { t in
            let handle = try await t.tenant()
            let codes = ["a", "A", "a ", "ä", "a\u{308}", "\u{E9}", "e\u{301}", "", " ", "ß", "ss"]
            try await handle.bulkCreate(codes.enumerated().map { Item(id: "\($0)", code: $1) })
            for code in codes {
                await t.expectThrows(.uniqueViolation, what: code) {
                    try await handle.create(Item(id: "n", code: code))
                }
                let found = try await handle.query(Item.self).where { $0.code == code }.count()
                t.expectEqual(found, 1, "'\(code)'")
            }
        }
        list.add("a value is free again after its record was removed or changed") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "1", code: "x"))
            try await handle.update(Item(id: "1", code: "y", version: 1))
            try await handle.create(Item(id: "2", code: "x"))
            try await handle.delete(Item.self, "2")
            try await handle.create(Item(id: "3", code: "x"))
            try await handle.upsert(Item(id: "3", code: nil))
            try await handle.create(Item(id: "4", code: "x"))
        }
        list.add("tenants have the same keys and values independently") { t in
            let (a, b) = (try await t.tenant("a"), try await t.tenant("b"))
            for handle in [a, b] { try await handle.create(Item(id: "1", code: "x", shelf: 1, slot: 1)) }
            await t.expectThrows(.uniqueViolation) { try await b.create(Item(id: "2", code: "x")) }
            try await a.delete(Item.self, "1")
            await t.expectThrows(.uniqueViolation) { try await b.create(Item(id: "2", code: "x")) }
            try await a.create(Item(id: "2", code: "x", shelf: 1, slot: 1))
        }
        list.add("creates at once of one unique value: exactly one wins") { t in
            let handle = try await t.tenant()
            let outcomes = await t.concurrently(8) { try await handle.create(Item(id: "\($0)", code: "x")) }
            t.expectEqual(outcomes.count { $0 == nil }, 1, "winners")
            t.expect(outcomes.allSatisfy { $0 == nil || $0?.code == .uniqueViolation }, "\(outcomes)")
            t.expectEqual(try await handle.query(Item.self).count(), 1, "records")
        }
        list.add("an update by filter that would make two values equal changes nothing") { t in
            let handle = try await t.tenant()
            let items = try await t.created([Item(id: "1", code: "x"), Item(id: "2", code: "y"), Item(id: "3")])
            await t.expectThrows(.uniqueViolation) { try await handle.query(Item.self).update(.set(\.code, to: "z")) }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items)
        }
    }
}
