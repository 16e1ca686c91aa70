import Foundation
import Tenancy
import TenancyCore

// Single records: create, read, update, upsert, delete, versions.
extension DatabaseConformance {
    static func addWriteCases(_ list: inout CaseList) {
        list.begin("writes")
        list.add("a created record is returned as it is stored") { t in
            let handle = try await t.tenant()
            let created = try await handle.create(Item(id: "i", quantity: 3, version: 77))
            t.expectEqual(created.version, 1, "version")
            t.expectSame(try await handle.read(Item.self, "i"), created)
        }
        list.add("a second record of a key is a violation and changes nothing") { t in
            let handle = try await t.tenant()
            let created = try await handle.create(Item(id: "i", kind: "first"))
            let error = await t.expectThrows(.uniqueViolation) {
                try await handle.create(Item(id: "i", kind: "second"))
            }
            t.expectEqual(error?.details.entity, Item.schema.description.name, "the error's entity")
            t.expectSame(try await handle.read(Item.self, "i"), created)
        }
        list.add("what is not there reads as none") { t in
            let handle = try await t.tenant()
            t.expectSame(try await handle.read(Item.self, "nope"), nil)
            t.expectEqual(try await handle.read(Item.self, ids: ["x", "y"]).count, 0, "by keys")
            t.expectEqual(try await handle.read(Item.self, ids: []).count, 0, "by no keys")
        }
        list.add("reading by keys keeps their order and takes each once") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(5, ""))
            let keys = ["00003", "nope", "00001", "00003", "00004", "00001"]
            t.expectEqual(try await handle.read(Item.self, ids: keys).map(\.id), ["00003", "00001", "00004"], "keys")
        }
        list.add("an update replaces every field") { t in
            let handle = try await t.tenant()
            try await handle.create(Sample(id: "s", number: 1, text: "a", optionalText: "b", optionalUID: UUID()))
            let other = Sample(id: "s", flag: true, number: 2, real: 1.5, text: "c", blob: [1], optionalFlag: true)
            t.expectSame(try await handle.update(other), other, "as it is returned")
            t.expectSame(try await handle.read(Sample.self, "s"), other, "as it is read")
        }
        list.add("an update of what is not there is not found, and creates nothing") { t in
            let handle = try await t.tenant()
            await t.expectThrows(.notFound) { try await handle.update(Sample(id: "nope")) }
            await t.expectThrows(.notFound) { try await handle.update(Item(id: "nope", version: 1)) }
            t.expectEqual(try await handle.query(Sample.self).count(), 0, "samples")
            t.expectEqual(try await handle.query(Item.self).count(), 0, "items")
        }
        list.add("an update that changes nothing is one") { t in
            let handle = try await t.tenant()
            let sample = try await handle.create(Sample(id: "s", text: "same"))
            t.expectSame(try await handle.update(sample), sample)
            let item = try await handle.create(Item(id: "i"))
            t.expectEqual(try await handle.update(item).version, 2, "version")
        }
        list.add("an upsert adds, then replaces") { t in
            let handle = try await t.tenant()
            t.expectSame(
                try await handle.upsert(Sample(id: "s", text: "a", optionalText: "x")),
                Sample(id: "s", text: "a", optionalText: "x"))
            t.expectSame(try await handle.upsert(Sample(id: "s", text: "b")), Sample(id: "s", text: "b"))
            t.expectSame(try await handle.read(Sample.self, "s"), Sample(id: "s", text: "b"), "as it is read")
            t.expectEqual(try await handle.query(Sample.self).count(), 1, "records")
        }
        list.add("a delete says whether there was a record") { t in
            let handle = try await t.tenant()
            try await handle.create(Sample(id: "s"))
            t.expectEqual(try await handle.delete(Sample.self, "s"), true, "the first time")
            t.expectEqual(try await handle.delete(Sample.self, "s"), false, "the second time")
            t.expectSame(try await handle.read(Sample.self, "s"), nil)
            let again = try await handle.create(Sample(id: "s", text: "again"))
            t.expectSame(try await handle.read(Sample.self, "s"), again, "created again")
        }
        list.add("a record that is created again begins at version 1") { t in
            let handle = try await t.tenant()
            let first = try await handle.update(try await handle.create(Item(id: "i")))
            t.expectEqual(first.version, 2, "before")
            try await handle.delete(Item.self, "i")
            t.expectEqual(try await handle.create(Item(id: "i")).version, 1, "after")
        }
        list.add("deleting by filter says how many there were") { t in
            let handle = try await t.tenant()
            try await handle.bulkCreate(Item.many(10))
            t.expectEqual(try await handle.query(Item.self).where { $0.quantity < 4 }.delete(), 4, "some")
            t.expectEqual(try await handle.query(Item.self).where { $0.quantity < 4 }.delete(), 0, "none")
            t.expectEqual(try await handle.query(Item.self).delete(), 6, "the rest")
            await t.expectThrows(.invalidQuery) { try await handle.query(Item.self).limit(1).delete() }
        }
        list.add("creates at once of one key: exactly one wins") { t in
            let handle = try await t.tenant()
            let outcomes = await t.concurrently(8) { number in
                try await handle.create(Sample(id: "one", text: "\(number)"))
            }
            t.expectEqual(outcomes.count { $0 == nil }, 1, "winners")
            t.expect(outcomes.allSatisfy { $0 == nil || $0?.code == .uniqueViolation }, "\(outcomes)")
        }
        list.add("upserts at once of one key leave one whole record") { t in
            let handle = try await t.tenant()
            let outcomes = await t.concurrently(8) { number in
                try await handle.upsert(Item(id: "one", kind: "\(number)", quantity: Int64(number)))
            }
            t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
            let item = try t.require(try await handle.read(Item.self, "one"))
            t.expectEqual(item.kind, "\(item.quantity ?? -1)", "of one writer")
            t.expectEqual(item.version, 8, "version")
        }
        list.add("an entity that was not configured can't be used") { t in
            struct Stranger: Entity {
                var id: String
                static let schema = EntitySchema("conformance_strangers", Stranger.init(id:), .key("id", \.id))
            }
            let handle = try await t.tenant()
            await t.expectThrows(.entityNotRegistered) { try await handle.read(Stranger.self, "x") }
            await t.expectThrows(.entityNotRegistered) { try await handle.create(Stranger(id: "x")) }
            await t.expectThrows(.entityNotRegistered) { try await handle.query(Stranger.self).all() }
            await t.expectThrows(.entityNotRegistered) { try await handle.query(Stranger.self).delete() }
            await t.expectThrows(.entityNotRegistered) { try handle.records("conformance_strangers") }
        }
    }

    static func addVersionCases(_ list: inout CaseList) {
        list.begin("versions")
        list.add("an update counts on") { t in
            let handle = try await t.tenant()
            var item = try await handle.create(Item(id: "i"))
            for version in 2...5 {
                item.quantity = Int64(version)
                item = try await handle.update(item)
                t.expectEqual(item.version, Int64(version), "as it is returned")
            }
            t.expectSame(try await handle.read(Item.self, "i"), item)
        }
        list.add("an update with an older version is stale and changes nothing") { t in
            let handle = try await t.tenant()
            let old = try await handle.create(Item(id: "i"))
            let current = try await handle.update(Item(id: "i", kind: "new", version: 1))
            let error = await t.expectThrows(.staleVersion) { try await handle.update(old) }
            t.expectEqual(error?.isRetryable, false, "whether the same call may succeed")
            await t.expectThrows(.staleVersion) { try await handle.update(Item(id: "i", version: 9)) }
            await t.expectThrows(.staleVersion) { try await handle.update(Item(id: "i", version: 0)) }
            await t.expectThrows(.staleVersion) { try await handle.update(Item(id: "i", version: -1)) }
            t.expectSame(try await handle.read(Item.self, "i"), current)
        }
        list.add("a delete of a record with an older version is stale") { t in
            let handle = try await t.tenant()
            let old = try await handle.create(Item(id: "i"))
            let current = try await handle.update(old)
            await t.expectThrows(.staleVersion) { try await handle.delete(old) }
            t.expectSame(try await handle.read(Item.self, "i"), current)
            t.expectEqual(try await handle.delete(current), true, "of the current one")
            t.expectEqual(try await handle.delete(current), false, "of what is gone")
        }
        list.add("a delete by key minds no version") { t in
            let handle = try await t.tenant()
            _ = try await handle.update(try await handle.create(Item(id: "i")))
            t.expectEqual(try await handle.delete(Item.self, "i"), true, "deleted")
        }
        list.add("an upsert counts on from what is stored, whatever its record says") { t in
            let handle = try await t.tenant()
            t.expectEqual(try await handle.upsert(Item(id: "i", version: 50)).version, 1, "added")
            t.expectEqual(try await handle.upsert(Item(id: "i", version: 50)).version, 2, "replaced")
            t.expectEqual(try await handle.upsert(Item(id: "i", version: 0)).version, 3, "replaced again")
            t.expectEqual(try await handle.read(Item.self, "i")?.version, 3, "stored")
        }
        list.add("an update by filter counts on") { t in
            let handle = try await t.tenant()
            let items = try await t.created(Item.many(3))
            try await handle.query(Item.self).where { $0.quantity > 0 }.update(.set(\.kind, to: "x"))
            t.expectEqual(
                try await handle.query(Item.self).sorted(by: \.id).all().map(\.version), [1, 2, 2], "versions")
            await t.expectThrows(.staleVersion) { try await handle.update(items[1]) }
            t.expectEqual(try await handle.update(items[0]).version, 2, "an untouched one")
        }
        list.add("updates at once with one version: exactly one wins") { t in
            let handle = try await t.tenant()
            let item = try await handle.create(Item(id: "i"))
            let outcomes = await t.concurrently(10) { number in
                var mine = item
                mine.kind = "\(number)"
                try await handle.update(mine)
            }
            t.expectEqual(outcomes.count { $0 == nil }, 1, "winners")
            t.expect(outcomes.allSatisfy { $0 == nil || $0?.code == .staleVersion }, "\(outcomes)")
            let winner = outcomes.firstIndex { $0 == nil }
            t.expectEqual(try await handle.read(Item.self, "i")?.kind, winner.map { "\($0)" }, "what is stored")
        }
        list.add("an update and a delete at once: exactly one wins") { t in
            let handle = try await t.tenant()
            for round in 0..<10 {
                let item = try await handle.create(Item(id: "r\(round)"))
                let outcomes = await t.concurrently(2) { number in
                    if number == 0 { _ = try await handle.update(item) } else { _ = try await handle.delete(item) }
                }
                let stored = try await handle.read(Item.self, "r\(round)")
                t.expectEqual(outcomes[0] == nil, stored != nil, "the update, round \(round): \(outcomes)")
                if stored == nil { t.expectEqual(outcomes[0]?.code, .notFound, "the update's error") }
                if stored != nil { t.expectEqual(outcomes[1]?.code, .staleVersion, "the delete's error") }
            }
        }
        list.add("read, change and update with repetition lose no change") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "i", quantity: 0))
            let outcomes = await t.concurrently(6) { _ in
                for _ in 0..<5 { try await t.increment("i", of: handle) }
            }
            t.expect(outcomes.allSatisfy { $0 == nil }, "\(outcomes)")
            let item = try t.require(try await handle.read(Item.self, "i"))
            t.expectEqual(item.quantity, 30, "the sum")
            t.expectEqual(item.version, 31, "the version")
        }
        list.add("a version that can't be counted on is an error") { t in
            let handle = try await t.tenant()
            try await handle.create(Item(id: "i"))
            await t.expectThrows(.staleVersion) { try await handle.update(Item(id: "i", version: .max)) }
            t.expectEqual(try await handle.read(Item.self, "i")?.version, 1, "stored")
        }
    }
}

