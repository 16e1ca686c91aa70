import Foundation
import Synchronization
import Tenancy
import TenancyCore

/// One way to call the SDK, for what must hold of all of them.
struct ConformanceOperation: Sendable {
    let name: String
    let run: @Sendable (TenantHandle) async throws -> Void

    static let reads: [ConformanceOperation] = [
        ConformanceOperation(name: "read by key") { _ = try await $0.read(Item.self, "i00000") },
        ConformanceOperation(name: "read by keys") { _ = try await $0.read(Item.self, ids: ["i00000", "x"]) },
        ConformanceOperation(name: "query") { _ = try await $0.query(Item.self).all() },
        ConformanceOperation(name: "first") { _ = try await $0.query(Item.self).first() },
        ConformanceOperation(name: "count") { _ = try await $0.query(Item.self).count() },
        ConformanceOperation(name: "exists") { _ = try await $0.query(Item.self).exists() },
        ConformanceOperation(name: "page") { _ = try await $0.query(Item.self).page(size: 2) },
        ConformanceOperation(name: "projection") { _ = try await $0.query(Item.self).select(\.kind) },
        ConformanceOperation(name: "aggregate") {
            _ = try await $0.query(Item.self).aggregate(.count(), .sum(\.price))
        },
        ConformanceOperation(name: "groups") { _ = try await $0.query(Item.self).grouped(by: \.kind, .count()) },
        ConformanceOperation(name: "stream") {
            for try await _ in try await $0.query(Item.self).stream(batchSize: 2) {}
        },
    ]

    static let writes: [ConformanceOperation] = [
        ConformanceOperation(name: "create") { try await $0.create(Item(id: "new")) },
        ConformanceOperation(name: "update") { try await $0.update(Item(id: "i00000", kind: "new", version: 1)) },
        ConformanceOperation(name: "upsert") { try await $0.upsert(Item(id: "i00001", kind: "new")) },
        ConformanceOperation(name: "delete") { try await $0.delete(Item.self, "i00002") },
        ConformanceOperation(name: "update by filter") {
            try await $0.query(Item.self).update(.set(\.kind, to: "new"))
        },
        ConformanceOperation(name: "delete by filter") { try await $0.query(Item.self).delete() },
        ConformanceOperation(name: "bulk create") {
            try await $0.bulkCreate(Item.many(9, "n"), options: BulkOptions(batchSize: 3, atomicity: .batch))
        },
        ConformanceOperation(name: "bulk upsert") {
            try await $0.bulkUpsert(Item.many(9), options: BulkOptions(batchSize: 3, atomicity: .row))
        },
        ConformanceOperation(name: "bulk delete") {
            try await $0.bulkDelete(Item.self, ["i00000"], options: BulkOptions(atomicity: .batch))
        },
    ]

    static let transaction = ConformanceOperation(name: "transaction") {
        _ = try await $0.transaction { try await $0.create(Item(id: "new")) }
    }
}

// Calls that are cancelled or too late.
extension DatabaseConformance {
    static func addInterruptionCases(_ list: inout CaseList) {
        list.begin("cancellation and deadlines")
        let operations = ConformanceOperation.reads + ConformanceOperation.writes
        for operation in operations + [.transaction] {
            let needs = operation.name == "transaction" ? [Need.transactions] : []
            list.add("\(operation.name): cancelled before it begins", allOf: needs) { t in
                let (handle, items) = try await t.interruptible()
                let error = await t.cancelled { try await operation.run(handle) }
                t.expectEqual(error?.code, .cancelled, "the error \(String(describing: error))")
                t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
            }
            list.add("\(operation.name): its deadline has passed", allOf: needs) { t in
                let (handle, items) = try await t.interruptible()
                for timeout in [Duration.zero, .seconds(-5)] {
                    await t.expectThrows(.timeout) { try await operation.run(handle.with(timeout: timeout)) }
                }
                t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
            }
        }
        addWaitingCases(&list)
        addBareDeadlineCases(&list)
    }

