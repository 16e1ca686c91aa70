import Foundation
import Synchronization
import Tenancy
import TenancyCore

// Bulk writes: what a failing record undoes, wherever it stands.
extension DatabaseConformance {
    static func addBulkCases(_ list: inout CaseList) {
        list.begin("bulk")
        addFailureCases(&list)
        addBulkSuccessCases(&list)
    }

    private static let places = [("first", 0), ("middle", 5), ("last", 11)]

    private static func addFailureCases(_ list: inout CaseList) {
        for (place, position) in places {
            list.add("creates, whole: a taken key in the \(place) row undoes everything", needs: .transactions) { t in
                let handle = try await t.tenant()
                let taken = try await handle.create(Item(id: "i\(zeroPadded: position)", kind: "taken"))
                let error = await t.expectThrows(.uniqueViolation) {
                    try await handle.bulkCreate(Item.many(12), options: BulkOptions(batchSize: 4))
                }
                t.expectEqual(error?.details.row, position, "the row")
                t.expectSame(try await handle.query(Item.self).all(), [taken])
            }
            list.add("creates, batch: a taken key in the \(place) row undoes its batch") { t in
                let handle = try await t.tenant()
                try await handle.create(Item(id: "i\(zeroPadded: position)", kind: "taken"))
                let result = try await handle.bulkCreate(
                    Item.many(12), options: BulkOptions(batchSize: 4, atomicity: .batch))
                let batch = position / 4 * 4..<position / 4 * 4 + 4
                t.expectEqual(result.affected, 8, "how many")
                t.expectEqual(result.failures.map(\.row), [position], "failures")
                t.expectEqual(result.failures.map(\.error.code), [.uniqueViolation], "codes")
                t.expectEqual(result.unwritten, [batch], "unwritten")
                let kinds = try await handle.query(Item.self).sorted(by: \.id).all()
                let expected = (0..<12).filter { !batch.contains($0) || $0 == position }.map { "i\(zeroPadded: $0)" }
                t.expectEqual(kinds.map(\.id), expected, "records")
            }
            list.add("creates, row: a taken key in the \(place) row undoes itself") { t in
                let handle = try await t.tenant()
                try await handle.create(Item(id: "i\(zeroPadded: position)", kind: "taken"))
                let result = try await handle.bulkCreate(
                    Item.many(12), options: BulkOptions(batchSize: 4, atomicity: .row))
                t.expectEqual(result.affected, 11, "how many")
                t.expectEqual(result.failures.map(\.row), [position], "failures")
                t.expectEqual(result.failures.map(\.error.code), [.uniqueViolation], "codes")
                t.expectEqual(result.failures.map(\.error.details.row), [position], "the error's row")
                t.expectEqual(try await handle.query(Item.self).count(), 12, "records")
                t.expectEqual(
                    try await handle.query(Item.self).where { $0.kind == "taken" }.count(), 1, "the taken one")
            }
            list.add("creates: an invalid value in the \(place) row, in each atomicity", needs: .transactions) { t in
                let handle = try await t.tenant()
                var items = Item.many(12)
                items[position].weight = .nan
                let error = await t.expectThrows(.invalidValue) {
                    try await handle.bulkCreate(items, options: BulkOptions(batchSize: 4))
                }
                t.expectEqual(error?.details.row, position, "the row, whole")
                t.expectEqual(try await handle.query(Item.self).count(), 0, "records, whole")
                let batch = try await handle.bulkCreate(items, options: BulkOptions(batchSize: 4, atomicity: .batch))
                t.expectEqual(batch.affected, 8, "how many, batch")
                t.expectEqual(batch.failures.map(\.row), [position], "failures, batch")
                try await handle.query(Item.self).delete()
                let row = try await handle.bulkCreate(items, options: BulkOptions(batchSize: 4, atomicity: .row))
                t.expectEqual(row.affected, 11, "how many, row")
                t.expectEqual(row.failures.map(\.row), [position], "failures, row")
                t.expectEqual(row.failures.map(\.error.code), [.invalidValue], "codes, row")
                t.expectEqual(try await handle.query(Item.self).count(), 11, "records, row")
            }
            list.add("updates: a stale version in the \(place) row, in each atomicity", needs: .transactions) { t in
                let handle = try await t.tenant()
                var items = try await t.created(Item.many(12))
                items[position].version = 9
                let changed = items.map { item in
                    var item = item
                    item.kind = "changed"
                    return item
                }
                let query = handle.query(Item.self).where { $0.kind == "changed" }
                let error = await t.expectThrows(.staleVersion) {
                    try await handle.bulkUpdate(changed, options: BulkOptions(batchSize: 4))
                }
                t.expectEqual(error?.details.row, position, "the row, whole")
                t.expectEqual(try await query.count(), 0, "changed, whole")
                let row = try await handle.bulkUpdate(changed, options: BulkOptions(batchSize: 4, atomicity: .row))
                t.expectEqual(row.affected, 11, "how many, row")
                t.expectEqual(row.failures.map(\.row), [position], "failures, row")
                t.expectEqual(row.failures.map(\.error.code), [.staleVersion], "codes, row")
                t.expectEqual(try await query.where { $0.version == 2 }.count(), 11, "changed, row")
                let batch = try await handle.bulkUpdate(
                    changed.map { item in
                        var item = item
                        item.version = item.version == 9 ? 9 : 2
                        return item
                    }, options: BulkOptions(batchSize: 4, atomicity: .batch))
                t.expectEqual(batch.affected, 8, "how many, batch")
                t.expectEqual(try await query.where { $0.version == 3 }.count(), 8, "changed, batch")
            }
            list.add("updates: a missing record in the \(place) row, in each atomicity", needs: .transactions) { t in
                let handle = try await t.tenant()
                var samples = (0..<12).map { Sample(id: "s\(zeroPadded: $0)") }
                try await handle.bulkCreate(samples)
                for row in samples.indices { samples[row].text = "changed" }
                samples[position].id = "missing"
                let query = handle.query(Sample.self).where { $0.text == "changed" }
                await t.expectThrows(.notFound) {
                    try await handle.bulkUpdate(samples, options: BulkOptions(batchSize: 4))
                }
                t.expectEqual(try await query.count(), 0, "changed, whole")
                let batch = try await handle.bulkUpdate(samples, options: BulkOptions(batchSize: 4, atomicity: .batch))
                t.expectEqual(batch.affected, 8, "how many, batch")
                t.expectEqual(batch.failures.map(\.error.code), [.notFound], "codes, batch")
                t.expectEqual(try await query.count(), 8, "changed, batch")
                let row = try await handle.bulkUpdate(samples, options: BulkOptions(batchSize: 4, atomicity: .row))
                t.expectEqual(row.affected, 11, "how many, row")
                t.expectEqual(row.failures.map(\.row), [position], "failures, row")
                t.expectEqual(try await query.count(), 11, "changed, row")
                t.expectEqual(try await handle.query(Sample.self).count(), 12, "records")
            }
            list.add(
                "upserts: a unique value that is taken in the \(place) row, in each atomicity", needs: .transactions
            ) { t in
                let handle = try await t.tenant()
                try await handle.create(Item(id: "owner", kind: "owner", code: "taken"))
                var items = Item.many(12)
                items[position].code = "taken"
                let query = handle.query(Item.self).where { $0.kind == "plain" }
                let error = await t.expectThrows(.uniqueViolation) {
                    try await handle.bulkUpsert(items, options: BulkOptions(batchSize: 4))
                }
                t.expectEqual(error?.details.row, position, "the row, whole")
                t.expectEqual(try await query.count(), 0, "records, whole")
                let batch = try await handle.bulkUpsert(items, options: BulkOptions(batchSize: 4, atomicity: .batch))
                t.expectEqual(batch.affected, 8, "how many, batch")
                t.expectEqual(try await query.count(), 8, "records, batch")
                let row = try await handle.bulkUpsert(items, options: BulkOptions(batchSize: 4, atomicity: .row))
                t.expectEqual(row.affected, 11, "how many, row")
                t.expectEqual(row.failures.map(\.row), [position], "failures, row")
                t.expectEqual(try await query.count(), 11, "records, row")
                t.expectEqual(try await query.where { $0.version == 2 }.count(), 8, "replaced, row")
                t.expectEqual(try await handle.read(Item.self, "owner")?.version, 1, "the owner")
            }
        }
    }

