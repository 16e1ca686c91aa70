import Foundation
import Synchronization
import Tenancy
import TenancyCore

// The same inside transactions, and on the bare adapter.
extension IsolationSuite {
    static func addTransactionCases(_ list: inout CaseList) {
        list.begin("isolation in transactions")
        list.add("reads of every kind", needs: .transactions) { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                try await handle.transaction { inside in
                    twins.expectOwned(try await inside.query(Item.self).all(), by: owner, "queried")
                    twins.expectOwned(
                        try await inside.read(Item.self, ids: ["i0", "only0", "only1"]), by: owner, "read")
                    t.expectSame(try await inside.read(Item.self, "only\(1 - owner)"), nil, "the other's key")
                    t.expectEqual(try await inside.query(Item.self).count(), Twins.count, "count")
                    twins.expectOwned(
                        try await t.collect(inside.query(Item.self).stream(batchSize: 2)), by: owner, "streamed")
                    twins.expectOwned(try await t.pages(inside.query(Item.self), size: 2), by: owner, "in pages")
                    let groups = try await inside.query(Item.self).grouped(by: \.kind, .count(), .sum(\.quantity))
                    t.expectEqual(groups.map(\.key), ["owner\(owner)"], "groups")
                    if t.adapter.capabilities.searches {
                        let hits = try await inside.search(Article.self, "shared", limit: 100)
                        t.expectEqual(Set(hits.map(\.element.body)), ["owner\(owner)"], "searched")
                    }
                }
            }
        }
        list.add("writes of every kind, committed", needs: .transactions) { t in
            let twins = try await Twins(t)
            try await twins.a.transaction { inside in
                try await inside.create(Item(id: "only1", kind: "owner0"))
                try await inside.upsert(Item(id: "i0", kind: "owner0"))
                try await inside.delete(Item.self, "i1")
                try await inside.query(Item.self).update(.set(\.kind, to: "mine"))
                await t.expectThrows(.notFound) { try await inside.update(Item(id: "nowhere", version: 1)) }
                try await inside.query(Item.self).where { $0.slot == 3 }.delete()
                try await inside.query(Point.self).delete()
            }
            try await twins.expectIntact(1, "after the other's transaction")
        }
        list.add("writes of every kind, rolled back", needs: .transactions) { t in
            let twins = try await Twins(t)
            await t.rolledBack(twins.a) { inside in
                try await inside.query(Item.self).delete()
                try await inside.upsert(Item(id: "only1"))
                try await inside.query(Point.self).update(.set(\.a, to: 99))
            }
            try await twins.expectIntact(0, "after its rollback")
            try await twins.expectIntact(1, "after the other's rollback")
        }
        list.add("an update of the other's key is not found inside either", needs: .transactions) { t in
            let twins = try await Twins(t)
            try await twins.a.transaction { inside in
                await t.expectThrows(.notFound) {
                    try await inside.update(Item(id: "only1", kind: "stolen", version: 1))
                }
                t.expectEqual(try await inside.delete(Item.self, "only1"), false, "a delete of it")
            }
            try await twins.expectIntact(1, "after the other's transaction")
        }
        list.add("another tenant's handle inside the body is that tenant's", needs: .transactions) { t in
            let twins = try await Twins(t)
            await t.rolledBack(twins.a) { inside in
                try await inside.query(Item.self).update(.set(\.kind, to: "changed"))
                await t.unlessPrevented {
                    let other = twins.b.with(timeout: .milliseconds(400))
                    twins.expectOwned(try await other.query(Item.self).all(), by: 1, "b's inside a's")
                }
                t.expectEqual(inside.id, twins.a.id, "whose the transaction is")
            }
            try await twins.expectIntact(0, "afterwards")
            try await twins.expectIntact(1, "afterwards")
        }
        list.add("what one transaction leaves behind is not the next tenant's", needs: .transactions) { t in
            let twins = try await Twins(t)
            for round in 0..<30 {
                let (owner, handle) = (round % 2, twins.handles[round % 2])
                let look: (TenantHandle) async throws -> Void = { inside in
                    twins.expectOwned(try await inside.query(Item.self).all(), by: owner, "round \(round)")
                }
                if round % 3 == 0 {
                    await t.rolledBack(handle) { try await look($0) }
                } else {
                    try await handle.transaction { try await look($0) }
                }
                twins.expectOwned(
                    try await twins.handles[1 - owner].query(Item.self).all(), by: 1 - owner, "after round \(round)")
            }
        }
    }

    static func addAdapterCases(_ list: inout CaseList) {
        list.begin("isolation of the bare adapter")
        list.add("reads of every kind") { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                try await twins.expectBare(t.adapter, owner, TenantContext(tenant: handle.id))
            }
        }
        list.add("reads of every kind in a transaction", needs: .transactions) { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                let context = TenantContext(tenant: handle.id)
                try await t.adapter.withTransaction(TransactionOptions(), in: context) { runner in
                    try await twins.expectBare(runner, owner, context)
                }
            }
        }
        list.add("a transaction refuses another tenant's context, and stays usable", needs: .transactions) { t in
            let twins = try await Twins(t)
            let (own, other) = (TenantContext(tenant: twins.a.id), TenantContext(tenant: twins.b.id))
            let builder = t.builder(Item.self)
            let all = try builder.select(Query())
            let count = try builder.aggregate(.always, [AggregateFunction(.count)])
            let words = try t.builder(Article.self).search(
                "shared", filter: .always, requiresAllWords: true, lastWordIsPrefix: true, limit: 10)
            try await t.adapter.withTransaction(TransactionOptions(), in: own) { runner in
                await t.expectThrows(.tenantMismatch, what: "read") {
                    try await runner.read(builder.entity, keys: ["i0"], in: other)
                }
                await t.expectThrows(.tenantMismatch, what: "select") { try await runner.select(all, in: other) }
                await t.expectThrows(.tenantMismatch, what: "aggregate") {
                    try await runner.aggregate(count, in: other)
                }
                await t.expectThrows(.tenantMismatch, what: "write") {
                    try await runner.write(builder.delete(.always), in: other)
                }
                await t.expectThrows(.tenantMismatch, what: "stream") {
                    for try await _ in try await runner.stream(all, batchSize: 2, in: other) {}
                }
                if t.adapter.capabilities.searches, let words {
                    await t.expectThrows(.tenantMismatch, what: "search") { try await runner.search(words, in: other) }
                }
                if t.adapter.capabilities.hasSavepoints {
                    await t.expectThrows(.tenantMismatch, what: "transaction") {
                        try await runner.withTransaction(TransactionOptions(), in: other) { _ in t.fail("the body ran")
                        }
                    }
                    try await runner.withTransaction(TransactionOptions(), in: own) { inner in
                        await t.expectThrows(.tenantMismatch, what: "inner read") {
                            try await inner.select(all, in: other)
                        }
                        t.expectEqual(
                            try await inner.select(all, in: own).count, Twins.count, "own rows inside the inner one")
                    }
                }
                t.expectEqual(try await runner.select(all, in: own).count, Twins.count, "own rows after it")
            }
            try await twins.expectIntact(0, "afterwards")
            try await twins.expectIntact(1, "afterwards")
        }
        list.add("writes by filter count and change one's own rows") { t in
            let twins = try await Twins(t)
            let builder = t.builder(Item.self)
            let context = TenantContext(tenant: twins.a.id)
            let update = try builder.update(.always, [Assignment("kind", .set("changed"))])
            t.expectEqual(try await t.adapter.write(update, in: context).affected, Twins.count, "updated")
            try await twins.expectIntact(1, "after the other's update")
            t.expectEqual(
                try await t.adapter.write(builder.delete(.always), in: context).affected, Twins.count, "deleted")
            try await twins.expectIntact(1, "after the other's delete")
        }
        list.add("a tenant that nobody created has nothing") { t in
            let twins = try await Twins(t)
            let context = try t.context("stranger")
            let builder = t.builder(Item.self)
            t.expectEqual(try await t.adapter.select(try builder.select(Query()), in: context).count, 0, "rows")
            t.expectEqual(try await t.adapter.read(builder.entity, keys: ["i0"], in: context).count, 0, "rows by key")
            t.expectEqual(try await t.adapter.write(builder.delete(.always), in: context).affected, 0, "deleted")
            try await t.adapter.removeAllData(in: context)
            try await twins.expectIntact(0, "afterwards")
        }
    }
}

