#if Postgres && Redis
    import Tenancy
    import TenancyRedis

    /// SDKs on a fresh PostgreSQL database, with Redis as their cache or without one.
    struct CachedSDK {
        let server: PostgresServer
        let redis: RedisServer
        let tenants: [TenantID]
        private let entities: [any Entity.Type]

        /// Gives the body a database with a table for each entity, and tenants.
        ///
        /// - Parameter tenants: Their ids; the Redis server's own tenant, if there are none.
        static func with<Value>(
            _ directory: Directory, _ entities: [any Entity.Type], tenants: [TenantID] = [],
            _ body: (CachedSDK) async throws -> Value
        ) async throws -> Value {
            try await RedisServer.with { redis in
                try await PostgresServer.with(directory) { server in
                    let tenants = tenants.isEmpty ? [redis.tenant] : tenants
                    let bench = CachedSDK(server: server, redis: redis, tenants: tenants, entities: entities)
                    try await bench.sdk(isCached: false) { sdk, _ in
                        for tenant in tenants { try await sdk.tenants.create(tenant, name: "Tenant") }
                    }
                    let outcome: Result<Value, any Error>
                    do { outcome = .success(try await body(bench)) } catch { outcome = .failure(error) }
                    try await redis.withCache { cache in
                        for tenant in tenants { try await cache.flush(tenant) }
                    }
                    return try outcome.get()
                }
            }
        }

        /// Gives the body an SDK, which keeps no copies of its own, and what it asks the database for.
        func sdk<Value>(
            isCached: Bool, _ body: (MultiTenantSDK, CountedDatabase) async throws -> Value
        ) async throws -> Value {
            var config = server.configuration(entities)
            let database = CountedDatabase(
                try config.database.make(AdapterEnvironment(logger: config.logger)))
            config.database = DatabaseSource(name: database.name) { _ throws(TenancyError) in database }
            if isCached { config.cache = .redis(redis.configuration) }
            config.caching.localMaximumBytes = 0
            let sdk = try await MultiTenantSDK(config: config)
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(sdk, database)) } catch { outcome = .failure(error) }
            await sdk.shutDown()
            return try outcome.get()
        }

        /// The handle of the only tenant.
        func handle(_ sdk: MultiTenantSDK) async throws -> TenantHandle { try await sdk.tenant(tenants[0].rawValue) }
    }
#endif
