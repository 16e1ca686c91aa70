import Foundation
import Testing

@testable import TenancyCore
@testable import TenancySQLite

@Suite struct SearchTests {
    private func find(
        _ bench: Bench, _ text: String, _ tenant: TenantContext, all: Bool = true, prefix: Bool = false,
        filter: Predicate = .always
    ) async throws -> [Int64] {
        guard
            let statement = try bench.builder.search(
                text, filter: filter, requiresAllWords: all, lastWordIsPrefix: prefix, limit: 50)
        else { return [] }
        let rows = try await bench.adapter.search(statement, in: tenant)
        let scores = try (0..<rows.count).map { try rows.double($0, rows.columnCount - 1) }
        #expect(scores.allSatisfy { $0 > 0 } && scores == scores.sorted(by: >))
        return try (0..<rows.count).map { try rows.int64($0, 0) }
    }

    private func entity(_ weights: Double...) -> EntityDescription {
        Fields.item(
            [Fields.field("notes", .string, nullable: true)],
            search: zip([1, 4], weights).map { .init(column: $0, weight: $1) })
    }

    @Test("Words are found in the tenant's own records, whatever the id looks like", arguments: models)
    func words(_ model: SQLiteConfiguration.Model) async throws {
        let bench = try await Bench(entity(1, 1), model: model)
        let contexts = try ["acme", "ACME", "acme-1", "acme_1", "hare"].map { try tenant($0) }
        for (number, context) in contexts.enumerated() {
            try await bench.insert(
                [bench.item(Int64(number), "hare tortoise") + [.string("number \(number)")]], context)
        }
        for (number, context) in contexts.enumerated() {
            #expect(try await find(bench, "hare", context) == [Int64(number)])
            #expect(try await find(bench, "acme", context) == [])
            #expect(try await find(bench, "tort", context, prefix: true) == [Int64(number)])
            #expect(try await find(bench, "tort", context) == [])
            #expect(try await find(bench, "hare missing", context) == [])
            #expect(try await find(bench, "hare missing", context, all: false) == [Int64(number)])
            #expect(try await find(bench, "hare", context, filter: .compare(field: "id", .greater, 99)) == [])
        }
        await bench.shutDown()
    }

    @Test("What is looked for and what is stored are folded alike")
    func folding() async throws {
        let bench = try await Bench(entity(1, 1))
        let a = try tenant("a")
        let texts = ["Straße", "Ελλάς", "ガラス", "Œuvre naïve", "Łódź", "ﬁre", String(repeating: "x", count: 80)]
        try await bench.insert(texts.enumerated().map { bench.item(Int64($0.offset), $0.element) + [.null] }, a)
        for (number, text) in texts.enumerated() {
            #expect(try await find(bench, text, a) == [Int64(number)], "\(text)")
            #expect(try await find(bench, text.uppercased(), a) == [Int64(number)], "\(text)")
        }
        for text in ["\" OR 1", "NEAR(a b)", "name:x", "*", "a AND NOT b", "tenant_id : a", "^x", "-"] {
            _ = try await find(bench, text, a, prefix: true)
        }
        await bench.shutDown()
    }

    @Test("The index follows changes, removals, transactions that fail, and changes of its fields")
    func changes() async throws {
        let directory = try TemporaryDirectory()
        let a = try tenant("a")
        let bench = try await Bench(entity(1), in: directory)
        func row(_ id: Int64, _ name: String?, _ notes: String?) -> [Value] {
            bench.item(id, name) + [notes.map { .string($0) } ?? .null]
        }
        try await bench.insert([row(1, "alpha", "gamma"), row(2, "Âlpha beta", nil), row(3, nil, nil)], a)
        let update = try bench.batch([row(1, "delta", "gamma")])
        _ = try await bench.adapter.write(bench.builder.write(.update(update)), in: a)
        _ = try await bench.adapter.write(bench.builder.write(.upsert(try bench.batch([row(3, "delta", nil)]))), in: a)
        #expect(try await find(bench, "alpha", a) == [2])
        #expect(try await find(bench, "delta", a) == [1, 3])
        #expect(try await find(bench, "gamma", a) == [])
        _ = try await bench.adapter.write(bench.builder.write(.delete(keys: [.int64(2)], versions: nil)), in: a)
        #expect(try await find(bench, "alpha", a) == [])
        _ = await expect(.uniqueViolation) { try await bench.insert([row(4, "omega", nil), row(1, nil, nil)], a) }
        #expect(try await find(bench, "omega", a) == [])
        await bench.shutDown()
        let wider = try await Bench(entity(1, 5), in: directory)
        #expect(try await find(wider, "gamma", a) == [1])
        #expect(try await find(wider, "delta", a).sorted() == [1, 3])
        await wider.shutDown()
        let none = try await Bench(entity(), in: directory)
        try await none.insert([row(7, "x", nil)], a)
        await none.shutDown()
    }

    @Test("Scores are the same in both models, whatever other tenants store")
    func scores() async throws {
        var found: [[String]] = []
        for model in models {
            let bench = try await Bench(entity(0.3, 7.1), model: model)
            let (a, b) = (try tenant("a"), try tenant("b"))
            let rows = [
                bench.item(1, "hare and tortoise") + ["hares"], bench.item(2, "Hâre hare") + [.null],
                bench.item(3, nil) + ["a hare, a HARE"], bench.item(4, "tortoise") + ["tortoise hare"],
            ]
            try await bench.insert(rows, a)
            for others in [0, 1, 100] {
                try await bench.insert(
                    (0..<others).map { bench.item(Int64(others * 10 + $0), "hare hare") + ["tortoise"] }, b)
                for (text, all, prefix) in [("hare", true, false), ("har", true, true), ("tortoise har", false, true)] {
                    let statement = try #require(
                        try bench.builder.search(
                            text, filter: .always, requiresAllWords: all, lastWordIsPrefix: prefix, limit: 50))
                    let hits = try await bench.adapter.search(statement, in: a)
                    found.append(
                        try (0..<hits.count).map { "\(try hits.int64($0, 0)) \(try hits.double($0, 5))" }
                            + [text])
                }
            }
            await bench.shutDown()
        }
        #expect(found.count == 18)
        #expect(Set(found).count == 3)
        #expect(Set(found.map(\.count)) == [5])
        // The formula, by hand: 7.1 × (1 − 1/3) for two occurrences in the second field.
        #expect(found.first?.first == "3 \(7.1 * (1 - 1.0 / 3))")
    }

    @Test("A field of more weight counts more")
    func weights() async throws {
        let bench = try await Bench(entity(1, 10))
        let a = try tenant("a")
        try await bench.insert(
            [bench.item(1, "rare common") + ["common common"], bench.item(2, "common common") + ["rare common"]]
                + (10..<40).map { bench.item($0, "filler words") + ["filler words"] }, a)
        #expect(try await find(bench, "rare", a) == [2, 1])
        await bench.shutDown()
    }
}
