import Foundation
import Tenancy
import TenancyCore

// Reads with what belongs to another.
extension IsolationSuite {
    static func addReadCases(_ list: inout CaseList) {
        list.begin("isolation of reads")
        list.add("by keys that both have, and that only the other has") { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                for number in 0..<Twins.count - 1 {
                    twins.expectOwned(
                        [try await handle.read(Item.self, "i\(number)")].compactMap(\.self), by: owner, "read")
                }
                t.expectSame(try await handle.read(Item.self, "only\(1 - owner)"), nil, "the other's key")
                let found = try await handle.read(Item.self, ids: ["only0", "i0", "only1", "i1"])
                t.expectEqual(found.map(\.id).sorted(), ["i0", "i1", "only\(owner)"], "by keys")
                twins.expectOwned(found, by: owner, "by keys")
            }
        }
        list.add("by every filter that the other's records pass") { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                let other = "owner\(1 - owner)"
                let wide: [TenancyCore.Predicate] = [
                    .always, .not(.never), .or([.never, .always]), .and([]), .not(.isNull(field: "kind")),
                    .or([.compare(field: "kind", .equal, .string(other)), .always]),
                    .or([.compare(field: "kind", .equal, .string(other)), .compare(field: "version", .equal, 1)]),
                    .not(.and([.compare(field: "kind", .equal, .string(other)), .never])),
                    .text(field: "kind", .prefix, "owner"), .text(field: "kind", .contains, ""),
                    .oneOf(field: "id", (0..<Twins.count).map { .string("i\($0)") } + ["only0", "only1"]),
                    .compare(field: "quantity", .greaterOrEqual, 0), .not(.compare(field: "code", .equal, "none")),
                ]
                for predicate in wide {
                    let query = handle.query(Item.self).where(predicate)
                    t.expectEqual(try await query.count(), Twins.count, "count by \(predicate)")
                    t.expectEqual(try await query.all().count, Twins.count, "records by \(predicate)")
                    twins.expectOwned(try await query.all(), by: owner, "by \(predicate)")
                }
                for predicate in [
                    TenancyCore.Predicate.compare(field: "kind", .equal, .string(other)),
                    .compare(field: "id", .equal, .string("only\(1 - owner)")),
                    .oneOf(field: "kind", [.string(other)]), .text(field: "kind", .whole, other),
                ] {
                    let query = handle.query(Item.self).where(predicate)
                    t.expectEqual(try await query.all().count, 0, "records by \(predicate)")
                    t.expectEqual(try await query.exists(), false, "existence by \(predicate)")
                    t.expectSame(try await query.first(), nil, "the first by \(predicate)")
                }
            }
        }
        list.add("in every order, with and without a limit") { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                for direction in [SortDirection.ascending, .descending] {
                    for field in ["id", "quantity", "kind", "code"] {
                        let query = handle.query(Item.self).sorted(by: field, direction)
                        twins.expectOwned(try await query.all(), by: owner, "sorted by \(field)")
                        twins.expectOwned(try await query.limit(3).all(), by: owner, "limited, by \(field)")
                        twins.expectOwned([try await query.first()].compactMap(\.self), by: owner, "first by \(field)")
                    }
                }
                let rows = try await handle.query(Item.self).select(\.kind, \.id)
                t.expectEqual(Set(rows.map(\.0)), ["owner\(owner)"], "projected")
            }
        }
        list.add("figures and groups") { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                let base = Int64(owner * 1_000)
                let (count, sum, least, greatest, kind) = try await handle.query(Item.self).aggregate(
                    .count(), .sum(\.quantity), .minimum(\.quantity), .maximum(\.quantity), .maximum(\.kind))
                t.expectEqual(count, Twins.count, "count")
                t.expectEqual(sum, base * 6 + 15, "sum")
                t.expectEqual(least, base, "least")
                t.expectEqual(greatest, base + 5, "greatest")
                t.expectEqual(kind, "owner\(owner)", "greatest text")
                let groups = try await handle.query(Item.self).grouped(by: \.kind, .count(), .sum(\.version))
                t.expectEqual(groups.map(\.key), ["owner\(owner)"], "groups")
                t.expectEqual(groups.map(\.figures.0), [Twins.count], "count of the group")
            }
        }
        list.add("page by page, and with the other's cursor") { t in
            let twins = try await Twins(t)
            for size in 1...7 {
                for (owner, handle) in twins.handles.enumerated() {
                    let pages = try await t.pages(handle.query(Item.self).sorted(by: \.slot), size: size)
                    t.expectEqual(pages.count, Twins.count, "records in pages of \(size)")
                    twins.expectOwned(pages, by: owner, "pages of \(size)")
                }
            }
            for sorted in [false, true] {
                func query(_ handle: TenantHandle) -> TenantQuery<Item> {
                    sorted ? handle.query(Item.self).sorted(by: \.slot, .descending) : handle.query(Item.self)
                }
                let stolen = try await query(twins.b).page(size: 2).next
                await t.expectThrows(.invalidCursor) { try await query(twins.a).page(size: 2, after: stolen) }
            }
        }
        list.add("streams") { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                for query in [
                    handle.query(Item.self), handle.query(Item.self).sorted(by: \.quantity),
                    handle.query(Item.self).limit(9),
                ] {
                    let found = try await t.collect(query.stream(batchSize: 2))
                    t.expectEqual(found.count, Twins.count, "streamed")
                    twins.expectOwned(found, by: owner, "streamed")
                }
            }
        }
        list.add("search, by shared words and by the other's", needs: .search) { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                for options in [
                    SearchOptions(), SearchOptions(requiresAllWords: false),
                    SearchOptions(filter: .or([.always, .never])),
                ] {
                    let hits = try await handle.search(Article.self, "shared", limit: 100, options: options)
                    t.expectEqual(Set(hits.map(\.element.body)), ["owner\(owner)"], "by a shared word")
                    t.expectEqual(hits.count, Twins.count, "hits by a shared word")
                }
                t.expectEqual(
                    try await handle.search(Article.self, "owner\(1 - owner)").count, 0, "by the other's word")
                t.expectEqual(try await handle.search(Article.self, "shared owner\(1 - owner)").count, 0, "by both")
                let any = try await handle.search(Article.self, "own", limit: 100)
                t.expectEqual(Set(any.map(\.element.body)), ["owner\(owner)"], "by a beginning")
                let limited = try await handle.search(Article.self, "shared", limit: 2)
                t.expectEqual(limited.count, 2, "limited")
                t.expectEqual(Set(limited.map(\.element.body)), ["owner\(owner)"], "limited")
            }
        }
        list.add("scores don't tell what others store", needs: .search) { t in
            let a = try await t.articles([
                Article(id: 1, title: "penguin colony", body: "walrus"),
                Article(id: 2, title: "walrus walrus", body: "penguin far away on the ice"),
                Article(id: 3, title: "colony", body: "walrus penguin penguin"), Article(id: 4, title: "walrus"),
            ])
            let texts = ["penguin", "walrus", "colony", "penguin walrus", "wal"]
            func hits() async throws -> [String] {
                var hits: [String] = []
                for text in texts {
                    for all in [true, false] {
                        let found = try await a.search(
                            Article.self, text, options: SearchOptions(requiresAllWords: all))
                        hits.append(found.map { "\($0.element.id) \($0.score)" }.joined(separator: ", "))
                    }
                }
                return hits
            }
            let alone = try await hits()
            let b = try await t.articles([Article(id: 1, title: "penguin", body: "walrus")], "b")
            t.expectEqual(try await hits(), alone, "beside one record")
            let long = Array(repeating: "penguin", count: 200).joined(separator: " ")
            try await b.bulkCreate(
                (2..<150).map { Article(id: $0, title: $0 < 100 ? "walrus" : "penguin walrus", body: long) },
                options: BulkOptions(atomicity: .batch))
            t.expectEqual(try await hits(), alone, "beside many records")
            try await b.query(Article.self).delete()
            t.expectEqual(try await hits(), alone, "after their removal")
        }
        list.add("untyped records") { t in
            let twins = try await Twins(t)
            for (owner, handle) in twins.handles.enumerated() {
                let records = try handle.records(Item.schema.description.name)
                t.expectEqual(
                    Set(try await records.query().all().map { $0["kind"] }), [.string("owner\(owner)")], "queried")
                t.expectEqual(try await records.read("i0")?["kind"], .string("owner\(owner)"), "read")
                t.expectEqual(try await records.read(.string("only\(1 - owner)")), nil, "the other's key")
                await t.expectThrows(.unknownField) {
                    try await records.query().where(
                        .compare(field: "tenant_id", .equal, .string(twins.handles[1 - owner].id.rawValue))
                    ).all()
                }
                await t.expectThrows(.unknownField) {
                    try await records.query().where(.compare(field: "tenant", .equal, "x")).all()
                }
            }
        }
        list.add("of a tenant without any record") { t in
            _ = try await Twins(t)
            let empty = try await t.tenant("empty")
            t.expectEqual(try await empty.query(Item.self).count(), 0, "count")
            t.expectEqual(try await empty.query(Item.self).all().count, 0, "records")
            t.expectSame(try await empty.read(Item.self, "i0"), nil, "read")
            t.expectEqual(try await t.collect(empty.query(Item.self).stream()).count, 0, "streamed")
            let sum = try await empty.query(Item.self).untyped.aggregate([AggregateFunction(.sum, "quantity")])
            t.expectEqual(sum, [[.null]], "sum")
            if t.adapter.capabilities.searches {
                t.expectEqual(try await empty.search(Article.self, "shared").count, 0, "search")
            }
        }
    }
}
