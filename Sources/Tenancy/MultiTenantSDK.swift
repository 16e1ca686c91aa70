import Foundation
import Logging
public import ServiceLifecycle
import Synchronization
public import TenancyCore

/// Many customers' data in shared databases, each reached through a handle of its own.
///
/// ```swift
/// let sdk = try await MultiTenantSDK(
///     config: SDKConfig(database: .sqlite(path: "app.sqlite"), entities: [Flight.self]))
/// let united = try await sdk.tenant("UA")
/// let late = try await united.query(Flight.self).where { $0.delay > 60 }.all()
/// await sdk.shutDown()
/// ```
///
/// Everything works from the moment the initializer returns. ``run()`` is there for a `ServiceGroup`; it does nothing
/// but wait for the group's shutdown and then shut down in order.
public final class MultiTenantSDK: Service {
    /// The data layer.
    public let data: DataManager

    private let config: SDKConfig
    private let shutdown = Mutex<Task<Void, Never>?>(nil)

    /// The tenants there are.
    public var tenants: TenantRegistry { TenantRegistry(data) }

    /// Connects to everything that the configuration names.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration`` or
    ///   ``TenancyError/Code/schemaInvalid`` before anything is touched; otherwise what the adapters' start throws.
    public init(config: SDKConfig) async throws(TenancyError) {
        try config.validate()
        self.config = config
        let environment = AdapterEnvironment(logger: config.logger)
        let adapter = try config.database.make(environment)
        let entities = config.entities.map { $0.entityDescription } + DataManager.ownEntities
        try Self.check(entities, against: adapter)
        let cache = try config.cache?.make(environment)
        let recorder = AnalyticsRecorder(config.analytics, logger: config.logger)
        let entries = TenantEntries(maximumCount: config.registry.maximumCachedTenants)
        let meters = CacheMeters { [tenantClass = config.tenantClass] in entries[$0].map { tenantClass($0.tenant) } }
        data = DataManager(
            config, adapter: adapter,
            cache: cache.map {
                CacheAside(
                    $0, config.caching, entities: config.entities, meters: meters, logger: config.logger,
                    timeOfDay: config.timeOfDay,
                    now: config.localTime)
            },
            entries: entries, recorder: recorder)
        do throws(TenancyError) {
            try await cache?.start()
            try await adapter.start(entities)
        } catch {
            await shutDown()
            throw error
        }
        // Made now, because a first page inside a transaction would have to write past that transaction.
        do throws(TenancyError) {
            _ = try await data.cursorCodec()
        } catch {
            guard error.code == .readOnly else {
                await shutDown()
                throw error
            }
            // Everything but pages works, and a process that may write can make the secret at any time.
            config.logger.warning(
                "The database has no secret for cursors and can't be written to; no page can be read from it.",
                metadata: ["error": "\(error)"])
        }
    }

    private static func check(
        _ entities: [EntityDescription], against adapter: any DatabaseAdapter
    ) throws(TenancyError) {
        for entity in entities {
            for field in entity.fields
            where field.type == .timestamp && field.options.timestampPrecision == .microseconds
                && !adapter.capabilities.storesMicroseconds
            {
                throw TenancyError(
                    .unsupported, "The database can't store timestamps to the microsecond.",
                    hint: "Declare the field without .microseconds.",
                    details: .init(entity: entity.name, field: field.name))
            }
            guard entity.searchFields.isEmpty || adapter.capabilities.searches else {
                throw TenancyError(
                    .unsupported, "The database can't search text.", details: .init(entity: entity.name))
            }
        }
    }

    /// A handle for a tenant's data.
    ///
    /// - Parameters:
    ///   - id: The tenant.
    ///   - actor: Who acts.
    ///   - correlationID: What ties the calls to a request.
    ///   - timeout: How long all calls through the handle may take together, from now on; by default each has
    ///     ``SDKConfig/callTimeout``.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/tenantNotFound``, ``TenancyError/Code/tenantSuspended`` or
    ///   ``TenancyError/Code/tenantDeleted``.
    public func tenant(
        _ id: TenantID, actor: String? = nil, correlationID: String? = nil, timeout: Duration? = nil
    ) async throws(TenancyError) -> TenantHandle {
        try data.requireRunning()
        let deadline = timeout.map { ContinuousClock.Instant.after($0) }
        let context = TenantContext(tenant: id, actor: actor, correlationID: correlationID, deadline: deadline)
        try context.checkAlive()
        let entry = try await data.entry(id, until: deadline)
        try await data.admit(entry, until: deadline)
        return TenantHandle(
            session: DataSession(manager: data, context: context, admission: .tenant(entry), runner: data.adapter))
    }