    /// The tasks that wait are detached: what would wait for the transaction that it is made in may be refused at once.
    private static func addWaitingCases(_ list: inout CaseList) {
        list.add("a write that waits for a transaction: cancelled, it is not done", needs: .transactions) { t in
            let (handle, items) = try await t.interruptible()
            await t.rolledBack(handle) { inside in
                try await inside.query(Item.self).update(.set(\.kind, to: "held"))
                let waiting = Task.detached {
                    try await handle.query(Item.self).where { $0.id == "i00000" }.update(.set(\.kind, to: "late"))
                }
                try await Task.sleep(for: .milliseconds(60))
                waiting.cancel()
                let start = ContinuousClock.now
                do {
                    _ = try await waiting.value
                    t.fail("a write went past a transaction that holds its record")
                } catch { t.expectEqual(TenancyError.wrap(error).code, .cancelled, "the error") }
                t.expect(ContinuousClock.now - start < .seconds(3), "it took long to be cancelled")
            }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
            t.expectEqual(try await handle.query(Item.self).update(.set(\.kind, to: "usable")), 5, "a later write")
        }
        list.add("a write that waits for a transaction ends at its deadline, and is not done", needs: .transactions) {
            t in
            let (handle, items) = try await t.interruptible()
            await t.rolledBack(handle) { inside in
                try await inside.query(Item.self).update(.set(\.kind, to: "held"))
                let start = ContinuousClock.now
                let waiting = Task.detached {
                    try await handle.with(timeout: .milliseconds(150)).query(Item.self).update(.set(\.kind, to: "late"))
                }
                await t.expectThrows(.timeout) { try await waiting.value }
                t.expect(ContinuousClock.now - start < .seconds(3), "it took long to end")
            }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
            t.expectEqual(try await handle.query(Item.self).update(.set(\.kind, to: "usable")), 5, "a later write")
        }
        list.add("a transaction that waits for another: cancelled, its body does not run", needs: .transactions) { t in
            let (handle, items) = try await t.interruptible()
            await t.rolledBack(handle) { inside in
                try await inside.query(Item.self).update(.set(\.kind, to: "held"))
                let waiting = Task.detached {
                    try await handle.transaction { try await $0.query(Item.self).update(.set(\.kind, to: "late")) }
                }
                try await Task.sleep(for: .milliseconds(60))
                waiting.cancel()
                if case .success = await waiting.result { t.fail("it was committed") }
            }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
        }
        list.add("a transaction whose task is cancelled inside is rolled back", needs: .transactions) { t in
            let (handle, items) = try await t.interruptible()
            let error = await t.failing {
                try await handle.transaction { inside in
                    try await inside.query(Item.self).update(.set(\.kind, to: "gone"))
                    withUnsafeCurrentTask { $0?.cancel() }
                    _ = try await inside.query(Item.self).count()
                }
            }
            t.expectEqual(error?.code, .cancelled, "the error")
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
            _ = try await handle.transaction { try await $0.create(Item(id: "usable")) }
        }
        list.add("a transaction that lasts beyond its deadline is rolled back", needs: .transactions) { t in
            let (handle, items) = try await t.interruptible()
            await t.expectThrows(.timeout) {
                try await handle.with(timeout: .milliseconds(80)).transaction { inside in
                    try await inside.query(Item.self).update(.set(\.kind, to: "gone"))
                    try await Task.sleep(for: .milliseconds(160))
                    _ = try await inside.query(Item.self).count()
                }
            }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
            _ = try await handle.transaction { try await $0.create(Item(id: "usable")) }
        }
        list.add("a transaction whose deadline passes before its commit is not committed", needs: .transactions) { t in
            let (handle, items) = try await t.interruptible()
            await t.expectThrows(.timeout) {
                try await handle.with(timeout: .milliseconds(80)).transaction { inside in
                    try await inside.query(Item.self).update(.set(\.kind, to: "gone"))
                    try await Task.sleep(for: .milliseconds(160))
                }
            }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
        }
        list.add("bulk writes cancelled at any moment are done or not done", needs: .transactions) { t in
            let handle = try await t.tenant()
            for round in 0..<15 {
                let kind = "round \(round)"
                let work = Task {
                    try await handle.bulkCreate(
                        Item.many(600, "r\(round)-", kind: kind), options: BulkOptions(batchSize: 50))
                }
                try await Task.sleep(for: .milliseconds(round))
                work.cancel()
                let outcome = await work.result
                let count = try await handle.query(Item.self).where { $0.kind == kind }.count()
                switch outcome {
                case .success: t.expectEqual(count, 600, "records of a write that succeeded")
                case .failure(let error):
                    t.expectEqual(TenancyError.wrap(error).code, .cancelled, "the error")
                    t.expectEqual(count, 0, "records of a write that was cancelled")
                }
            }
        }
        list.add("calls of every kind cancelled at any moment leave the database usable") { t in
            let (handle, _) = try await t.interruptible()
            var random = SeededGenerator(seed: 5)
            for round in 0..<60 {
                let operation = random.pick(ConformanceOperation.reads + ConformanceOperation.writes)
                let work = Task { try await operation.run(handle) }
                if round % 3 > 0 { try await Task.sleep(for: .microseconds(Int.random(in: 1...400, using: &random))) }
                work.cancel()
                _ = await work.result
            }
            try await handle.query(Item.self).delete()
            try await handle.bulkCreate(Item.many(20), options: BulkOptions(atomicity: .batch))
            t.expectEqual(try await handle.query(Item.self).count(), 20, "records")
        }
        list.add("a task that is cancelled takes no other's call with it") { t in
            let (handle, _) = try await t.interruptible()
            let others = Task {
                for _ in 0..<60 { _ = try await handle.read(Item.self, "i00001", options: .uncached) }
            }
            for _ in 0..<30 {
                let work = Task { try await handle.read(Item.self, "i00001", options: .uncached) }
                await Task.yield()
                work.cancel()
                _ = await work.result
            }
            if case .failure(let error) = await others.result { t.fail("another task's read ended with \(error)") }
        }
    }

