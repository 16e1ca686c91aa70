import Foundation
import Synchronization
import Tenancy
import TenancyCore

// What concurrent transactions may do to each other at each level of isolation: an adapter may prevent an anomaly by
// blocking, or by an error that may be retried, and never let it happen.
extension DatabaseConformance {
    static func addAnomalyCases(_ list: inout CaseList) {
        list.begin("isolation levels")
        for level in [TransactionOptions.Isolation.readCommitted, .repeatableRead, .serializable] {
            let options = TransactionOptions(isolation: level)
            list.add("\(level): no dirty reads", needs: .transactions) { t in
                let handle = try await t.tenant()
                try await handle.create(Item(id: "i", quantity: 1))
                await t.rolledBack(handle, options) { writer in
                    try await writer.query(Item.self).update(.set(\.quantity, to: 2))
                    await t.unlessPrevented {
                        try await handle.with(timeout: .milliseconds(300)).transaction(options) { reader in
                            t.expectEqual(try await reader.read(Item.self, "i")?.quantity, 1, "read by another")
                        }
                    }
                }
                t.expectEqual(try await handle.read(Item.self, "i", options: .uncached)?.quantity, 1, "in the end")
            }
            list.add("\(level): no dirty writes", needs: .transactions) { t in
                let handle = try await t.tenant()
                try await handle.bulkCreate([Item(id: "x"), Item(id: "y")], options: BulkOptions(atomicity: .batch))
                let outcomes = await t.concurrently(2) { number in
                    try await t.retrying {
                        try await handle.transaction(options) { inside in
                            for id in ["x", "y"] {
                                try await inside.query(Item.self).where { $0.id == id }.update(
                                    .set(\.quantity, to: Int64(number)))
                                try await Task.sleep(for: .milliseconds(20))
                            }
                        }
                    }
                }
                t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
                let quantities = try await handle.query(Item.self).all().map(\.quantity)
                t.expectEqual(Set(quantities).count, 1, "quantities of one writer: \(quantities)")
            }
            list.add("\(level): a rolled back write is never counted on", needs: .transactions) { t in
                let handle = try await t.tenant()
                try await handle.create(Item(id: "i", quantity: 0))
                let outcomes = await t.concurrently(8) { number in
                    try await t.retrying {
                        do {
                            try await handle.transaction(options) { inside in
                                try await inside.query(Item.self).update(.add(1, to: \.quantity))
                                if number % 2 == 1 { throw CaseAborted() }
                            }
                        } catch is CaseAborted {}
                    }
                }
                t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
                t.expectEqual(try await handle.read(Item.self, "i", options: .uncached)?.quantity, 4, "the sum")
            }
        }
        for level in [TransactionOptions.Isolation.repeatableRead, .serializable] {
            let options = TransactionOptions(isolation: level)
            list.add("\(level): a second read sees what the first saw", needs: .transactions) { t in
                let handle = try await t.tenant()
                try await handle.bulkCreate(Item.many(3), options: BulkOptions(atomicity: .batch))
                await t.unlessPrevented {
                    try await handle.transaction(options) { reader in
                        let first = try await reader.query(Item.self).sorted(by: \.id).all()
                        await t.unlessPrevented {
                            let writer = handle.with(timeout: .milliseconds(300))
                            try await writer.query(Item.self).update(.add(100, to: \.quantity))
                            try await writer.create(Item(id: "phantom"))
                        }
                        t.expectSame(try await reader.query(Item.self).sorted(by: \.id).all(), first, "all")
                        t.expectSame(try await reader.read(Item.self, first[1].id), first[1], "one")
                        t.expectEqual(try await reader.query(Item.self).count(), 3, "count")
                    }
                }
            }
            list.add("\(level): read-only, a second read sees what the first saw", needs: .transactions) { t in
                let handle = try await t.tenant()
                try await handle.bulkCreate(Item.many(3), options: BulkOptions(atomicity: .batch))
                var options = options
                options.isReadOnly = true
                try await handle.transaction(options) { reader in
                    let first = try await reader.query(Item.self).sorted(by: \.id).all()
                    await t.unlessPrevented {
                        try await handle.with(timeout: .milliseconds(300)).query(Item.self).update(
                            .add(100, to: \.quantity))
                    }
                    t.expectSame(try await reader.query(Item.self).sorted(by: \.id).all(), first, "all")
                }
            }
            list.add("\(level): no lost update", needs: .transactions) { t in
                let handle = try await t.tenant()
                try await handle.create(Item(id: "i", quantity: 0))
                let meeting = Meeting(2)
                let outcomes = await t.concurrently(2) { _ in
                    try await t.retrying {
                        try await handle.with(timeout: .seconds(5)).transaction(options) { inside in
                            let read = try await inside.read(Item.self, "i")?.quantity ?? 0
                            await meeting.arrive(atMost: .milliseconds(150))
                            try await inside.query(Item.self).update(.set(\.quantity, to: read + 1))
                        }
                    }
                }
                t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
                t.expectEqual(try await handle.read(Item.self, "i", options: .uncached)?.quantity, 2, "the sum")
            }
        }
        list.add("serializable: no write skew", needs: .transactions) { t in
            let handle = try await t.tenant()
            for round in 0..<3 {
                let kind = "round \(round)"
                try await handle.bulkCreate(
                    [Item(id: "a\(round)", kind: kind, quantity: 1), Item(id: "b\(round)", kind: kind, quantity: 1)],
                    options: BulkOptions(atomicity: .batch))
                let meeting = Meeting(2)
                let options = TransactionOptions(isolation: .serializable)
                let outcomes = await t.concurrently(2) { number in
                    try await handle.with(timeout: .seconds(5)).transaction(options) { inside in
                        let onDuty = inside.query(Item.self).where { $0.kind == kind && $0.quantity == 1 }
                        guard try await onDuty.count() > 1 else { return }
                        await meeting.arrive(atMost: .milliseconds(150))
                        let mine = number == 0 ? "a\(round)" : "b\(round)"
                        try await inside.query(Item.self).where { $0.id == mine }.update(.set(\.quantity, to: 0))
                    }
                }
                t.expect(outcomes.allSatisfy { $0?.isRetryable ?? true }, "\(outcomes)")
                let left = try await handle.query(Item.self).where { $0.kind == kind && $0.quantity == 1 }.count()
                t.expect(left >= 1, "nobody is on duty: \(outcomes)")
            }
        }
        list.add("serializable: what is inserted where another has looked is noticed", needs: .transactions) { t in
            let handle = try await t.tenant()
            let meeting = Meeting(2)
            let options = TransactionOptions(isolation: .serializable)
            let outcomes = await t.concurrently(2) { number in
                try await handle.with(timeout: .seconds(5)).transaction(options) { inside in
                    let only = inside.query(Item.self).where { $0.kind == "only one" }
                    guard try await only.count() == 0 else { return }
                    await meeting.arrive(atMost: .milliseconds(150))
                    try await inside.create(Item(id: "\(number)", kind: "only one"))
                }
            }
            t.expect(outcomes.allSatisfy { $0?.isRetryable ?? true }, "\(outcomes)")
            let count = try await handle.query(Item.self).where { $0.kind == "only one" }.count()
            t.expect(count <= 1, "\(count) records where each writer saw none: \(outcomes)")
        }
        list.add("two that take two records in opposite order end, and one at least commits", needs: .transactions) {
            t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(
                [Item(id: "x", quantity: 0), Item(id: "y", quantity: 0)], options: BulkOptions(atomicity: .batch))
            let meeting = Meeting(2)
            let outcomes = await t.concurrently(2) { number in
                try await handle.with(timeout: .seconds(10)).transaction { inside in
                    let ids = number == 0 ? ["x", "y"] : ["y", "x"]
                    for (step, id) in ids.enumerated() {
                        try await inside.query(Item.self).where { $0.id == id }.update(.add(1, to: \.quantity))
                        if step == 0 { await meeting.arrive(atMost: .milliseconds(150)) }
                    }
                }
            }
            t.expect(outcomes.contains { $0 == nil }, "none was committed: \(outcomes)")
            t.expect(outcomes.allSatisfy { $0?.isRetryable ?? true }, "\(outcomes)")
            let committed = Int64(outcomes.count { $0 == nil })
            t.expectEqual(
                try await handle.query(Item.self).all().map(\.quantity), [committed, committed], "quantities")
        }
    }
}

/// Where tasks wait for each other, but not for long: one that is blocked elsewhere never comes.
final class Meeting: Sendable {
    private let missing: Mutex<Int>

    init(_ count: Int) { missing = Mutex(count) }

    func arrive(atMost longest: Duration) async {
        missing.withLock { $0 -= 1 }
        let end = ContinuousClock.now + longest
        while missing.withLock({ $0 > 0 }), ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(2)) }
    }
}
