import Logging
import Synchronization
import TenancyCore
import TenancyIO

/// SQLite as a ``DatabaseAdapter``.
///
/// A call passes the lifecycle, which counts it; the store, which holds its file open; and a connection of that file,
/// by a lane for point reads, by a queue for everything else.
final class SQLiteAdapter: DatabaseAdapter {
    static let name = "sqlite"

    /// What there is after ``start(_:)``.
    final class Started: Sendable {
        let schema: Schema
        let store: FileStore

        init(_ schema: Schema, _ store: FileStore) {
            self.schema = schema
            self.store = store
        }
    }

    let configuration: SQLiteConfiguration
    let lifecycle = Lifecycle()
    private let logger: Logger
    private let reference = AtomicLazyReference<Started>()

    init(_ configuration: SQLiteConfiguration, _ environment: AdapterEnvironment) throws(TenancyError) {
        try configuration.validate()
        self.configuration = configuration
        logger = environment.logger
    }

    var name: String { Self.name }
    var capabilities: DatabaseCapabilities { DatabaseCapabilities() }

    func start(_ entities: [EntityDescription]) async throws(TenancyError) {
        guard reference.load() == nil else {
            throw TenancyError(.invalidConfiguration, "The database was started twice.")
        }
        let schema = try Schema(entities)
        try SQLiteLibrary.current.check(searches: entities.contains { !$0.searchFields.isEmpty })
        let store = try await FileStore.open(configuration, schema, lifecycle)
        _ = reference.storeIfNil(Started(schema, store))
        logger.debug(
            "The SQLite database is open.",
            metadata: ["model": "\(configuration.model)", "entities": "\(entities.count)"])
    }

    func started() throws(TenancyError) -> Started {
        guard let started = reference.load() else {
            throw TenancyError(.unavailable, "The database was not started.", hint: "Call start(_:) first.")
        }
        return started
    }

    func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)? {
        reference.load()?.store.shared?.lane.connection.executor as? any TaskExecutor
    }

    /// Runs a call's work with the file of the context's tenant.
    func withFile<Result: Sendable>(
        _ context: TenantContext, _ body: (DatabaseFile, Schema) async throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        try lifecycle.enter()
        defer { lifecycle.leave() }
        try context.checkAlive()
        let started = try started()
        return try await withFile(context, started) { lease throws(TenancyError) in
            let result = try await body(lease.file, started.schema)
            started.store.release(lease)
            return result
        }
    }

    /// Runs `body` with a file that it releases if it returns, and again with another if the file was removed meanwhile.
    func withFile<Result: Sendable>(
        _ context: TenantContext, _ started: Started, _ body: (Lease) async throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        var attempts = 0
        while true {
            let lease = try await started.store.acquire(context)
            do throws(TenancyError) { return try await body(lease) } catch {
                attempts += 1
                guard attempts < Self.maximumAttempts, await lease.file.wasRemoved(error) else {
                    started.store.release(lease)
                    throw error
                }
                started.store.abandon(lease)
            }
        }
    }

    /// How often a call meets a tenant's removal before it fails.
    private static var maximumAttempts: Int { 5 }

    func removeAllData(in context: TenantContext) async throws(TenancyError) {
        try lifecycle.enter()
        defer { lifecycle.leave() }
        try context.checkAlive()
        let started = try started()
        if await !started.store.hasFile(of: context.tenant) { return }
        try await withFile(context, started) { lease throws(TenancyError) in
            try await lease.file.removeAll(context)
            if lease.file.place.owner == nil { started.store.release(lease) } else { started.store.abandon(lease) }
        }
    }

    func health() async -> BackendHealth {
        let begun = ContinuousClock.now
        var context = TenantContext(tenant: .system)
        context.deadline = begun + .seconds(5)
        do throws(TenancyError) {
            try await withFile(context) { file, _ throws(TenancyError) in
                try await file.read(context) { connection throws(TenancyError) in
                    try connection.control("SELECT count(*) FROM \(SchemaUpdate.metaTable)")
                }
            }
            return BackendHealth(isHealthy: true, latency: ContinuousClock.now - begun)
        } catch {
            return BackendHealth(isHealthy: false, latency: ContinuousClock.now - begun, error: error)
        }
    }

    func shutDown(deadline: ContinuousClock.Instant) async {
        guard lifecycle.close() else { return }
        if await !lifecycle.drain(until: deadline) {
            // Statements see it within microseconds; what is between two statements ends when its caller goes on.
            lifecycle.abort()
            logger.warning("Calls were still under way at the deadline of the shutdown and were ended.")
            _ = await lifecycle.drain(until: ContinuousClock.now + .seconds(1))
        }
        await reference.load()?.store.close()
    }
}
