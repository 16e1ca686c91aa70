import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

/// A record that can be searched for.
private struct Note: Entity, Hashable {
    var id: Int
    var text: String

    static let schema = EntitySchema(
        "notes", Note.init, .key("id", \.id), .field("text", \.text), search: [.text(\.text)])
}

@Suite("What queries return, cached", .timeLimit(.minutes(5)))
struct CachedResultTests {
    private static let cached = ReadOptions(usesCache: true)

    /// What is asked, each in a way of its own, and the amounts that it finds, added.
    enum Question: String, CaseIterable, CustomTestStringConvertible {
        case all, first, count, exists, select, selectTwo, page, sum, figures, grouped, groupedTwice, untyped, rows

        var testDescription: String { rawValue }

        func ask(_ tenant: TenantHandle, _ options: ReadOptions = cached) async throws -> Int {
            let query = tenant.query(Item.self).reading(options)
            switch self {
            case .all: return try await query.all().reduce(0) { $0 + $1.amount }
            case .first: return try await query.sorted(by: \.amount, .descending).first()?.amount ?? 0
            case .count: return try await query.where { $0.amount > 1 }.count()
            case .exists: return try await query.where { $0.amount == 2 }.exists() ? 1 : 0
            case .select: return try await query.select(\.amount).reduce(0, +)
            case .selectTwo: return try await query.select(\.id, \.amount).reduce(0) { $0 + $1.1 }
            case .page: return try await query.page(size: 1).items.reduce(0) { $0 + $1.amount }
            case .sum: return try await query.aggregate(.sum(\.amount)) ?? 0
            case .figures: return try await query.aggregate(.count(), .maximum(\.amount)).1 ?? 0
            case .grouped:
                return try await query.grouped(by: \.label, .sum(\.amount)).reduce(0) { $0 + ($1.figure ?? 0) }
            case .groupedTwice:
                return try await query.grouped(by: \.id, \.label, figures: .sum(\.amount), .count())
                    .reduce(0) { $0 + ($1.figures.0 ?? 0) }
            case .untyped: return try await query.untyped.all().count { $0["amount"] == .int64(2) }
            case .rows:
                let rows = try await query.untyped.aggregate([AggregateFunction(.maximum, "amount")])
                if case .int64(let amount) = rows[0][0] { return Int(amount) }
                return 0
            }
        }
    }

    private func queries(_ stage: Stage, _ body: () async throws -> Void) async throws -> Int {
        let before = stage.database.queries.load(ordering: .relaxed)
        try await body()
        return stage.database.queries.load(ordering: .relaxed) - before
    }

    /// Asks three times, expects that answer, and returns how many statements that took.
    private func statements(
        _ stage: Stage, answer: Int, _ question: Question = .all, _ options: ReadOptions = cached,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Int {
        try await queries(stage) {
            for _ in 0..<3 {
                let found = try await question.ask(stage.tenant, options)
                #expect(found == answer, "\(question)", sourceLocation: sourceLocation)
            }
        }
    }

    // MARK: Whether

    @Test("Nothing is cached that nobody asked for", arguments: Question.allCases)
    func offByDefault(question: Question) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        let queries = try await queries(stage) { for _ in 0..<3 { _ = try await question.ask(stage.tenant, .default) } }
        #expect(queries == 3)
    }

    @Test("A question that was asked is answered from the cache, as the database would", arguments: Question.allCases)
    func cached(question: Question) async throws {
        let stage = try await Stage()
        try await stage.tenant.bulkCreate((1...5).map { Item($0, $0) })
        let plain = try await question.ask(stage.tenant, .default)
        #expect(try await statements(stage, answer: plain, question) == 1)
        let other = try await stage.sdk.newTenant("DL")
        #expect(try await question.ask(other) == 0)
        #expect(try await question.ask(stage.tenant) == plain)
    }

    @Test("An entity's policy can ask for it, and a call refuse it")
    func policy() async throws {
        let stage = try await Stage { $0.caching.entities["items"] = .init(cachesResults: true) }
        try await stage.tenant.create(Item(1, 2))
        for question in Question.allCases {
            let plain = try await question.ask(stage.tenant, .uncached)
            // Some ask the same as another.
            #expect(try await statements(stage, answer: plain, question, .default) <= 1)
            #expect(try await statements(stage, answer: plain, question, .uncached) == 3)
        }
        let counters = try await queries(stage) {
            for _ in 0..<2 { _ = try await stage.tenant.query(Counter.self).all() }
        }
        #expect(counters == 2)
    }

