import Foundation
import Logging
import Synchronization
import Tenancy
import TenancyCore

/// What a case of the database suite is run with: an SDK, the adapter below it, and tenants of its own.
final class DatabaseCaseContext: Expecting {
    let log: FailureLog
    let sdk: MultiTenantSDK
    let adapter: any DatabaseAdapter
    private let prefix: String
    private let tenants = Mutex<Set<String>>([])

    init(
        _ source: DatabaseSource, log: FailureLog, _ configure: @Sendable (inout SDKConfig) -> Void
    ) async throws {
        self.log = log
        prefix = String(format: "c%08x-", UInt32.random(in: 0 ... .max))
        let adapter = try source.make(AdapterEnvironment(logger: SDKConfig.quietLogger))
        self.adapter = adapter
        var entities: [any Entity.Type] = [
            Sample.self, Item.self, Point.self, Ledger.self, Impostor.self, Badge.self,
        ]
        if adapter.capabilities.searches { entities.append(Article.self) }
        if adapter.capabilities.storesMicroseconds { entities.append(Precise.self) }
        var config = SDKConfig(database: DatabaseSource(name: source.name) { _ in adapter }, entities: entities)
        config.logger = SDKConfig.quietLogger
        // Nothing else uses a case's tenants.
        config.registry.deletionGrace = .zero
        configure(&config)
        sdk = try await MultiTenantSDK(config: config)
    }

    func close() async { await sdk.shutDown() }

    /// The id of a tenant of the case, for calls of the bare adapter.
    func id(_ name: String = "a") throws -> TenantID { try TenantID(prefix + name) }

    /// A context for calls of the bare adapter.
    func context(_ name: String = "a", timeout: Duration? = nil) throws -> TenantContext {
        TenantContext(tenant: try id(name), deadline: timeout.map { .now.advanced(by: $0) })
    }

    /// The handle of a tenant of the case, which is created when it is first asked for.
    func tenant(_ name: String = "a") async throws -> TenantHandle {
        let isNew = tenants.withLock { $0.insert(name).inserted }
        if isNew { try await sdk.tenants.create(try id(name), name: name) }
        return try await sdk.tenant(try id(name))
    }

    /// Makes statements for the bare adapter as the SDK does.
    func builder<E: Entity>(_ type: E.Type) -> StatementBuilder {
        StatementBuilder(E.schema.description, maximumValueBytes: 8 << 20)
    }

    /// A batch of records for the bare adapter.
    func batch<E: Entity>(_ elements: [E]) -> ColumnBatch {
        var batch = ColumnBatch(E.schema.description, capacity: elements.count)
        for element in elements { E.schema.encode(element, into: &batch) }
        return batch
    }
}

extension SDKConfig {
    /// Logs nothing: what a case provokes is no news.
    static let quietLogger = Logger(label: "tenancy.conformance") { _ in SwiftLogNoOpLogHandler() }
}
