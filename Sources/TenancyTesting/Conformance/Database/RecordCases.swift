import Foundation
import Tenancy
import TenancyCore

// The untyped API beside the typed one, the bare adapter, and the SDK's life.
extension DatabaseConformance {
    static func addRecordCases(_ list: inout CaseList) {
        list.begin("records")
        list.add("what is written untyped is read typed, and the other way") { t in
            let handle = try await t.tenant()
            let records = try handle.records(Item.schema.description.name)
            let written = try Record(
                records.entity, ["id": "r", "kind": "untyped", "price": .decimal(1.5), "weight": 0.5, "version": 0])
            let created = try await records.create(written)
            t.expectEqual(created["version"], 1, "version")
            t.expectSame(
                try await handle.read(Item.self, "r"),
                Item(id: "r", kind: "untyped", quantity: nil, price: 1.5, weight: 0.5, version: 1))
            let item = try await handle.create(Item(id: "t", quantity: 7))
            let read = try t.require(try await records.read("t"))
            t.expectEqual(read.values, item.storedValues, "values")
            t.expectEqual(read.key, "t", "key")
        }
        list.add("every operation works untyped") { t in
            let handle = try await t.tenant()
            let records = try handle.records(Point.schema.description.name)
            let entity = records.entity
            func point(_ id: Int64, _ b: String) throws -> Record {
                try Record(entity, ["id": .int64(id), "b": .string(b)])
            }
            try await records.bulkCreate(
                [try point(1, "a"), try point(2, "b"), try point(3, "c")], options: BulkOptions(atomicity: .batch))
            try await records.update(try point(1, "changed"))
            try await records.upsert(try point(4, "new"))
            t.expectEqual(try await records.read(1)?["b"], "changed", "read")
            t.expectEqual(try await records.read(keys: [4, 9, 2]).map(\.key), [4, 2], "read by keys")
            let query = records.query().where(.compare(field: "id", .greater, 1)).sorted(by: "b", .descending)
            t.expectEqual(try await query.all().map(\.key), [4, 3, 2], "query")
            t.expectEqual(try await query.count(), 3, "count")
            t.expectEqual(try await query.exists(), true, "exists")
            t.expectEqual(
                try await query.select(["b", "id", "a"]), [["new", 4, .null], ["c", 3, .null], ["b", 2, .null]],
                "projection")
            await t.expectThrows(.unknownField) { try await query.select(["nope"]) }
            await t.expectThrows(.invalidQuery) { try await query.select([]) }
            let made = Query(filter: .compare(field: "id", .less, 4), sort: [.init("id", .descending)], limit: 2)
            t.expectEqual(try await records.query(made).all().map(\.key), [3, 2], "a query made elsewhere")
            t.expectEqual(try await query.first()?.key, 4, "first")
            t.expectEqual(try await query.page(size: 2).items.count, 2, "page")
            t.expectEqual(try await t.collect(query.stream()).map(\.key), [4, 3, 2], "stream")
            t.expectEqual(try await query.update([Assignment("a", .set(5))]), 3, "update by filter")
            t.expectEqual(try await query.aggregate([AggregateFunction(.sum, "a")]), [[15]], "aggregate")
            try await records.bulkUpdate([try point(2, "bulk")], options: BulkOptions(atomicity: .batch))
            try await records.bulkUpsert(
                [try point(3, "bulk"), try point(5, "bulk")], options: BulkOptions(atomicity: .batch))
            t.expectEqual(
                try await records.query().where(.compare(field: "b", .equal, "bulk")).count(), 3, "bulk writes")
            try await handle.transaction { transaction in
                let inside = try transaction.records(entity.name)
                t.expectEqual(try await inside.delete(5), true, "delete in a transaction")
                t.expectEqual(try await inside.query().count(), 4, "count in a transaction")
            }
            t.expectEqual(try await records.delete(4), true, "delete")
            t.expectEqual(
                try await records.bulkDelete([1, 2], options: BulkOptions(atomicity: .batch)).affected, 2, "bulk delete"
            )
            t.expectEqual(try await records.query().delete(), 1, "delete by filter")
        }
        list.add("no value in a field that must have one is refused") { t in
            let handle = try await t.tenant()
            let records = try handle.records(Point.schema.description.name)
            let bad = try Record(records.entity, ["id": 1])
            let error = await t.expectThrows(.notNullViolation) { try await records.create(bad) }
            t.expectEqual(error?.details.field, "b", "field")
            await t.expectThrows(.notNullViolation) { try await records.upsert(bad) }
            await t.expectThrows(.notNullViolation) { try await records.create(try Record(records.entity, ["b": "x"])) }
            let result = try await records.bulkCreate(
                [bad, try Record(records.entity, ["id": 2, "b": ""])], options: BulkOptions(atomicity: .row))
            t.expectEqual(result.failures.map(\.row), [0], "failures")
            t.expectEqual(try await handle.query(Point.self).all().map(\.id), [2], "records")
        }
        list.add("unknown fields and values of other types are refused") { t in
            let records = try await t.tenant().records(Point.schema.description.name)
            await t.expectThrows(.unknownField) { try Record(records.entity, ["nope": 1]) }
            await t.expectThrows(.unknownField) { try Record(records.entity, ["tenant_id": "b"]) }
            await t.expectThrows(.typeMismatch) { try Record(records.entity, ["id": "1"]) }
            await t.expectThrows(.typeMismatch) { try Record(records.entity, ["id": 1.0]) }
            await t.expectThrows(.typeMismatch) { try await records.read("1") }
            await t.expectThrows(.typeMismatch) { try await records.delete(nil) }
            await t.expectThrows(.typeMismatch) { try await records.read(keys: [1, .double(2)]) }
        }
        list.add("an entity of another name, and the SDK's own ones, are out of reach") { t in
            let handle = try await t.tenant()
            for name in [
                "nope", "", "tenancy_tenants", "tenancy_audit", "tenancy_meta", "sqlite_master",
                "conformance_items; --",
            ] {
                await t.expectThrows(.entityNotRegistered, what: name) { try handle.records(name) }
            }
        }
        list.add("every type passes through untyped") { t in
            let handle = try await t.tenant()
            let sample = Sample(
                id: "s", flag: true, number: .min, real: -1e-300, amount: Decimal(string: "-0.000000000001") ?? 0,
                text: "\u{1F600}",
                uid: UUID(), moment: Timestamp(microsecondsSince1970: -62_135_596_800_000_000), blob: [0, 255],
                doc: JSON(.array([.null])),
                optionalUID: UUID(), optionalBlob: [])
            try await handle.create(sample)
            let records = try handle.records(Sample.schema.description.name)
            var record = try t.require(try await records.read("s"))
            t.expectEqual(record.values, sample.storedValues, "values")
            try record.set("id", to: "copy")
            try await records.create(record)
            var copy = sample
            copy.id = "copy"
            t.expectSame(try await handle.read(Sample.self, "copy"), copy)
        }
    }