    @Test("Questions that differ in anything are several")
    func differences() async throws {
        let stage = try await Stage()
        try await stage.tenant.bulkCreate((1...9).map { Item(id: $0, label: "\($0)", amount: $0 % 3) })
        let query = stage.tenant.query(Item.self)
        let variants: [(TenantQuery<Item>) -> TenantQuery<Item>] = [
            { $0 }, { $0.limit(2) }, { $0.limit(3) }, { $0.sorted(by: \.amount) },
            { $0.sorted(by: \.amount, .descending) }, { $0.sorted(by: \.amount).sorted(by: \.label, .descending) },
            { $0.where { $0.amount == 1 } }, { $0.where { $0.amount == 2 } }, { $0.where { $0.amount != 1 } },
            { $0.where { $0.id == 1 } }, { $0.where { $0.label == "1" } }, { $0.where { $0.label == "1" }.limit(1) },
            { $0.where { $0.amount > 0 && $0.id < 5 } }, { $0.where { $0.amount > 0 || $0.id < 5 } },
        ]
        for _ in 0..<2 {
            for variant in variants {
                let found = try await variant(query).reading(Self.cached).all()
                #expect(try await variant(query).all() == found)
            }
            var cursor: Cursor?
            for number in 0..<3 {
                let page = try await query.sorted(by: \.id).reading(Self.cached).page(size: 3, after: cursor)
                #expect(page.items.map(\.id) == (1...3).map { number * 3 + $0 })
                cursor = page.next
            }
            #expect(cursor == nil)
        }
    }

    @Test("Searches are cached as well, scores and all")
    func searches() async throws {
        let clock = ManualClock()
        let database = GatedDatabase(InMemoryDatabase())
        let cache = try MemoryCache(maximumBytes: 1 << 20, clock: clock)
        let sdk = try await MultiTenantSDK.make(database, cache) { $0.entities.append(Note.self) }
        let tenant = try await sdk.newTenant()
        try await tenant.bulkCreate([Note(id: 1, text: "one two"), Note(id: 2, text: "two two")])
        let options = SearchOptions(reading: Self.cached)
        let notes = tenant.entities(Note.self)
        let plain = try await notes.search("two")
        for _ in 0..<3 {
            let hits = try await notes.search("two", options: options)
            #expect(hits.map(\.element) == plain.map(\.element) && hits.map(\.score) == plain.map(\.score))
        }
        #expect(database.queries.load(ordering: .relaxed) == 2)
        #expect(try await notes.search("two", limit: 1, options: options).count == 1)
        #expect(try await notes.search("one", options: options).count == 1)
        try await tenant.update(Note(id: 1, text: "three"))
        #expect(try await notes.search("two", options: options).map(\.element.id) == [2])
    }

    // MARK: Writes

    @Test("No answer outlives a write that was acknowledged", arguments: Change.allCases)
    func writes(change: Change) async throws {
        for question in Question.allCases {
            let stage = try await Stage()
            try await stage.tenant.create(Item(1, 1))
            _ = try await question.ask(stage.tenant)
            try await change.make(stage)
            let plain = try await question.ask(stage.tenant, .default)
            #expect(try await statements(stage, answer: plain, question) == 1)
        }
    }

    @Test("Added and removed records count too")
    func addition() async throws {
        let stage = try await Stage()
        let count = { try await Question.all.ask(stage.tenant) }
        #expect(try await count() == 0)
        try await stage.tenant.create(Item(1, 1))
        #expect(try await count() == 1)
        try await stage.tenant.bulkCreate([Item(2, 10), Item(3, 100)])
        #expect(try await count() == 111)
        try await stage.tenant.delete(Item.self, 2)
        #expect(try await count() == 101)
    }

