import Synchronization
import Testing

@testable import Tenancy
@testable import TenancyCore

@Suite("How old reads may be")
struct ConsistencyTests {
    private let relaxed = ReadConsistency.relaxed(maximumStaleness: .seconds(5))

    @Test("A handle's reads are strong unless it says otherwise, and an option has the last word")
    func handle() async throws {
        let stage = try await Stage()
        let tenant = stage.tenant.reading(relaxed)
        _ = try await stage.tenant.read(Item.self, 1, options: .uncached)
        _ = try await stage.tenant.query(Item.self).all()
        _ = try await tenant.read(Item.self, 1, options: .uncached)
        _ = try await tenant.query(Item.self).page(size: 5)
        _ = try await tenant.read(Item.self, 1, options: ReadOptions(usesCache: false, consistency: .strong))
        #expect(stage.database.consistencies.withLock { $0 } == [.strong, .strong, relaxed, relaxed, .strong])
    }

    @Test("What fills the cache is read from the primary")
    func cached() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1))
        _ = try await stage.tenant.reading(relaxed).read(Item.self, 1)
        _ = try await stage.tenant.read(Item.self, 2, options: ReadOptions(consistency: relaxed))
        #expect(stage.database.consistencies.withLock { $0 } == [.strong, .strong])
    }

    @Test("A transaction's reads are its own")
    func transaction() async throws {
        let stage = try await Stage()
        let context = try await stage.tenant.reading(relaxed).transaction { $0.context }
        #expect(context.consistency == .strong)
    }

    @Test("A negative bound is zero, which is not the same as strong")
    func bounds() {
        let none = ReadConsistency.relaxed(maximumStaleness: .seconds(-1))
        #expect(none.maximumStaleness == .zero)
        #expect(none != .strong && "\(none)" == "relaxed")
    }
}
