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
        reference.load()?.store.shared?.lane.connection.executor
    }

    /// Runs a call's work with the file of the context's tenant.
    func withFile<Result: Sendable>(
        _ context: TenantContext, _ body: (DatabaseFile, Schema) async throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        try lifecycle.enter()
        defer { lifecycle.leave() }
        try context.checkAlive()
        let started = try started()
        let lease = try await started.store.acquire(context)
        defer { started.store.release(lease) }
        return try await body(lease.file, started.schema)
    }

    func removeAllData(in context: TenantContext) async throws(TenancyError) {
        if try !started().store.hasFile(of: context.tenant) { return }
        try await withFile(context) { file, schema throws(TenancyError) in
            try await file.write(context) { connection throws(TenancyError) in
                for plan in schema.plans { try connection.removeAll(plan, context.tenant) }
            }
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