    private static func addBareDeadlineCases(_ list: inout CaseList) {
        list.add("the bare adapter does nothing after a deadline") { t in
            let (handle, items) = try await t.interruptible()
            let late = TenantContext(tenant: handle.id, deadline: .now.advanced(by: .seconds(-1)))
            let builder = t.builder(Item.self)
            let all = try builder.select(Query())
            let count = try builder.aggregate(.always, [AggregateFunction(.count)])
            let adapter = t.adapter
            await t.expectThrows(.timeout, what: "read") {
                try await adapter.read(builder.entity, keys: ["i00000"], in: late)
            }
            await t.expectThrows(.timeout, what: "select") { try await adapter.select(all, in: late) }
            await t.expectThrows(.timeout, what: "aggregate") { try await adapter.aggregate(count, in: late) }
            await t.expectThrows(.timeout, what: "write") { try await adapter.write(builder.delete(.always), in: late) }
            await t.expectThrows(.timeout, what: "stream") {
                for try await _ in try await adapter.stream(all, batchSize: 2, in: late) {}
            }
            if adapter.capabilities.hasTransactions {
                await t.expectThrows(.timeout, what: "transaction") {
                    try await adapter.withTransaction(TransactionOptions(), in: late) { _ in t.fail("the body ran") }
                }
            }
            await t.expectThrows(.timeout, what: "removal") { try await adapter.removeAllData(in: late) }
            t.expectSame(try await handle.query(Item.self).sorted(by: \.id).all(), items, "afterwards")
        }
        list.add("a handle's deadline holds for all its calls together") { t in
            let (handle, _) = try await t.interruptible()
            let short = handle.with(timeout: .milliseconds(80))
            try await Task.sleep(for: .milliseconds(120))
            await t.expectThrows(.timeout) { try await short.read(Item.self, "i00000") }
            await t.expectThrows(.timeout) { try await short.create(Item(id: "late")) }
            t.expectEqual(try await handle.query(Item.self).count(), 5, "records")
        }
    }
}

extension CaseList {
    mutating func add(
        _ name: String, allOf needs: [DatabaseConformance.Need],
        body: @escaping @Sendable (DatabaseCaseContext) async throws -> Void
    ) {
        if let need = needs.first { add(name, needs: need, body: body) } else { add(name, body: body) }
    }
}

extension DatabaseCaseContext {
    fileprivate func interruptible() async throws -> (TenantHandle, [Item]) {
        let handle = try await tenant()
        return (handle, try await created(Item.many(5)))
    }

    /// Runs work in a task that is cancelled already, and returns how it ended.
    func cancelled(_ body: @escaping @Sendable () async throws -> Void) async -> TenancyError? {
        await failing {
            withUnsafeCurrentTask { $0?.cancel() }
            try await body()
        }
    }

    /// Runs work in a task of its own, and returns the error that it ended with.
    func failing(_ body: @escaping @Sendable () async throws -> Void) async -> TenancyError? {
        await Task { () -> TenancyError? in
            do {
                try await body()
                return nil
            } catch { return TenancyError.wrap(error) }
        }.value
    }
}
