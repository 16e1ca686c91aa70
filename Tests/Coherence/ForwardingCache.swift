package import TenancyCore

/// A cache in front of another, which does what the other does unless it says otherwise.
package protocol ForwardingCache: CacheAdapter {
    associatedtype Base: CacheAdapter
    var cache: Base { get }
}

extension ForwardingCache {
    package var name: String { cache.name }
    package func start() async throws(TenancyError) { try await cache.start() }
    package func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        try await cache.run(commands, for: tenant)
    }
    package func flush(_ tenant: TenantID) async throws(TenancyError) -> Int { try await cache.flush(tenant) }
    package func scan(
        _ tenant: TenantID, prefix: String, after cursor: CacheCursor?
    ) async throws(TenancyError) -> CachePage {
        try await cache.scan(tenant, prefix: prefix, after: cursor)
    }
    package func usage(of tenant: TenantID) async throws(TenancyError) -> CacheUsage {
        try await cache.usage(of: tenant)
    }
    package func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)? {
        cache.preferredExecutor(for: tenant)
    }
    package func statistics() -> CacheStatistics { cache.statistics() }
    package func health() async -> BackendHealth { await cache.health() }
    package func shutDown() async { await cache.shutDown() }
}
