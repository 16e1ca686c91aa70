import Foundation
import Tenancy
import TenancyCore
import TenancySQLite
import Testing

private struct Part: Entity, Hashable {
    var id: Int
    var label: String
    var amount: Int

    static let schema = EntitySchema(
        "parts", Part.init, .key("id", \.id), .field("label", \.label), .field("amount", \.amount))
}

@Suite("The SDK on SQLite")
struct SDKOnSQLiteTests {
    private static let models = ["shared", "filePerTenant"]

    /// An SDK configured as by a file, on files that are removed after the test.
    private func withSDK(
        _ model: String, callTimeout: String = "30s", _ body: (MultiTenantSDK, SDKConfig) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "tenancy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "tenancy.json")
        let path = directory.appending(path: model == "shared" ? "app.sqlite" : "tenants").path
        try Data(
            """
            {"database": {"kind": "sqlite", "path": "\(path)", "model": "\(model)", "busyTimeout": "2s"},
             "cache": {"kind": "memory", "maximumBytes": 1048576}, "callTimeout": "\(callTimeout)",
             "registry": {"deletionGrace": "0s"}}
            """.utf8
        ).write(to: file)
        let config = try await SDKConfig.load(
            entities: [Part.self], databases: [.sqlite], caches: [.memory], from: file.path, environment: [:])
        let sdk = try await MultiTenantSDK(config: config)
        do {
            try await body(sdk, config)
        } catch {
            await sdk.shutDown()
            throw error
        }
        await sdk.shutDown()
    }

    @Test("A configuration file opens a database and a cache that agree", arguments: models)
    func coherence(model: String) async throws {
        try await withSDK(model) { sdk, _ in
            try await sdk.tenants.create(TenantID("UA"), name: "United")
            try await sdk.tenants.create(TenantID("DL"), name: "Delta")
            let united = try await sdk.tenant("UA")
            let delta = try await sdk.tenant("DL")
            try await united.bulkCreate((1...200).map { Part(id: $0, label: "\($0)", amount: 0) })
            try await delta.create(Part(id: 1, label: "other", amount: 7))
            for round in 1...20 {
                _ = try await united.read(Part.self, ids: Array(1...200))
                switch round % 4 {
                case 0: try await united.query(Part.self).update(.set(\.amount, to: round))
                case 1: try await united.update(Part(id: 1, label: "1", amount: round))
                case 2: try await united.transaction { try await $0.update(Part(id: 1, label: "1", amount: round)) }
                default: try await united.bulkUpsert((1...100).map { Part(id: $0, label: "\($0)", amount: round) })
                }
                let part = try await united.read(Part.self, 1)
                #expect(part?.amount == round)
                let other = try await delta.read(Part.self, 1)
                #expect(other?.amount == 7)
            }
            let cached = try #require(sdk.data.cacheStatistics).hits
            let copied = try #require(sdk.data.localCacheStatistics).hits
            #expect(cached > 500 && cached + copied > 1_000, "\(cached) and \(copied)")
        }
    }

    @Test("The call's time bounds the opening of a stream, and not the stream")
    func streamOpening() async throws {
        try await withSDK("shared", callTimeout: "2s") { sdk, _ in
            let id = try TenantID("UA")
            try await sdk.tenants.create(id, name: "United")
            let united = try await sdk.tenant(id)
            try await united.bulkCreate((1...9).map { Part(id: $0, label: "\($0)", amount: 0) })
            var streams: [EntityStream<Part>] = []
            for _ in 0..<16 { streams.append(try await united.query(Part.self).stream(batchSize: 2)) }
            let begun = ContinuousClock.now
            let error = await #expect(throws: TenancyError.self) { try await united.query(Part.self).stream() }
            #expect(error?.code == .timeout)
            #expect(ContinuousClock.now - begun < .seconds(20))
            var seen = 0
            for try await _ in streams.removeLast() { seen += 1 }
            #expect(seen == 9)
            _ = try await united.query(Part.self).stream()
        }
    }

    @Test("Registry, audit and cursors work, also for a second SDK on the same files", arguments: models)
    func secondSDK(model: String) async throws {
        try await withSDK(model) { sdk, config in
            let id = try TenantID("UA")
            try await sdk.tenants.create(id, name: "United")
            let united = try await sdk.tenant(id)
            try await united.bulkCreate((1...9).map { Part(id: $0, label: "\($0)", amount: 0) })
            let page = try await united.query(Part.self).sorted(by: \.label).page(size: 4)
            let second = try await MultiTenantSDK(config: config)
            let next = try await second.tenant(id).query(Part.self).sorted(by: \.label).page(size: 9, after: page.next)
            #expect(next.items.map(\.id) == [5, 6, 7, 8, 9])
            try await second.withSystemAccess(reason: "test", actor: "t") { access in
                let trail = try await access.auditTrail()
                #expect(trail.items.map(\.action) == [.systemAccess, .tenantCreated])
                #expect(trail.items.map(\.reason) == ["test", ""])
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask { try await (number % 2 == 0 ? sdk : second).tenants.rename(id, to: "\(number)") }
                }
                try await group.waitForAll()
            }
            try await second.tenants.delete(id)
            await second.shutDown()
            let status = try await sdk.tenants.get(id).status
            #expect(status == .deleted)
        }
    }
}