    /// A handle for a tenant's data, by the id's text.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidTenantID``, or as ``tenant(_:actor:correlationID:timeout:)-(TenantID,_,_,_)``.
    public func tenant(
        _ id: String, actor: String? = nil, correlationID: String? = nil, timeout: Duration? = nil
    ) async throws(TenancyError) -> TenantHandle {
        try await tenant(try TenantID(id), actor: actor, correlationID: correlationID, timeout: timeout)
    }

    /// Runs `body` with access to all tenants, the only way across them, and records who had it, when and why: before
    /// `body` begins, and how it ended after it.
    ///
    /// - Parameters:
    ///   - reason: Why; not empty.
    ///   - actor: Who; not empty.
    ///   - correlationID: What ties the access to a request.
    /// - Throws: What `body` throws, or ``TenancyError`` if the access can't be recorded; it is not given then.
    public func withSystemAccess<Result: Sendable>(
        reason: String, actor: String, correlationID: String? = nil,
        _ body: (SystemAccess) async throws -> Result
    ) async throws -> Result {
        for (name, text) in [("reason", reason), ("actor", actor)]
        where text.allSatisfy(\.isWhitespace) {
            throw TenancyError(
                .invalidConfiguration,
                "System access was asked for without \(name == "reason" ? "a reason" : "an actor").",
                hint: "Pass a \(name) that an auditor can read.")
        }
        let audit = data.systemHandle.entities(AuditRecord.self)
        var origin = AuditOrigin(actor: actor, reason: reason, correlationID: correlationID)
        let begun = try await audit.create(.beginning(.systemAccess, by: origin))
        origin.access = begun.id
        let access = SystemAccess(data, origin)
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(try await body(access))
        } catch {
            outcome = .failure(error)
        }
        let isSuccess = if case .success = outcome { true } else { false }
        var record = begun.ended(isSuccess ? "completed" : "failed")
        let touched = access.close()
        record.tenants = JSON(.array(touched.first.map { .string($0.rawValue) }))
        record.tenantCount = touched.count
        // The end is recorded even if the caller was cancelled meanwhile.
        let ended = record
        let stored = await Task { () async -> TenancyError? in
            do throws(TenancyError) {
                _ = try await audit.update(ended)
                return nil
            } catch {
                return error
            }
        }.value
        if let stored {
            config.logger.error("The end of a system access was not recorded.", metadata: ["error": "\(stored)"])
        }
        return try outcome.get()
    }

    /// Whether database and cache answer, by asking them.
    public func health() async -> (database: BackendHealth, cache: BackendHealth?) {
        let database = await data.adapter.health()
        return (database, await data.cache?.adapter.health())
    }

    /// Admits no more calls, lets those under way end within ``SDKConfig/shutdownTimeout``, hands over recorded events
    /// and closes everything. Further calls wait for the first one's end.
    public func shutDown() async {
        let task = shutdown.withLock { task in
            if let task { return task }
            // In a task of its own, so that whoever asked first can be cancelled without leaving the work half done.
            let new = Task { [data, config] in await Self.shutDown(data, within: config.shutdownTimeout) }
            task = new
            return new
        }
        await task.value
    }

    private static func shutDown(_ data: DataManager, within timeout: Duration) async {
        let deadline = ContinuousClock.Instant.after(timeout)
        data.stop()
        // The cache after the database, because writes that end now still have blocks to lift; the sinks after both,
        // because calls that end now may still record something.
        await data.adapter.shutDown(deadline: deadline)
        await data.cache?.adapter.shutDown()
        await data.recorder.shutDown(until: deadline)
    }

    /// Waits until the service group shuts down, or the task is cancelled, and shuts down.
    public func run() async throws {
        try? await gracefulShutdown()
        await shutDown()
    }
}