    @Test("What was read before a write is not an answer after it", arguments: Change.allCases)
    func staleFill(change: Change) async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.cache.beforeFill.holdNext()
        async let slow = Question.all.ask(stage.tenant)
        await stage.cache.beforeFill.reached()
        try await change.make(stage)
        stage.cache.beforeFill.open()
        #expect(try await slow == 1)
        let plain = try await Question.all.ask(stage.tenant, .default)
        #expect(try await Question.all.ask(stage.tenant) == plain)
        #expect(plain >= 2)
    }

    @Test("While a write is under way nothing is stored, and a writer that dies leaves nothing")
    func block() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeWrite.holdNext()
        let writer = Task { try await stage.tenant.update(Item(1, 2)) }
        await stage.database.beforeWrite.reached()
        #expect(try await statements(stage, answer: 1) == 3)
        stage.cache.set(.losesUnblocks)
        stage.database.beforeWrite.open()
        _ = try await writer.value
        #expect(try await statements(stage, answer: 2) == 3)
        stage.cache.set(.none)
        stage.clock.advance(by: .seconds(60))
        #expect(try await statements(stage, answer: 2) == 1)
    }

    @Test("A transaction asks the database, and a rollback costs nobody a wrong answer")
    func transaction() async throws {
        struct Undone: Error {}
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        #expect(try await Question.all.ask(stage.tenant) == 1)
        await #expect(throws: Undone.self) {
            try await stage.tenant.transaction { tx in
                try await tx.update(Item(1, 2))
                #expect(try await Question.all.ask(tx) == 2)
                #expect(try await Question.all.ask(stage.tenant) == 1)
                throw Undone()
            }
        }
        #expect(try await Question.all.ask(stage.tenant) == 1)
    }

    // MARK: How

    @Test("Many who ask at once cost one statement")
    func stampede() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        stage.database.beforeQuery.holdNext()
        let queries = try await queries(stage) {
            let tasks = (0..<200).map { _ in Task { try await Question.all.ask(stage.tenant) } }
            await stage.database.beforeQuery.reached()
            try await stage.waiters(199)
            stage.database.beforeQuery.open()
            for task in tasks { #expect(try await task.value == 1) }
        }
        #expect(queries == 1)
        #expect(stage.isIdle)
    }

    @Test("What is too large is not stored, and keeps nobody waiting")
    func large() async throws {
        let stage = try await Stage { $0.caching.maximumResultBytes = 1_000 }
        try await stage.tenant.bulkCreate((1...100).map { Item($0, 1) })
        #expect(try await statements(stage, answer: 100) == 3)
        #expect(try await statements(stage, answer: 100, .sum) == 1)
    }

    @Test("It lives as long as the call says, and its bytes are checked")
    func life() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        let options = ReadOptions(usesCache: true, cacheTimeToLive: .seconds(10))
        let ask = { _ = try await Question.all.ask(stage.tenant, options) }
        #expect(try await queries(stage) { try await ask() } == 1)
        stage.clock.advance(by: .seconds(9))
        #expect(try await queries(stage) { try await ask() } == 0)
        stage.clock.advance(by: .seconds(1))
        #expect(try await queries(stage) { try await ask() } == 1)
        stage.cache.set(.corrupting)
        #expect(try await Question.all.ask(stage.tenant, options) == 1)
        stage.cache.set(.unavailable)
        #expect(try await Question.all.ask(stage.tenant, options) == 1)
    }

    // MARK: At random

    private final class Tally: Sendable {
        let acknowledged = Atomic(0)
        let stale = Atomic(0)
    }

    /// Tasks that add to records and tasks that ask for the sum; how many sums were less than what had been
    /// acknowledged.
    private func staleSums(_ fault: GatedCache.Fault) async throws -> Int {
        let database = GatedDatabase(InMemoryDatabase(), isJumpy: true)
        let cache = GatedCache(try MemoryCache(maximumBytes: 1 << 22), fault: fault)
        let tenant = try await MultiTenantSDK.make(database, cache).newTenant()
        try await tenant.bulkCreate((0..<8).map { Item($0, 0) })
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(number))
                    for amount in 1...40 {
                        let item = Item(number, amount)
                        switch Int.random(in: 0..<3, using: &random) {
                        case 0: try await tenant.update(item)
                        case 1: try await tenant.transaction { try await $0.update(item) }
                        default:
                            let mine = tenant.query(Item.self).where { $0.id == number }
                            try await mine.update(.set(\.amount, to: amount))
                        }
                        tally.acknowledged.add(1, ordering: .sequentiallyConsistent)
                    }
                }
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(number) + 100)
                    for _ in 0..<150 {
                        let question = [Question.all, .sum, .select].randomElement(using: &random) ?? .all
                        let floor = tally.acknowledged.load(ordering: .sequentiallyConsistent)
                        if try await question.ask(tenant) < floor {
                            tally.stale.add(1, ordering: .relaxed)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        return tally.stale.load(ordering: .relaxed)
    }

    @Test("No sum lacks what was acknowledged before it was asked for")
    func coherent() async throws {
        for _ in 0..<3 { #expect(try await staleSums(.none) == 0) }
    }
}