    static func addAdapterCases(_ list: inout CaseList) {
        list.begin("adapter")
        list.add("reads of keys have every column and no row for what is not there") { t in
            let handle = try await t.tenant()
            try await handle.create(Point(id: 1, a: 2, b: "x"))
            let entity = Point.schema.description
            let rows = try await t.adapter.read(entity, keys: [1, 2, 3], in: try t.context())
            t.expectEqual(rows.count, 1, "rows")
            t.expectEqual(rows.columnCount, 5, "columns")
            t.expectSame(try Point.schema.decode(rows), [Point(id: 1, a: 2, b: "x")])
            t.expectEqual(try await t.adapter.read(entity, keys: [], in: try t.context()).count, 0, "of no keys")
        }
        list.add("a cell of another type is an error, not a guess") { t in
            try await t.tenant().create(Point(id: 1, b: "text"))
            let rows = try await t.adapter.read(Point.schema.description, keys: [1], in: try t.context())
            await t.expectThrows(.corrupted, .typeMismatch) { try rows.uuid(0, 2) }
            await t.expectThrows(.corrupted, .typeMismatch) { try rows.int64(0, 2) }
        }
        list.add("rows are readable after other calls, and from other tasks") { t in
            try await t.tenant().bulkCreate(
                (0..<50).map { Point(id: $0, b: "b\($0)") }, options: BulkOptions(atomicity: .batch))
            let statement = try t.builder(Point.self).select(Query(sort: [.init("id")]))
            let rows = try await t.adapter.select(statement, in: try t.context())
            for _ in 0..<5 { _ = try await t.adapter.select(statement, in: try t.context()) }
            try await t.tenant().query(Point.self).delete()
            let outcomes = await t.concurrently(4) { _ in
                for row in 0..<50 { t.expectEqual(try rows.string(row, 2), "b\(row)", "row \(row)") }
            }
            t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
        }
        list.add("write results count, and upserts tell versions") { t in
            _ = try await t.tenant()
            let builder = t.builder(Item.self)
            let context = try t.context()
            let two = t.batch([Item(id: "1", version: 1), Item(id: "2", version: 1)])
            let inserted = try await t.adapter.write(builder.write(.insert(two)), in: context)
            t.expectEqual(inserted.affected, 2, "inserted")
            let upserted = try await t.adapter.write(
                builder.write(
                    .upsert(t.batch([Item(id: "2", version: 1), Item(id: "3", version: 1), Item(id: "2", version: 1)]))),
                in: context)
            t.expectEqual(upserted.affected, 3, "upserted")
            t.expectEqual(upserted.versions, [2, 1, 3], "versions")
            let clash = t.batch([
                Item(id: "4", code: "x", version: 1), Item(id: "5", code: "x", version: 1), Item(id: "2", version: 1),
            ])
            let partial = try await t.adapter.write(builder.write(.upsert(clash), isAtomic: false), in: context)
            t.expectEqual(partial.versions, [1, 0, 4], "versions beside a failure")
            t.expectEqual(partial.failures.map(\.row), [1], "failures")
            let removed = try await t.adapter.write(
                builder.write(.delete(keys: ["1", "nope", "1"], versions: nil)), in: context)
            t.expectEqual(removed.affected, 1, "removed")
            let stale = try await t.adapter.write(
                builder.write(.delete(keys: ["3", "2", "gone"], versions: [1, 9, 1]), isAtomic: false), in: context)
            t.expectEqual(stale.affected, 1, "removed by version")
            t.expectEqual(stale.failures.map(\.error.code), [.staleVersion], "failures of removals")
            await t.expectThrows(.staleVersion) {
                try await t.adapter.write(builder.write(.delete(keys: ["4", "2"], versions: [1, 9])), in: context)
            }
            t.expectEqual(
                try await t.adapter.read(builder.entity, keys: ["4"], in: context).count, 1, "undone with the stale one"
            )
        }
        list.add("removing all data removes this tenant's only, twice too") { t in
            for name in ["a", "b"] {
                let handle = try await t.tenant(name)
                try await handle.create(Item(id: "i", code: "x"))
                try await handle.create(Sample(id: "s"))
            }
            for _ in 0..<2 { try await t.adapter.removeAllData(in: try t.context("a")) }
            let (a, b) = (try await t.tenant("a"), try await t.tenant("b"))
            t.expectEqual(try await a.query(Item.self).count(), 0, "items of a")
            t.expectEqual(try await a.query(Sample.self).count(), 0, "samples of a")
            t.expectEqual(try await b.query(Item.self).count(), 1, "items of b")
            t.expectEqual(try await b.query(Sample.self).count(), 1, "samples of b")
            try await a.create(Item(id: "i", code: "x"))
        }
        list.add("removing all data removes what search finds", needs: .search) { t in
            let handle = try await t.articles([Article(id: 1, title: "gone")])
            try await t.adapter.removeAllData(in: try t.context())
            t.expectEqual(try await t.found(handle, "gone"), [], "before")
            try await handle.create(Article(id: 1, title: "other"))
            t.expectEqual(try await t.found(handle, "gone"), [], "after the key is used again")
        }
        list.add("an entity that it was not started with is refused") { t in
            _ = try await t.tenant()
            let stranger = EntityDescription(
                name: "conformance_unknown", fields: [FieldDescription(name: "id", type: .string, isNullable: false)],
                keyColumn: 0,
                versionColumn: nil)
            await t.expectThrows(.entityNotRegistered) {
                try await t.adapter.read(stranger, keys: ["x"], in: try t.context())
            }
            let builder = StatementBuilder(stranger, maximumValueBytes: 100)
            await t.expectThrows(.entityNotRegistered) {
                try await t.adapter.select(try builder.select(Query()), in: try t.context())
            }
            await t.expectThrows(.entityNotRegistered) {
                try await t.adapter.write(try builder.delete(.always), in: try t.context())
            }
        }
        list.add("what is not declared is refused, and nothing else") { t in
            let handle = try await t.tenant()
            let capabilities = t.adapter.capabilities
            if !capabilities.hasTransactions {
                await t.expectThrows(.unsupported) { try await handle.transaction { _ in } }
            }
            if capabilities.hasTransactions, !capabilities.hasSavepoints {
                _ = try await handle.transaction { inside in
                    await t.expectThrows(.unsupported) { try await inside.transaction { _ in } }
                }
            }
            if !capabilities.ignoresCase {
                await t.expectThrows(.unsupported) {
                    try await handle.query(Item.self).where { $0.kind.equalsIgnoringCase("X") }.all()
                }
            }
            if !capabilities.searches {
                await t.expectThrows(.unsupported, .entityNotRegistered) { try await handle.search(Article.self, "x") }
            }
        }
        list.add("is healthy, and after shutdown it is not and refuses calls") { t in
            let handle = try await t.tenant()
            let health = await t.adapter.health()
            t.expect(health.isHealthy && health.error == nil, "healthy")
            t.expect(health.latency >= .zero, "latency")
            try await handle.create(Item(id: "i"))
            await t.sdk.shutDown()
            t.expectEqual(await t.adapter.health().isHealthy, false, "healthy after shutdown")
            await t.expectThrows(.shutDown) { try await handle.read(Item.self, "i") }
            await t.expectThrows(.shutDown) { try await handle.create(Item(id: "j")) }
            let builder = t.builder(Item.self)
            await t.expectThrows(.shutDown) {
                try await t.adapter.select(try builder.select(Query()), in: try t.context())
            }
            await t.expectThrows(.shutDown) {
                try await t.adapter.write(try builder.delete(.always), in: try t.context())
            }
            await t.sdk.shutDown()
        }
        list.add("shutdown ends what is under way, and loses nothing that was acknowledged") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<100).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            let work = (0..<4).map { number in
                Task {
                    for round in 0..<200 { try await handle.upsert(Point(id: Int64(number), a: Int64(round))) }
                }
            }
            try await Task.sleep(for: .milliseconds(20))
            await t.sdk.shutDown()
            for task in work {
                if case .failure(let error) = await task.result {
                    let code = TenancyError.wrap(error).code
                    t.expect([.shutDown, .unavailable, .cancelled].contains(code), "ended with \(error)")
                }
            }
        }
    }
}