extension DatabaseCaseContext {
    func created(_ items: [Item]) async throws -> [Item] {
        let handle = try await tenant()
        var created: [Item] = []
        for item in items { created.append(try await handle.create(item)) }
        return created
    }

    /// Adds one to an item's quantity, as often as it takes.
    fileprivate func increment(_ id: String, of handle: TenantHandle) async throws {
        while true {
            let error = await failure { try await incrementOnce(id, of: handle) }
            guard let error else { return }
            if error.code != .staleVersion { throw error }
        }
    }

    private func incrementOnce(_ id: String, of handle: TenantHandle) async throws {
        let read = try await handle.read(Item.self, id, options: .uncached)
        var item = try require(read)
        item.quantity = (item.quantity ?? 0) + 1
        try await handle.update(item)
    }

    /// The error that work ended with, if it did.
    func failure(_ body: () async throws -> Void) async -> TenancyError? {
        do {
            try await body()
            return nil
        } catch { return TenancyError.wrap(error) }
    }

    /// Runs work in several tasks at once, and returns how each ended: `nil` if well.
    func concurrently<R: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws -> R
    ) async -> [TenancyError?] {
        await withTaskGroup(of: (Int, TenancyError?).self) { group in
            for number in 0..<count {
                group.addTask {
                    do {
                        _ = try await body(number)
                        return (number, nil)
                    } catch {
                        return (number, TenancyError.wrap(error))
                    }
                }
            }
            var outcomes: [TenancyError?] = Array(repeating: nil, count: count)
            for await (number, error) in group { outcomes[number] = error }
            return outcomes
        }
    }
}
