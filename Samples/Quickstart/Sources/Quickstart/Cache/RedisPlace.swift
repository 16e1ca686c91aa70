#if Redis
    import Logging
    import Tenancy
    import TenancyRedis

    /// A database of a Redis server, or a cluster.
    struct RedisPlace: CachePlace {
        private let configuration: RedisConfiguration

        init(_ address: String) throws { configuration = try RedisConfiguration(url: address) }

        let name = "redis"
        let explanation = "Redis, the airlines' entries removed in the end"
        var source: CacheSource { .redis(configuration) }

        /// Over a connection of its own, because the SDK that used the cache has shut down, or has not started.
        func clear(_ tenants: [TenantID]) async throws {
            var logger = Logger(label: "quickstart")
            logger.logLevel = .warning
            let cache = try source.make(AdapterEnvironment(logger: logger))
            // What was interrupted is to be cleared as well.
            try await Task {
                do {
                    try await cache.start()
                    for tenant in tenants { try await cache.flush(tenant) }
                    await cache.shutDown()
                } catch {
                    await cache.shutDown()
                    throw error
                }
            }.value
        }
    }
#endif