extension Twins {
    /// Calls everything that reads on an adapter or a transaction.
    fileprivate func expectBare(_ runner: any StatementRunner, _ owner: Int, _ context: TenantContext) async throws {
        let builder = t.builder(Item.self)
        let entity = builder.entity
        let keys: [Value] = ["i0", "i1", "only0", "only1"]
        let read = try await runner.read(entity, keys: keys, in: context)
        t.expectEqual(read.count, 3, "rows by key")
        expectOwned(try Item.schema.decode(read), by: owner, "read")
        for query in [
            Query(), Query(sort: [.init("kind", .descending)]), Query(limit: 4),
            Query(filter: .oneOf(field: "id", keys)),
        ] {
            expectOwned(
                try Item.schema.decode(try await runner.select(try builder.select(query), in: context)), by: owner,
                "selected")
        }
        let all = try builder.select(Query())
        t.expectEqual(try await runner.select(all, in: context).count, Twins.count, "rows")
        let figures = try await runner.aggregate(
            try builder.aggregate(.always, [AggregateFunction(.count), AggregateFunction(.maximum, "kind")]),
            in: context)
        t.expectEqual(try figures.int64(0, 0), Int64(Twins.count), "count")
        t.expectEqual(try figures.string(0, 1), "owner\(owner)", "greatest")
        var streamed: [Item] = []
        for try await batch in try await runner.stream(all, batchSize: 4, in: context) {
            streamed += try Item.schema.decode(batch)
        }
        t.expectEqual(streamed.count, Twins.count, "rows streamed")
        expectOwned(streamed, by: owner, "streamed")
        guard t.adapter.capabilities.searches else { return }
        let words = try t.builder(Article.self).search(
            "shared", filter: .always, requiresAllWords: true, lastWordIsPrefix: true, limit: 50)
        if let words {
            let hits = try Article.schema.decode(try await runner.search(words, in: context))
            t.expectEqual(hits.map(\.body), Array(repeating: "owner\(owner)", count: Twins.count), "rows searched")
        }
    }
}
