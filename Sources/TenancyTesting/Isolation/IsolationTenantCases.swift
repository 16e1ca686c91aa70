import Foundation
import Synchronization
import Tenancy
import TenancyCore

// Ids that look alike, ids that attack, tenants that may not act, and many at once.
extension IsolationSuite {
    static func addTenantCases(_ list: inout CaseList) {
        list.begin("tenants")
        list.add("ids that differ in case, or of which one is the other's beginning, are others") { t in
            let names = ["ua", "UA", "Ua", "a", "a-b", "a_b", "a-", "a_", "ab", "a--b", "1", "01", "001", "aa"]
            let twins = try await Twins(t, names)
            for owner in names.indices { try await twins.expectIntact(owner, "'\(names[owner])'") }
            try await t.adapter.removeAllData(in: TenantContext(tenant: twins.handles[0].id))
            try await twins.handles[3].query(Item.self).delete()
            try await twins.handles[3].query(Point.self).delete()
            try await twins.handles[4].query(Item.self).update(.set(\.kind, to: "changed"))
            for owner in names.indices where ![0, 3, 4].contains(owner) {
                try await twins.expectIntact(owner, "'\(names[owner])' after the others' writes")
            }
        }
        list.add("the longest ids, that differ in the last character") { t in
            let length = TenantID.maximumLength - (try t.id("").rawValue.utf8.count)
            let stem = String(repeating: "x", count: length - 1)
            let twins = try await Twins(t, [stem + "a", stem + "b", stem])
            for owner in 0..<3 { try await twins.expectIntact(owner, "of 63 characters") }
        }
        list.add("hostile ids are refused") { t in
            let twins = try await Twins(t)
            let id = twins.a.id.rawValue
            let hostile = [
                "", " ", "*", "%", "_", "?", "a*", "a:b", "a/b", "..", "../a", "a.b", "a b", "a\n", "\na", "a\0", "a'",
                "a\"", "a;",
                "a--'", "' OR '1'='1", "$ne", "{\"$gt\":\"\"}", "[a]", "{a}", "a\\", "-a", "_a", "_system", "é",
                "a\u{301}", "ａ", "\u{200B}a",
                "a\u{200B}", "😀", id + " ", " " + id, id + "\0", id + "%", id + "/", id.uppercased() + "\u{130}",
                String(repeating: "a", count: 64), String(repeating: "a", count: 100_000),
            ]
            for text in hostile {
                await t.expectThrows(.invalidTenantID, what: "'\(text.prefix(30))'") { try await t.sdk.tenant(text) }
                await t.expectThrows(.invalidTenantID, what: "'\(text.prefix(30))'") { try TenantID(text) }
            }
        }
        list.add("ids that nobody created are not found, whatever they resemble") { t in
            let twins = try await Twins(t)
            let id = twins.a.id.rawValue
            for text in [id + "x", String(id.dropLast()), id + "-", id.uppercased(), "tenancy", "system", "0"] {
                await t.expectThrows(.tenantNotFound, what: text) { try await t.sdk.tenant(text) }
            }
        }
        list.add("a suspended tenant is refused, by every handle at once, and nobody else is") { t in
            let twins = try await Twins(t)
            try await t.sdk.tenants.suspend(twins.a.id)
            await t.expectThrows(.tenantSuspended) { try await t.sdk.tenant(twins.a.id) }
            for operation in ConformanceOperation.reads + ConformanceOperation.writes {
                await t.expectThrows(.tenantSuspended, what: operation.name) { try await operation.run(twins.a) }
            }
            try await twins.expectIntact(1, "while the other is suspended")
            try await t.sdk.tenants.resume(twins.a.id)
            try await twins.expectIntact(0, "after it is resumed")
        }
        list.add("a transaction under way when its tenant is suspended does no more", needs: .transactions) { t in
            let twins = try await Twins(t)
            // Read-only, because a suspension is a write, which some databases let wait for a transaction that writes.
            var options = TransactionOptions()
            options.isReadOnly = true
            let readOnly = options
            await t.expectThrows(.tenantSuspended) {
                try await twins.a.transaction(readOnly) { inside in
                    _ = try await inside.read(Item.self, "i0")
                    try await t.sdk.tenants.suspend(twins.a.id)
                    _ = try await inside.query(Item.self).all()
                }
            }
            try await t.sdk.tenants.resume(twins.a.id)
            try await twins.expectIntact(0, "after it is resumed")
        }
        list.add("a deleted tenant is refused, its data is gone, and its id is not given out again") { t in
            let twins = try await Twins(t)
            try await t.sdk.tenants.delete(twins.a.id)
            await t.expectThrows(.tenantDeleted) { try await t.sdk.tenant(twins.a.id) }
            for operation in ConformanceOperation.reads + ConformanceOperation.writes {
                await t.expectThrows(.tenantDeleted, what: operation.name) { try await operation.run(twins.a) }
            }
            await t.expectThrows(.tenantAlreadyExists) { try await t.sdk.tenants.create(twins.a.id, name: "again") }
            await t.expectThrows(.tenantDeleted) { try await t.sdk.tenants.resume(twins.a.id) }
            let rows = try await t.adapter.select(
                try t.builder(Item.self).select(Query()), in: TenantContext(tenant: twins.a.id))
            t.expectEqual(rows.count, 0, "rows of the deleted one")
            try await twins.expectIntact(1, "after the other was deleted")
            try await t.sdk.tenants.delete(twins.a.id)
        }
        list.add("system access reaches one tenant at a time, and ends") { t in
            let twins = try await Twins(t)
            let kept = Mutex<[TenantHandle]>([])
            try await t.sdk.withSystemAccess(reason: "a test", actor: "conformance") { access in
                for (owner, handle) in twins.handles.enumerated() {
                    let tenant = try await access.tenant(handle.id)
                    twins.expectOwned(try await tenant.query(Item.self).all(), by: owner, "by system access")
                    kept.withLock { $0.append(tenant) }
                }
            }
            for handle in kept.withLock(\.self) {
                await t.expectThrows(.transactionClosed) { try await handle.query(Item.self).all() }
                await t.expectThrows(.transactionClosed) { try await handle.query(Item.self).delete() }
            }
            for (reason, actor) in [("", "x"), (" ", "x"), ("x", ""), ("x", "\n")] {
                await t.expectThrows(.invalidConfiguration) {
                    try await t.sdk.withSystemAccess(reason: reason, actor: actor) { _ in t.fail("access was given") }
                }
            }
        }
    }

