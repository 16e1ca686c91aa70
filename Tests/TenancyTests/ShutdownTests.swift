import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import TenancyCore
import TenancyTesting
import Testing

@testable import Tenancy

@Suite("Shutdown")
struct ShutdownTests {
    @Test("Every call after it is refused")
    func refused() async throws {
        let stage = try await Stage()
        let tenant = stage.tenant
        try await tenant.create(Item(1))
        await stage.sdk.shutDown()
        await expectError(.shutDown) { _ = try await stage.sdk.tenant("UA") }
        await expectError(.shutDown) { _ = try await tenant.read(Item.self, 1) }
        await expectError(.shutDown) { try await tenant.create(Item(2)) }
        await expectError(.shutDown) { try await tenant.bulkCreate([Item(2)]) }
        await expectError(.shutDown) { _ = try await tenant.query(Item.self).all() }
        await expectError(.shutDown) { _ = try await tenant.query(Item.self).page(size: 1) }
        await expectError(.shutDown) { _ = try await tenant.query(Item.self).stream() }
        await expectError(.shutDown) { try await tenant.transaction { _ in } }
        await expectError(.shutDown) { try await stage.sdk.tenants.create(TenantID("DL"), name: "") }
        await expectError(.shutDown) { _ = try await stage.sdk.tenants.get(TenantID("UA")) }
        #expect(await stage.sdk.health().database.isHealthy == false)
    }

    @Test("Calls under way finish, a transaction with all its statements", .timeLimit(.minutes(1)))
    func underWay() async throws {
        let stage = try await Stage()
        try await stage.tenant.create(Item(1, 1))
        let inside = Gate()
        inside.holdNext()
        let writer = Task {
            try await stage.tenant.transaction { transaction in
                try await transaction.update(Item(1, 2))
                await inside.pass()
                try await transaction.create(Item(2, 2))
                return try await transaction.query(Item.self).count()
            }
        }
        await inside.reached()
        let end = Task { await stage.sdk.shutDown() }
        while (try? await stage.tenant.read(Item.self, 1)) != nil { await Task.yield() }
        try await Task.sleep(for: .milliseconds(20))
        inside.open()
        #expect(try await writer.value == 2)
        await end.value
    }

    @Test("A call that does not end in time is ended", .timeLimit(.minutes(1)))
    func deadline() async throws {
        let stage = try await Stage { $0.shutdownTimeout = .milliseconds(50) }
        let inside = Gate()
        inside.holdNext()
        let writer = Task {
            try await stage.tenant.transaction { transaction in
                await inside.pass()
                try await transaction.create(Item(2, 2))
            }
        }
        await inside.reached()
        let began = ContinuousClock.now
        await stage.sdk.shutDown()
        #expect(began.duration(to: .now) < .seconds(10))
        inside.open()
        await expectError(.shutDown) { try await writer.value }
    }

    @Test("Whoever asks for it waits for its end, and it happens once", .timeLimit(.minutes(1)))
    func once() async throws {
        let stage = try await Stage()
        let inside = Gate()
        let isOver = Flag()
        inside.holdNext()
        let writer = Task {
            try await stage.tenant.transaction { _ in await inside.pass() }
            isOver.open()
        }
        await inside.reached()
        let askers = (0..<5).map { _ in
            Task {
                await stage.sdk.shutDown()
                return isOver.isOpen
            }
        }
        askers[0].cancel()
        try await Task.sleep(for: .milliseconds(20))
        inside.open()
        try await writer.value
        for asker in askers {
            let wasOver = await asker.value
            #expect(wasOver)
        }
        await stage.sdk.shutDown()
    }

    private final class Flag: Sendable {
        private let state = Atomic(false)
        var isOpen: Bool { state.load(ordering: .sequentiallyConsistent) }
        func open() { state.store(true, ordering: .sequentiallyConsistent) }
    }

    @Test("In a service group it ends when the group does", .timeLimit(.minutes(1)))
    func serviceGroup() async throws {
        let stage = try await Stage()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: stage.sdk)], logger: logger))
        let running = Task { try await group.run() }
        _ = try await stage.tenant.read(Item.self, 1)
        await group.triggerGracefulShutdown()
        try await running.value
        await expectError(.shutDown) { _ = try await stage.tenant.read(Item.self, 1) }
    }

    @Test("An SDK that can't start closes what it opened")
    func failedStart() async throws {
        struct Wrong: Entity {
            var id: Int
            static let schema = EntitySchema("Wrong Name", Wrong.init, .key("id", \.id))
        }
        await expectError(.schemaInvalid) {
            _ = try await MultiTenantSDK(config: SDKConfig(database: .inMemory(), entities: [Wrong.self]))
        }
        await expectError(.schemaInvalid) {
            _ = try await MultiTenantSDK(config: SDKConfig(database: .inMemory(), entities: [Item.self, Item.self]))
        }
        await expectError(.invalidConfiguration) {
            _ = try await MultiTenantSDK.make { $0.caching.leaseTime = .seconds(31) }
        }
    }
}