    private static func addBulkSuccessCases(_ list: inout CaseList) {
        list.add("10,000 records of every type come back as they were") { t in
            let handle = try await t.tenant()
            var random = SeededGenerator(seed: 1)
            var samples: [Sample] = []
            for number in 0..<10_000 {
                var sample = Sample(id: "s\(zeroPadded: number)", flag: number % 2 == 0, text: "t\(number)")
                sample.number = Int64.random(in: .min ... .max, using: &random)
                sample.real = Double(number) / 7
                sample.amount = Decimal(number) / 100
                sample.optionalText = number % 3 == 0 ? nil : ""
                samples.append(sample)
            }
            let result = try await handle.bulkCreate(samples, options: BulkOptions(atomicity: .batch))
            t.expectEqual(result.affected, 10_000, "how many")
            t.expectSame(try await handle.query(Sample.self).sorted(by: \.id).all(), samples)
        }
        list.add("of nothing does nothing") { t in
            let handle = try await t.tenant()
            let none: [Item] = []
            for atomicity in [BulkOptions.Atomicity.batch, .row] {
                let options = BulkOptions(atomicity: atomicity)
                t.expectEqual(try await handle.bulkCreate(none, options: options).affected, 0, "creates")
                t.expectEqual(try await handle.bulkUpdate(none, options: options).affected, 0, "updates")
                t.expectEqual(try await handle.bulkUpsert(none, options: options).affected, 0, "upserts")
                t.expectEqual(try await handle.bulkDelete(Item.self, [], options: options).affected, 0, "deletes")
            }
        }
        list.add("batch sizes out of bounds are refused") { t in
            let handle = try await t.tenant()
            await t.expectThrows(.valueTooLarge) {
                try await handle.bulkCreate(Item.many(1), options: BulkOptions(batchSize: 0))
            }
            await t.expectThrows(.valueTooLarge) {
                try await handle.bulkCreate(Item.many(1), options: BulkOptions(batchSize: 10_001))
            }
            t.expectEqual(try await handle.query(Item.self).count(), 0, "records")
        }
        list.add("batch sizes that don't divide the number") { t in
            let handle = try await t.tenant()
            for size in [1, 2, 3, 7, 10, 11] {
                let result = try await handle.bulkUpsert(
                    Item.many(10), options: BulkOptions(batchSize: size, atomicity: .batch))
                t.expectEqual(result.affected, 10, "size \(size)")
            }
            t.expectEqual(try await handle.query(Item.self).where { $0.version == 6 }.count(), 10, "records")
        }
        list.add("upserts add some, replace others and count versions") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(3), options: BulkOptions(atomicity: .batch))
            let result = try await handle.bulkUpsert(Item.many(6, kind: "new"), options: BulkOptions(atomicity: .batch))
            t.expectEqual(result.affected, 6, "how many")
            let items = try await handle.query(Item.self).sorted(by: \.id).all()
            t.expectEqual(items.map(\.version), [2, 2, 2, 1, 1, 1], "versions")
            t.expectEqual(Set(items.map(\.kind)), ["new"], "kinds")
        }
        list.add("a key twice in one batch of creates") { t in
            let handle = try await t.tenant()
            let twice = [Item(id: "a", kind: "1"), Item(id: "b"), Item(id: "a", kind: "2")]
            let batch = try await handle.bulkCreate(twice, options: BulkOptions(atomicity: .batch))
            t.expectEqual(batch.failures.map(\.row), [2], "failures, batch")
            t.expectEqual(try await handle.query(Item.self).count(), 0, "records, batch")
            let row = try await handle.bulkCreate(twice, options: BulkOptions(atomicity: .row))
            t.expectEqual(row.failures.map(\.row), [2], "failures, row")
            t.expectEqual(row.failures.map(\.error.code), [.uniqueViolation], "codes, row")
            t.expectEqual(try await handle.read(Item.self, "a")?.kind, "1", "the first one stays")
        }
        list.add("a key twice in one batch of upserts: the last one stays") { t in
            let handle = try await t.tenant()
            let twice = [Item(id: "a", kind: "1"), Item(id: "b"), Item(id: "a", kind: "2")]
            for (round, atomicity) in [BulkOptions.Atomicity.batch, .row].enumerated() {
                let result = try await handle.bulkUpsert(twice, options: BulkOptions(atomicity: atomicity))
                t.expectEqual(result.failures.count, 0, "failures")
                let item = try t.require(try await handle.read(Item.self, "a"))
                t.expectEqual(item.kind, "2", "kind")
                t.expectEqual(item.version, Int64(2 * round + 2), "version")
            }
        }
        list.add("a key twice in one batch of updates: the second is stale") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "a"))
            let twice = [Item(id: "a", kind: "1", version: 1), Item(id: "a", kind: "2", version: 1)]
            let row = try await handle.bulkUpdate(twice, options: BulkOptions(atomicity: .row))
            t.expectEqual(row.failures.map(\.row), [1], "failures")
            t.expectEqual(row.failures.map(\.error.code), [.staleVersion], "codes")
            t.expectEqual(try await handle.read(Item.self, "a")?.kind, "1", "kind")
        }
        list.add("deletes take keys that are not there, and keys twice") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(5), options: BulkOptions(atomicity: .batch))
            let ids = ["i00001", "nope", "i00003", "i00001"]
            let result = try await handle.bulkDelete(
                Item.self, ids, options: BulkOptions(batchSize: 3, atomicity: .batch))
            t.expectEqual(result.affected, 2, "how many")
            t.expectEqual(try await handle.query(Item.self).count(), 3, "records")
        }
        list.add("deletes of 5,000 keys") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<5_000).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            let result = try await handle.bulkDelete(
                Point.self, (1..<5_000).map { Int64($0) }, options: BulkOptions(batchSize: 5_000, atomicity: .batch))
            t.expectEqual(result.affected, 4_999, "how many")
            t.expectEqual(try await handle.query(Point.self).all().map(\.id), [0], "what is left")
        }
        list.add("progress is told after each batch") { t in
            let handle = try await t.tenant()
            let told = Mutex<[BulkProgress]>([])
            var options = BulkOptions(batchSize: 4, atomicity: .row) { progress in told.withLock { $0.append(progress) }
            }
            try await handle.create(Item(id: "i\(zeroPadded: 5)"))
            try await handle.bulkCreate(Item.many(10), options: options)
            t.expectEqual(told.withLock { $0.map(\.processed) }, [4, 8, 10], "processed, row")
            t.expectEqual(told.withLock { $0.map(\.failed) }, [0, 1, 1], "failed, row")
            t.expectEqual(told.withLock { $0.map(\.total) }, [10, 10, 10], "total, row")
            told.withLock { $0 = [] }
            options.atomicity = .batch
            try await handle.bulkCreate(Item.many(10), options: options)
            t.expectEqual(told.withLock { $0.map(\.failed) }, [4, 8, 10], "failed, batch")
        }
        list.add(
            "whole: a part that fails leaves nothing in the transaction that it is called in", needs: .transactions,
            .savepoints
        ) { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "i\(zeroPadded: 5)", kind: "taken"))
            try await handle.transaction { inside in
                await t.expectThrows(.uniqueViolation) {
                    try await inside.bulkCreate(Item.many(8), options: BulkOptions(batchSize: 2))
                }
                t.expectEqual(try await inside.query(Item.self).count(), 1, "records after it")
            }
            t.expectEqual(try await handle.query(Item.self).count(), 1, "records")
        }
        list.add("in a transaction is rolled back with it", needs: .transactions) { t in
            let handle = try await t.tenant()
            await t.rolledBack(handle) { inside in
                try await inside.bulkCreate(Item.many(50), options: BulkOptions(batchSize: 7))
                t.expectEqual(try await inside.query(Item.self).count(), 50, "records inside")
            }
            t.expectEqual(try await handle.query(Item.self).count(), 0, "records")
        }
        list.add("unique values may be exchanged between records, in two steps or not at all") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(
                [Item(id: "1", code: "x"), Item(id: "2", code: "y")], options: BulkOptions(atomicity: .batch))
            let exchanged = [Item(id: "1", code: "y", version: 1), Item(id: "2", code: "x", version: 1)]
            let result = try await handle.bulkUpdate(exchanged, options: BulkOptions(atomicity: .batch))
            let codes = try await handle.query(Item.self).sorted(by: \.id).all().map(\.code)
            t.expectEqual(codes, result.affected == 2 ? ["y", "x"] : ["x", "y"], "codes after \(result.affected)")
        }
    }
}
