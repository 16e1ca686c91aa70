import Foundation
import Synchronization
import Tenancy
import TenancyCore

// Transactions: all or nothing, and what concurrent ones see of each other.
extension DatabaseConformance {
    static func addTransactionCases(_ list: inout CaseList) {
        list.begin("transactions")
        addOutcomeCases(&list)
        addNestedCases(&list)
        addClosedCases(&list)
    }

    private struct Surprise: Error, Equatable { var number: Int }

    private static func addOutcomeCases(_ list: inout CaseList) {
        list.add("what returns is committed, with its result", needs: .transactions) { t in
            let handle = try await t.tenant()
            let result = try await handle.transaction { inside in
                try await inside.create(Item(id: "1"))
                try await inside.create(Sample(id: "2"))
                return 42
            }
            t.expectEqual(result, 42, "result")
            t.expectEqual(try await handle.query(Item.self).count(), 1, "items")
            t.expectEqual(try await handle.query(Sample.self).count(), 1, "samples")
        }
        list.add("what throws is rolled back, and the error comes through unchanged", needs: .transactions) { t in
            let handle = try await t.tenant()
            let kept = try await handle.create(Item(id: "kept"))
            do {
                try await handle.transaction { inside in
                    try await inside.create(Item(id: "1"))
                    try await inside.update(kept)
                    try await inside.query(Item.self).delete()
                    throw Surprise(number: 7)
                }
                t.fail("nothing was thrown")
            } catch { t.expectEqual(error as? Surprise, Surprise(number: 7), "the error") }
            t.expectSame(try await handle.query(Item.self).all(), [kept])
        }
        list.add("an error of the database that is thrown on is the same", needs: .transactions) { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "1"))
            await t.expectThrows(.uniqueViolation) {
                try await handle.transaction { inside in
                    try await inside.create(Item(id: "2"))
                    try await inside.create(Item(id: "1"))
                }
            }
            t.expectEqual(try await handle.query(Item.self).count(), 1, "records")
        }
        list.add("a statement that fails and is caught takes nothing else with it", needs: .transactions) { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "1"))
            try await handle.transaction { inside in
                try await inside.create(Item(id: "2"))
                await t.expectThrows(.uniqueViolation) { try await inside.create(Item(id: "1")) }
                await t.expectThrows(.notFound) { try await inside.update(Sample(id: "none")) }
                await t.expectThrows(.staleVersion) { try await inside.update(Item(id: "1", version: 7)) }
                t.expectEqual(try await inside.query(Item.self).count(), 2, "records inside")
                try await inside.create(Item(id: "3"))
            }
            t.expectEqual(
                try await handle.query(Item.self).sorted(by: \.id).all().map(\.id), ["1", "2", "3"], "records")
        }
        list.add("reads see the transaction's own writes", needs: .transactions) { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(3), options: BulkOptions(atomicity: .batch))
            try await handle.transaction { inside in
                try await inside.create(Item(id: "new", quantity: 9))
                try await inside.delete(Item.self, "i00000")
                try await inside.query(Item.self).where { $0.id == "i00001" }.update(.add(10, to: \.quantity))
                t.expectEqual(try await inside.read(Item.self, "new")?.quantity, 9, "read")
                t.expectSame(try await inside.read(Item.self, "i00000"), nil, "a deleted one")
                t.expectEqual(
                    try await inside.read(Item.self, ids: ["i00001", "new"]).map(\.quantity), [11, 9], "by keys")
                t.expectEqual(try await inside.query(Item.self).count(), 3, "count")
                let sum = try await inside.query(Item.self).aggregate(.sum(\.quantity))
                t.expectEqual(sum, 22, "sum")
                t.expectEqual(
                    try await inside.query(Item.self).sorted(by: \.quantity).all().map(\.quantity), [2, 9, 11], "query")
                let page = try await inside.query(Item.self).sorted(by: \.quantity, .descending).page(size: 2)
                t.expectEqual(page.items.map(\.quantity), [11, 9], "page")
                var streamed = 0
                for try await _ in try await inside.query(Item.self).stream(batchSize: 2) { streamed += 1 }
                t.expectEqual(streamed, 3, "stream")
            }
        }
        list.add("nobody else sees what is not committed", needs: .transactions) { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "1", quantity: 1))
            await t.rolledBack(handle) { inside in
                try await inside.create(Item(id: "2"))
                try await inside.query(Item.self).update(.set(\.quantity, to: 99))
                await t.unlessPrevented {
                    let outside = handle.with(timeout: .milliseconds(400))
                    t.expectEqual(try await outside.query(Item.self).all().map(\.quantity), [1], "query outside")
                    t.expectEqual(try await outside.read(Item.self, "1")?.quantity, 1, "read outside")
                    t.expectSame(try await outside.read(Item.self, "2"), nil, "read of the new one outside")
                }
            }
            t.expectEqual(try await handle.read(Item.self, "1")?.quantity, 1, "after the rollback")
        }
        list.add("of nothing, and of reads only", needs: .transactions) { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "1"))
            try await handle.transaction { _ in }
            t.expectEqual(try await handle.transaction { try await $0.query(Item.self).count() }, 1, "count")
        }
        list.add("a read-only one reads, and refuses to write", needs: .transactions) { t in
            let handle = try await t.tenant()
            let item = try await handle.create(Item(id: "1"))
            var options = TransactionOptions()
            options.isReadOnly = true
            try await handle.transaction(options) { inside in
                t.expectSame(try await inside.read(Item.self, "1"), item, "read")
                await t.expectThrows(.readOnly) { try await inside.create(Item(id: "2")) }
                await t.expectThrows(.readOnly) { try await inside.query(Item.self).delete() }
            }
            t.expectSame(try await handle.query(Item.self).all(), [item])
        }
        list.add("100 statements in one, and many one after another", needs: .transactions) { t in
            let handle = try await t.tenant()
            try await handle.transaction { inside in
                for number in 0..<100 { try await inside.create(Point(id: Int64(number))) }
            }
            for number in 100..<150 {
                _ = try await handle.transaction { try await $0.create(Point(id: Int64(number))) }
            }
            t.expectEqual(try await handle.query(Point.self).count(), 150, "records")
        }
        list.add("many at once, of one tenant and of several", needs: .transactions) { t in
            for name in ["a", "b", "c"] { try await t.tenant(name).create(Item(id: "sum", quantity: 0)) }
            let handles = [try await t.tenant("a"), try await t.tenant("b"), try await t.tenant("c")]
            let outcomes = await t.concurrently(12) { number in
                try await t.retrying {
                    try await handles[number % 3].transaction(TransactionOptions(isolation: .serializable)) { inside in
                        let item = try await inside.read(Item.self, "sum")
                        try await inside.query(Item.self).update(.set(\.quantity, to: (item?.quantity ?? 0) + 1))
                    }
                }
            }
            t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
            for handle in handles { t.expectEqual(try await handle.read(Item.self, "sum")?.quantity, 4, "the sum") }
        }
    }

    private static func addNestedCases(_ list: inout CaseList) {
        list.add("inside another commits with it", needs: .transactions, .savepoints) { t in
            let handle = try await t.tenant()
            try await handle.transaction { outer in
                try await outer.create(Item(id: "1"))
                try await outer.transaction { inner in
                    try await inner.create(Item(id: "2"))
                    t.expectEqual(try await inner.query(Item.self).count(), 2, "records inside")
                }
                t.expectEqual(try await outer.query(Item.self).count(), 2, "records after the inner one")
            }
            t.expectEqual(try await handle.query(Item.self).count(), 2, "records")
        }
        list.add("inside another that throws takes back its own writes only", needs: .transactions, .savepoints) { t in
            let handle = try await t.tenant()
            try await handle.transaction { outer in
                try await outer.create(Item(id: "1", quantity: 1))
                do {
                    try await outer.transaction { inner in
                        try await inner.create(Item(id: "2"))
                        try await inner.query(Item.self).update(.set(\.quantity, to: 9))
                        throw Surprise(number: 1)
                    }
                } catch { t.expectEqual(error as? Surprise, Surprise(number: 1), "the error") }
                t.expectEqual(try await outer.query(Item.self).all().map(\.quantity), [1], "after the inner one")
                try await outer.create(Item(id: "3"))
            }
            t.expectEqual(try await handle.query(Item.self).sorted(by: \.id).all().map(\.id), ["1", "3"], "records")
        }
        list.add("inside another that commits is undone by the outer one", needs: .transactions, .savepoints) { t in
            let handle = try await t.tenant()
            await t.rolledBack(handle) { outer in
                _ = try await outer.transaction { try await $0.create(Item(id: "1")) }
            }
            t.expectEqual(try await handle.query(Item.self).count(), 0, "records")
        }
        list.add("three deep, the middle one undone", needs: .transactions, .savepoints) { t in
            let handle = try await t.tenant()
            try await handle.transaction { outer in
                try await outer.create(Item(id: "1"))
                await t.rolledBack(outer) { middle in
                    try await middle.create(Item(id: "2"))
                    _ = try await middle.transaction { try await $0.create(Item(id: "3")) }
                }
                _ = try await outer.transaction { try await $0.create(Item(id: "4")) }
            }
            t.expectEqual(try await handle.query(Item.self).sorted(by: \.id).all().map(\.id), ["1", "4"], "records")
        }
        list.add("20 inside one, every second undone", needs: .transactions, .savepoints) { t in
            let handle = try await t.tenant()
            try await handle.transaction { outer in
                for number in 0..<20 {
                    let create: (TenantHandle) async throws -> Void = { try await $0.create(Point(id: Int64(number))) }
                    if number % 2 == 1 {
                        await t.rolledBack(outer) { try await create($0) }
                    } else {
                        try await outer.transaction { try await create($0) }
                    }
                }
            }
            t.expectEqual(try await handle.query(Point.self).count(), 10, "records")
        }
    }

    private static func addClosedCases(_ list: inout CaseList) {
        list.add("a handle that is kept is closed, after a commit and after a rollback", needs: .transactions) { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "1"))
            let kept = Mutex<[TenantHandle]>([])
            try await handle.transaction { inside in kept.withLock { $0.append(inside) } }
            await t.rolledBack(handle) { inside in
                kept.withLock { $0.append(inside) }
            }
            for closed in kept.withLock(\.self) {
                await t.expectThrows(.transactionClosed) { try await closed.read(Item.self, "1") }
                await t.expectThrows(.transactionClosed) { try await closed.query(Item.self).all() }
                await t.expectThrows(.transactionClosed) { try await closed.query(Item.self).count() }
                await t.expectThrows(.transactionClosed) { try await closed.create(Item(id: "late")) }
                await t.expectThrows(.transactionClosed) { try await closed.query(Item.self).delete() }
                await t.expectThrows(.transactionClosed) {
                    for try await _ in try await closed.query(Item.self).stream() {}
                }
                if t.adapter.capabilities.hasSavepoints {
                    await t.expectThrows(.transactionClosed) { try await closed.transaction { _ in } }
                }
            }
            t.expectEqual(try await handle.query(Item.self).count(), 1, "records")
        }
        list.add("the handle of an inner one is closed after it", needs: .transactions, .savepoints) { t in
            let handle = try await t.tenant()
            try await handle.transaction { outer in
                let kept = Mutex<TenantHandle?>(nil)
                try await outer.transaction { inner in kept.withLock { $0 = inner } }
                if let closed = kept.withLock(\.self) {
                    await t.expectThrows(.transactionClosed) { try await closed.create(Item(id: "late")) }
                }
                try await outer.create(Item(id: "in time"))
            }
            t.expectEqual(try await handle.query(Item.self).all().map(\.id), ["in time"], "records")
        }
        list.add("serves its own tenant only", needs: .transactions) { t in
            _ = try await (t.tenant("a"), t.tenant("b"))
            let (a, b) = (try t.context("a"), try t.context("b"))
            let builder = t.builder(Item.self)
            let entity = Item.schema.description
            let all = try builder.select(Query())
            let count = try builder.aggregate(.always, [AggregateFunction(.count)])
            try await t.adapter.withTransaction(TransactionOptions(), in: a) { runner in
                _ = try await runner.select(all, in: a)
                await t.expectThrows(.tenantMismatch) { try await runner.read(entity, keys: ["1"], in: b) }
                await t.expectThrows(.tenantMismatch) { try await runner.select(all, in: b) }
                await t.expectThrows(.tenantMismatch) { try await runner.aggregate(count, in: b) }
                await t.expectThrows(.tenantMismatch) {
                    try await runner.write(builder.write(.insert(t.batch([Item(id: "x", version: 1)]))), in: b)
                }
                await t.expectThrows(.tenantMismatch) {
                    for try await _ in try await runner.stream(all, batchSize: 5, in: b) {}
                }
                if t.adapter.capabilities.hasSavepoints {
                    await t.expectThrows(.tenantMismatch) {
                        try await runner.withTransaction(TransactionOptions(), in: b) { _ in }
                    }
                }
            }
            t.expectEqual(try await t.adapter.select(all, in: b).count, 0, "records of the other")
        }
    }
}

extension DatabaseCaseContext {
    /// Runs what an adapter may prevent instead of letting it happen: by blocking until a deadline, or by an error
    /// that says so.
    func unlessPrevented(
        file: StaticString = #fileID, line: Int = #line, _ body: () async throws -> Void
    ) async {
        do {
            try await body()
        } catch let error as TenancyError {
            expect(
                error.isRetryable || error.code == .transactionConflict, "prevented by \(error)", file: file, line: line
            )
        } catch {
            fail("an error of type \(type(of: error))", file: file, line: line)
        }
    }

    /// Repeats work as long as its error says that it may succeed then.
    func retrying<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        var attempt = 0
        while true {
            do {
                return try await body()
            } catch let error as TenancyError where error.isRetryable && attempt < 50 {
                attempt += 1
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...(4 * attempt))))
            }
        }
    }
}