    static func addConcurrencyCases(_ list: inout CaseList) {
        list.begin("concurrency")
        list.add("20 tenants at once, reading and writing, each its own") { t in
            let names = (0..<20).map { "t\($0)" }
            let twins = try await Twins(t, names)
            let outcomes = await t.concurrently(20) { owner in
                let handle = twins.handles[owner]
                for round in 0..<6 {
                    twins.expectOwned(try await handle.query(Item.self).all(), by: owner, "queried")
                    twins.expectOwned(try await handle.read(Item.self, ids: ["i0", "i1", "only3"]), by: owner, "read")
                    twins.expectOwned(try await t.pages(handle.query(Item.self), size: 4), by: owner, "in pages")
                    twins.expectOwned(
                        try await t.collect(handle.query(Item.self).stream(batchSize: 3)), by: owner, "streamed")
                    try await handle.upsert(Item(id: "new\(round)", kind: "owner\(owner)"))
                    try await handle.query(Item.self).where { $0.id == "new\(round)" }.update(.add(1, to: \.quantity))
                    try await handle.delete(Item.self, "new\(round)")
                }
            }
            t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes.compactMap(\.self))")
            for owner in names.indices { try await twins.expectIntact(owner, "in the end") }
        }
        list.add("tasks of one tenant are cancelled, another's see nothing of it") { t in
            let twins = try await Twins(t)
            let reader = Task {
                for _ in 0..<150 {
                    twins.expectOwned(try await twins.b.query(Item.self).all(), by: 1, "queried")
                    twins.expectOwned([try await twins.b.read(Item.self, "i0")].compactMap(\.self), by: 1, "read")
                }
            }
            for round in 0..<60 {
                let work = Task {
                    if round % 2 == 0 {
                        twins.expectOwned(try await twins.a.query(Item.self).all(), by: 0, "queried")
                    } else {
                        twins.expectOwned(
                            try await t.collect(twins.a.query(Item.self).stream(batchSize: 1)), by: 0, "streamed")
                    }
                }
                await Task.yield()
                work.cancel()
                _ = await work.result
            }
            if case .failure(let error) = await reader.result { t.fail("the other's reads ended with \(error)") }
        }
        list.add("transactions of several tenants at once, half of them rolled back", needs: .transactions) { t in
            let twins = try await Twins(t, ["a", "b", "c", "d"])
            let outcomes = await t.concurrently(16) { number in
                let (owner, handle) = (number % 4, twins.handles[number % 4])
                try await t.retrying {
                    do {
                        try await handle.transaction { inside in
                            twins.expectOwned(try await inside.query(Item.self).all(), by: owner, "queried")
                            try await inside.upsert(Item(id: "tx\(number)", kind: "owner\(owner)"))
                            twins.expectOwned(
                                try await inside.read(Item.self, ids: ["tx\(number)", "i0"]), by: owner, "read")
                            if number < 8 { throw CaseAborted() }
                        }
                    } catch is CaseAborted {}
                }
            }
            t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes.compactMap(\.self))")
            for (owner, handle) in twins.handles.enumerated() {
                t.expectEqual(
                    try await handle.query(Item.self).where { $0.id.hasPrefix("tx") }.count(), 2,
                    "committed by \(owner)")
                try await handle.query(Item.self).where { $0.id.hasPrefix("tx") }.delete()
                try await twins.expectIntact(owner, "in the end")
            }
        }
    }
}
