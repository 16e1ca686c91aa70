import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Warming the cache, and reads of many records", .timeLimit(.minutes(5)))
struct WarmTests {
    private func stage(_ count: Int, configure: (inout SDKConfig) -> Void = { _ in }) async throws -> Stage {
        let stage = try await Stage(configure: configure)
        try await stage.tenant.bulkCreate((1...count).map { Item($0, $0) })
        return stage
    }

    private final class Steps: Sendable {
        let all = Mutex<[WarmUp]>([])
        func add(_ step: WarmUp) { all.withLock { $0.append(step) } }
    }

    @Test("What was warmed is read from the cache, and each batch costs two statements")
    func warm() async throws {
        let stage = try await stage(25)
        let steps = Steps()
        let result = try await stage.tenant.warm(Item.self, batchSize: 10, onProgress: { steps.add($0) })
        #expect(result.records == 25 && result.total == 25 && result.fraction == 1)
        #expect(steps.all.withLock { $0.map(\.records) } == [10, 20, 25])
        #expect(stage.reads == 3)
        for id in 1...25 { #expect(try await stage.tenant.read(Item.self, id) == Item(id, id)) }
        #expect(stage.reads == 3)
        // What is there is not loaded again.
        try await stage.tenant.update(Item(7, 70))
        try await stage.tenant.warm(Item.self, batchSize: 10)
        #expect(stage.reads == 4)
        #expect(try await stage.tenant.read(Item.self, 7)?.amount == 70)
        #expect(stage.reads == 4)
    }

    @Test("A query, its order and its limit say which records")
    func queries() async throws {
        let stage = try await stage(30)
        let some = try await stage.tenant.warm(Item.self, batchSize: 4) { query in query.where { $0.amount > 20 } }
        #expect(some.records == 10 && some.total == 10)
        let few = try await stage.tenant.warm(Item.self, batchSize: 2) { $0.sorted(by: \.amount).limit(3) }
        #expect(few.records == 3 && few.total == 3)
        let bounded = try await stage.tenant.warm(Item.self, batchSize: 4, maximumCount: 5)
        #expect(bounded.records == 5 && bounded.total == 5)
        let none = try await stage.tenant.warm(Item.self) { query in query.where { $0.amount > 99 } }
        #expect(none.records == 0 && none.fraction == 1)
        let before = stage.reads
        for id in Array(1...5) + Array(21...30) { _ = try await stage.tenant.read(Item.self, id) }
        #expect(stage.reads == before)
        _ = try await stage.tenant.read(Item.self, 6)
        #expect(stage.reads == before + 1)
    }

    @Test("It stores nothing that a write replaces meanwhile")
    func overtaken() async throws {
        let stage = try await stage(5)
        stage.cache.beforeFill.holdNext()
        let warming = Task { try await stage.tenant.warm(Item.self) }
        await stage.cache.beforeFill.reached()
        try await stage.tenant.update(Item(1, 10))
        try await stage.tenant.query(Item.self).where { $0.id == 2 }.update(.set(\.amount, to: 20))
        stage.cache.beforeFill.open()
        _ = try await warming.value
        #expect(try await stage.tenant.read(Item.self, ids: [1, 2, 3]).map(\.amount) == [10, 20, 3])
    }

    @Test("Where it can't be done it says so")
    func refused() async throws {
        let stage = try await stage(5) {
            $0.caching.maximumFailures = 1
            $0.caching.entities["counters"] = .init(usesCache: false)
        }
        await expectError(.unsupported) { _ = try await stage.tenant.warm(Counter.self) }
        await expectError(.unsupported) { _ = try await stage.tenant.transaction { try await $0.warm(Item.self) } }
        await expectError(.valueTooLarge) { _ = try await stage.tenant.warm(Item.self, batchSize: 0) }
        let bare = try await MultiTenantSDK.make(stage.database).tenant("UA")
        await expectError(.unsupported) { _ = try await bare.warm(Item.self) }
        stage.cache.set(.unavailable)
        _ = try await stage.tenant.read(Item.self, 1)
        await expectError(.cacheUnavailable) { _ = try await stage.tenant.warm(Item.self) }
    }

    @Test("It ends when it is cancelled, or when the caller has seen enough")
    func cancelled() async throws {
        struct Enough: Error {}
        let stage = try await stage(20)
        await #expect(throws: Enough.self) {
            try await stage.tenant.warm(
                Item.self, batchSize: 5,
                onProgress: { progress in
                    if progress.records == 10 { throw Enough() }
                })
        }
        #expect(stage.reads == 2)
        let task = Task {
            try await stage.tenant.warm(
                Item.self, batchSize: 1,
                onProgress: { _ in
                    withUnsafeCurrentTask { $0?.cancel() }
                })
        }
        await expectError(.cancelled) { _ = try await task.value }
    }

    // MARK: Many records

    @Test("A read of many records is one look-up, one statement and one fill, and then copies")
    func many() async throws {
        let stage = try await Stage { $0.caching.localMaximumBytes = 1 << 20 }
        try await stage.tenant.bulkCreate((1...20).map { Item($0, $0) })
        stage.cache.commands.withLock { $0 = [] }
        let ids = Array(1...21)
        let options = ReadOptions(consistency: .relaxed(maximumStaleness: .seconds(60)))
        #expect(try await stage.tenant.read(Item.self, ids: ids, options: options).map(\.id) == Array(1...20))
        #expect(stage.reads == 1)
        let commands = stage.cache.commands.withLock(\.count)
        // What the first read found, and did not find, is kept.
        #expect(try await stage.tenant.read(Item.self, ids: ids, options: options).map(\.id) == Array(1...20))
        #expect(try await stage.tenant.read(Item.self, 3, options: options) == Item(3, 3))
        #expect(try await stage.tenant.read(Item.self, 21, options: options) == nil)
        #expect(stage.cache.commands.withLock(\.count) == commands)
        #expect(stage.reads == 1)
        // A strong read asks the cache, which does not tell of changes.
        #expect(try await stage.tenant.read(Item.self, ids: ids).count == 20)
        #expect(stage.cache.commands.withLock(\.count) == commands + 22)
        // The process's own write is seen at once, and the others' copies stay.
        try await stage.tenant.update(Item(3, 30))
        stage.cache.commands.withLock { $0 = [] }
        let again = try await stage.tenant.read(Item.self, ids: ids, options: options)
        #expect(again.map(\.amount) == (1...20).map { $0 == 3 ? 30 : $0 })
        #expect(stage.reads == 2)
        let lookUps = stage.cache.commands.withLock { $0.count { if case .lookUp = $0 { true } else { false } } }
        #expect(lookUps == 2)
    }

    @Test("What is being read when a write comes is not kept")
    func notKept() async throws {
        let stage = try await Stage { $0.caching.localMaximumBytes = 1 << 20 }
        try await stage.tenant.bulkCreate((1...3).map { Item($0, $0) })
        let options = ReadOptions(consistency: .relaxed(maximumStaleness: .seconds(60)))
        stage.database.afterRead.holdNext()
        let slow = Task { try await stage.tenant.read(Item.self, ids: [1, 2, 3], options: options) }
        await stage.database.afterRead.reached()
        try await stage.tenant.update(Item(2, 20))
        stage.database.afterRead.open()
        _ = try await slow.value
        #expect(try await stage.tenant.read(Item.self, ids: [1, 2, 3], options: options).map(\.amount) == [1, 20, 3])
    }
}
