import Foundation
import Synchronization
import Tenancy
import TenancyCore

// Streams: every row once, in order, of one moment, and nothing left behind.
extension DatabaseConformance {
    static func addStreamCases(_ list: inout CaseList) {
        list.begin("streams")
        list.add("carry every record once, in order, in every batch size") { t in
            let handle = try await t.tenant()
            let points = Point.scattered(23)
            try await handle.bulkCreate(points, options: BulkOptions(atomicity: .batch))
            let expected = PredicateModel.select(points, Query(sort: [.init("a", .descending), .init("b")]))
            for size in [1, 2, 3, 5, 22, 23, 24, 1_000, 10_000] {
                let query = handle.query(Point.self).sorted(by: \.a, .descending).sorted(by: \.b)
                t.expectSame(try await t.collect(query.stream(batchSize: size)), expected, "batch size \(size)")
            }
        }
        list.add("of nothing end at once") { t in
            let handle = try await t.tenant()
            t.expectEqual(try await t.collect(handle.query(Point.self).stream()).count, 0, "records")
        }
        list.add("without an order carry every record once") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<2_000).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            let found = try await t.collect(handle.query(Point.self).stream(batchSize: 64))
            t.expectEqual(found.map(\.id).sorted(), (0..<2_000).map { Int64($0) }, "records")
        }
        list.add("mind the filter and the limit") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(
                (0..<100).map { Point(id: $0, a: $0 % 2) }, options: BulkOptions(atomicity: .batch))
            let query = handle.query(Point.self).where { $0.a == 1 }.sorted(by: \.id, .descending).limit(7)
            let found = try await t.collect(query.stream(batchSize: 3))
            t.expectEqual(found.map(\.id), [99, 97, 95, 93, 91, 89, 87], "records")
            t.expectEqual(try await t.collect(query.limit(0).stream()).count, 0, "with a limit of none")
        }
        list.add("20,000 records, with values of every size") { t in
            let handle = try await t.tenant()
            let samples = (0..<20_000).map {
                Sample(id: "s\(zeroPadded: $0)", number: Int64($0), text: String(repeating: "x", count: $0 % 40))
            }
            try await handle.bulkCreate(samples, options: BulkOptions(batchSize: 5_000, atomicity: .batch))
            var count: Int64 = 0
            for try await sample in try await handle.query(Sample.self).sorted(by: \.id).stream(batchSize: 300) {
                t.expectEqual(sample.number, count, "number")
                t.expectEqual(sample.text.utf8.count, Int(count % 40), "length")
                count += 1
            }
            t.expectEqual(count, 20_000, "records")
        }
        list.add("no batch is larger than asked for, and none is empty") { t in
            _ = try await t.tenant().bulkCreate((0..<53).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            let statement = try t.builder(Point.self).select(Query(sort: [.init("id")]))
            for size in [1, 7, 10, 53, 60] {
                var sizes: [Int] = []
                for try await batch in try await t.adapter.stream(statement, batchSize: size, in: try t.context()) {
                    sizes.append(batch.count)
                }
                t.expect(sizes.allSatisfy { (1...size).contains($0) }, "batches of \(sizes) for \(size)")
                t.expectEqual(sizes.reduce(0, +), 53, "rows")
            }
        }
        list.add("carry the asked for columns on the bare adapter") { t in
            _ = try await t.tenant().bulkCreate(
                [Point(id: 1, a: 7, b: "x"), Point(id: 2, b: "y")], options: BulkOptions(atomicity: .batch))
            let statement = try t.builder(Point.self).select(Query(sort: [.init("id")]), fields: ["b", "a"])
            var rows: [[Value]] = []
            for try await batch in try await t.adapter.stream(statement, batchSize: 5, in: try t.context()) {
                t.expectEqual(batch.columnCount, 2, "columns")
                for row in 0..<batch.count {
                    let view = RowView(batch, row: row)
                    rows.append([try view.value(0, as: .string), try view.value(1, as: .int64)])
                }
            }
            t.expectEqual(rows, [["x", 7], ["y", nil]], "rows")
        }
        list.add("show one moment, whatever is written meanwhile") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<500).map { Point(id: $0, a: 1) }, options: BulkOptions(atomicity: .batch))
            var seen: [Point] = []
            for try await point in try await handle.query(Point.self).sorted(by: \.id).stream(batchSize: 20) {
                seen.append(point)
                if seen.count == 30 {
                    await t.unlessPrevented {
                        let writer = handle.with(timeout: .milliseconds(400))
                        try await writer.query(Point.self).update(.set(\.a, to: 2))
                        try await writer.query(Point.self).where { $0.id > 400 }.delete()
                        try await writer.bulkCreate(
                            (1_000..<1_050).map { Point(id: $0, a: 2) }, options: BulkOptions(atomicity: .batch))
                    }
                }
            }
            t.expectEqual(seen.map(\.id), (0..<500).map { Int64($0) }, "records")
            t.expectEqual(Set(seen.map(\.a)), [1], "values")
        }
        list.add("abandoned after one record, many times, and the database stays usable") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<1_000).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            for round in 0..<60 {
                var iterator = try await handle.query(Point.self).sorted(by: \.id).stream(batchSize: 10)
                    .makeAsyncIterator()
                t.expectEqual(try await iterator.next()?.id, 0, "the first record, round \(round)")
            }
            try await t.staysUsable(handle)
        }
        list.add("abandoned without having been iterated, many times, and the database stays usable") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<100).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            for _ in 0..<60 { _ = try await handle.query(Point.self).stream(batchSize: 10) }
            try await t.staysUsable(handle)
        }
        list.add("left by an error of the consumer, many times, and the database stays usable") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<100).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            for round in 0..<60 {
                do {
                    for try await point in try await handle.query(Point.self).sorted(by: \.id).stream(batchSize: 7)
                    where point.id == Int64(round) { throw CaseAborted() }
                    t.fail("the stream ended")
                } catch is CaseAborted {}
            }
            try await t.staysUsable(handle)
        }
        list.add("several at once, each its own records") { t in
            let handles = [try await t.tenant("a"), try await t.tenant("b")]
            for handle in handles {
                try await handle.bulkCreate(
                    (0..<300).map { Point(id: $0, b: handle.id.rawValue) }, options: BulkOptions(atomicity: .batch))
            }
            let outcomes = await t.concurrently(8) { number in
                let handle = handles[number % 2]
                let found = try await t.collect(handle.query(Point.self).sorted(by: \.id).stream(batchSize: 11))
                t.expectEqual(found.map(\.id), (0..<300).map { Int64($0) }, "records")
                t.expect(found.allSatisfy { $0.b == handle.id.rawValue }, "another tenant's record")
            }
            t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
        }
        list.add("the consumer may call the database") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<40).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            for try await point in try await handle.query(Point.self).sorted(by: \.id).stream(batchSize: 5) {
                t.expectEqual(try await handle.read(Point.self, point.id)?.id, point.id, "read")
            }
        }
        list.add("cancelled, they end with that") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<1_000).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            let error = await t.failing {
                for try await point in try await handle.query(Point.self).sorted(by: \.id).stream(batchSize: 5)
                where point.id == 20 { withUnsafeCurrentTask { $0?.cancel() } }
            }
            t.expectEqual(error?.code, .cancelled, "the error")
            try await t.staysUsable(handle)
        }
        list.add("with a deadline, they end with that") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<1_000).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            await t.expectThrows(.timeout) {
                let short = handle.with(timeout: .milliseconds(150))
                for try await point in try await short.query(Point.self).sorted(by: \.id).stream(batchSize: 5)
                where point.id == 20 { try await Task.sleep(for: .milliseconds(250)) }
            }
            try await t.staysUsable(handle)
        }
        list.add("without a deadline, they last longer than a call may") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate((0..<50).map { Point(id: $0) }, options: BulkOptions(atomicity: .batch))
            var count = 0
            for try await _ in try await handle.query(Point.self).stream(batchSize: 5) {
                count += 1
                if count % 10 == 0 { try await Task.sleep(for: .milliseconds(20)) }
            }
            t.expectEqual(count, 50, "records")
        }
        list.add("in a transaction see its writes, and end with it", needs: .transactions) { t in
            let handle = try await t.tenant()
            let kept = Mutex<EntityStream<Point>?>(nil)
            try await handle.transaction { inside in
                try await inside.bulkCreate((0..<50).map { Point(id: $0) })
                let found = try await t.collect(inside.query(Point.self).sorted(by: \.id).stream(batchSize: 7))
                t.expectEqual(found.count, 50, "records")
                let stream = try await inside.query(Point.self).stream(batchSize: 5)
                kept.withLock { $0 = stream }
                var iterator = try await inside.query(Point.self).stream(batchSize: 5).makeAsyncIterator()
                _ = try await iterator.next()
                try await inside.create(Point(id: 99))
            }
            if let stream = kept.withLock(\.self) {
                await t.expectThrows(.transactionClosed) { try await t.collect(stream) }
            }
            t.expectEqual(try await handle.query(Point.self).count(), 51, "records")
        }
        list.add("batch sizes out of bounds are refused") { t in
            let query = try await t.tenant().query(Point.self)
            for size in [0, -1, 10_001] {
                await t.expectThrows(.valueTooLarge) { try await query.stream(batchSize: size) }
            }
        }
    }
}

extension DatabaseCaseContext {
    func collect<E: Sendable>(_ stream: EntityStream<E>) async throws -> [E] {
        var found: [E] = []
        for try await element in stream { found.append(element) }
        return found
    }

    /// Reads, writes, streams and commits, each soon.
    func staysUsable(_ handle: TenantHandle, file: StaticString = #fileID, line: Int = #line) async throws {
        let soon = handle.with(timeout: .seconds(10))
        try await soon.upsert(Point(id: -77, b: "usable"))
        expectEqual(try await soon.read(Point.self, -77)?.b, "usable", "read", file: file, line: line)
        let streamed = try await collect(soon.query(Point.self).where { $0.id == -77 }.stream())
        expectEqual(streamed.count, 1, "streamed", file: file, line: line)
        if adapter.capabilities.hasTransactions {
            _ = try await soon.transaction { try await $0.delete(Point.self, -77) }
        } else {
            try await soon.delete(Point.self, -77)
        }
    }
}
