import Foundation
import Tenancy
import TenancyCore

// Writes with what belongs to another.
extension IsolationSuite {
    static func addWriteCases(_ list: inout CaseList) {
        list.begin("isolation of writes")
        list.add("a create of a key that the other has is no collision, and changes nothing there") { t in
            let twins = try await Twins(t)
            try await twins.a.create(Item(id: "only1", kind: "owner0", quantity: 99, code: "new"))
            try await twins.expectIntact(1, "after the other's create")
            t.expectEqual(try await twins.a.query(Item.self).count(), Twins.count + 1, "a's records")
        }
        list.add("an update of a key that only the other has is not found") { t in
            let twins = try await Twins(t)
            await t.expectThrows(.notFound) { try await twins.a.update(Item(id: "only1", kind: "stolen", version: 1)) }
            try await twins.a.update(Item(id: "i0", kind: "owner0", quantity: 0, version: 1))
            try await twins.expectIntact(1, "after the other's updates")
        }
        list.add("a failed update tells the other's record from none by nothing") { t in
            let twins = try await Twins(t)
            let foreign = await t.expectThrows(.notFound) { try await twins.a.update(Item(id: "only1", version: 1)) }
            let none = await t.expectThrows(.notFound) { try await twins.a.update(Item(id: "nowhere", version: 1)) }
            let stale = await t.expectThrows(.notFound) { try await twins.a.update(Item(id: "only1", version: 7)) }
            t.expectEqual(foreign.map { "\($0)" }, none.map { "\($0)" }, "the texts of both errors")
            t.expectEqual(stale.map { "\($0)" }, none.map { "\($0)" }, "the texts with another version")
        }
        list.add("an upsert of the other's key adds one's own") { t in
            let twins = try await Twins(t)
            t.expectEqual(
                try await twins.a.upsert(Item(id: "only1", kind: "owner0", quantity: 6)).version, 1, "the version")
            try await twins.a.upsert(Item(id: "i0", kind: "owner0", quantity: 0))
            try await twins.expectIntact(1, "after the other's upserts")
        }
        list.add("deletes by key") { t in
            let twins = try await Twins(t)
            t.expectEqual(try await twins.a.delete(Item.self, "only1"), false, "of the other's key")
            t.expectEqual(try await twins.a.delete(Item(id: "only1", version: 1)), false, "of the other's record")
            t.expectEqual(try await twins.a.delete(Item(id: "only1", version: 9)), false, "of it with another version")
            t.expectEqual(try await twins.a.delete(Item.self, "i0"), true, "of a shared key")
            try await twins.expectIntact(1, "after the other's deletes")
        }
        list.add("deletes by filter") { t in
            let twins = try await Twins(t)
            t.expectEqual(
                try await twins.a.query(Item.self).where { $0.kind == "owner1" }.delete(), 0, "of the other's kind")
            t.expectEqual(try await twins.a.query(Item.self).where { $0.slot >= 3 }.delete(), 3, "of some")
            t.expectEqual(try await twins.a.query(Item.self).delete(), 3, "of all")
            try await twins.a.query(Point.self).delete()
            if t.adapter.capabilities.searches { try await twins.a.query(Article.self).delete() }
            try await twins.expectIntact(1, "after the other's deletes")
        }
        list.add("updates by filter") { t in
            let twins = try await Twins(t)
            let all = twins.a.query(Item.self)
            t.expectEqual(
                try await all.where { $0.kind == "owner1" }.update(.set(\.kind, to: "stolen")), 0, "of the other's kind"
            )
            t.expectEqual(
                try await all.update(.add(5, to: \.quantity), .set(\.kind, to: "mine")), Twins.count, "of all")
            t.expectEqual(
                try await all.where { $0.id.isIn(["only0", "only1"]) }.update(.set(\.code, to: nil)), 1, "of both keys")
            try await twins.a.query(Point.self).update(.set(\.a, to: 77))
            try await twins.expectIntact(1, "after the other's updates")
        }
        for (name, atomicity) in [("whole", BulkOptions.Atomicity.whole), ("batch", .batch), ("row", .row)] {
            list.add("bulk writes, \(name)", needs: .transactions) { t in
                let twins = try await Twins(t)
                let options = BulkOptions(batchSize: 2, atomicity: atomicity)
                try await twins.a.bulkCreate(
                    [Item(id: "only1", kind: "owner0"), Item(id: "x", kind: "owner0")], options: options)
                try await twins.expectIntact(1, "after the other's creates")
                try await twins.a.bulkUpsert(
                    (0..<5).map { Item(id: "i\($0)", kind: "owner0", code: "up\($0)") }, options: options)
                try await twins.expectIntact(1, "after the other's upserts")
                try await twins.a.bulkUpdate(
                    (0..<5).map { Item(id: "i\($0)", kind: "owner0", version: 2) }, options: options)
                try await twins.expectIntact(1, "after the other's updates")
                let ids = (0..<5).map { "i\($0)" } + ["only0", "only1", "x"]
                t.expectEqual(try await twins.a.bulkDelete(Item.self, ids, options: options).affected, 8, "deleted")
                try await twins.expectIntact(1, "after the other's deletes")
                let missing = [Item(id: "only1", kind: "stolen", version: 1)]
                if atomicity == .whole {
                    await t.expectThrows(.notFound) { try await twins.a.bulkUpdate(missing, options: options) }
                } else {
                    let result = try await twins.a.bulkUpdate(missing, options: options)
                    t.expectEqual(result.failures.map(\.error.code), [.notFound], "an update of the other's key")
                }
                try await twins.expectIntact(1, "after the other's update of its key")
            }
        }
        list.add("unique values are each tenant's own") { t in
            let twins = try await Twins(t)
            try await twins.a.query(Item.self).delete()
            await t.expectThrows(.uniqueViolation) { try await twins.b.create(Item(id: "n", code: "code0")) }
            try await twins.a.create(Item(id: "n", code: "code0", shelf: 1, slot: 0))
            try await twins.a.upsert(Item(id: "n", code: "code1", shelf: 1, slot: 1))
            try await twins.a.query(Item.self).update(.set(\.code, to: "code2"))
            try await twins.expectIntact(1, "after the other's writes")
        }
        list.add("a record that claims to be the other's is one's own") { t in
            let (a, b) = (try await t.tenant("a"), try await t.tenant("b"))
            let claim = Impostor(id: "i", tenant: b.id.rawValue, tenantName: b.id.rawValue)
            try await a.create(claim)
            t.expectSame(try await a.read(Impostor.self, "i"), claim, "a's")
            t.expectSame(try await b.read(Impostor.self, "i"), nil, "b's")
            try await a.query(Impostor.self).update(
                .set(\.tenant, to: b.id.rawValue), .set(\.tenantName, to: b.id.rawValue))
            t.expectEqual(
                try await b.query(Impostor.self).where { $0.tenant == b.id.rawValue }.count(), 0, "b's by filter")
            t.expectEqual(
                try await a.query(Impostor.self).where { $0.tenant == b.id.rawValue }.count(), 1, "a's by filter")
            let records = try a.records(Impostor.schema.description.name)
            for field in ["tenant_id", "_tenant", "tenantID", "_id", "rowid", "conformance_impostors.tenant_id"] {
                await t.expectThrows(.unknownField, what: field) {
                    try Record(records.entity, [field: .string(b.id.rawValue)])
                }
                await t.expectThrows(.unknownField, what: field) {
                    try await records.query().update([Assignment(field, .set(.string(b.id.rawValue)))])
                }
                await t.expectThrows(.unknownField, what: field) {
                    try await records.query().aggregate([AggregateFunction(.count)], groupBy: [field])
                }
            }
        }
        list.add("search follows one's own writes only", needs: .search) { t in
            let twins = try await Twins(t)
            try await twins.a.upsert(Article(id: 0, title: "replaced"))
            try await twins.a.delete(Article.self, 1)
            try await twins.a.query(Article.self).where { $0.id == 2 }.update(.set(\.title, to: "changed"))
            try await twins.expectIntact(1, "after the other's writes")
            t.expectEqual(try await twins.a.search(Article.self, "shared").count, Twins.count - 3, "a's hits")
            t.expectEqual(try await twins.b.search(Article.self, "replaced").count, 0, "a's new word in b")
        }
        list.add("the removal of a tenant's data leaves the others'") { t in
            let twins = try await Twins(t, ["a", "b", "c"])
            try await t.adapter.removeAllData(in: TenantContext(tenant: twins.a.id))
            try await twins.expectIntact(1, "after the removal")
            try await twins.expectIntact(2, "after the removal")
            t.expectEqual(try await twins.a.query(Item.self).count(), 0, "a's records")
        }
    }
}
