public import Foundation
public import TenancyCore

extension SDKConfig {
    /// Reads a configuration from a file, the environment, or both. What the environment says goes before the file,
    /// and what neither says has its default.
    ///
    /// ```swift
    /// let config = try await SDKConfig.load(
    ///     entities: [Flight.self], databases: [.sqlite], caches: [.memory], from: "/etc/flights.yaml")
    /// ```
    ///
    /// | key | environment variable | type | default | range |
    /// |---|---|---|---|---|
    /// | `database.kind` | `TENANCY_CONFIG_DATABASE_KIND` | text | – (required) | the name of one of `databases` |
    /// | `database.…` | `TENANCY_CONFIG_DATABASE_…` | | | the settings of that ``DatabaseScheme`` |
    /// | `cache.kind` | `TENANCY_CONFIG_CACHE_KIND` | text | no cache | the name of one of `caches` |
    /// | `cache.…` | `TENANCY_CONFIG_CACHE_…` | | | the settings of that ``CacheScheme`` |
    /// | `callTimeout` | `TENANCY_CONFIG_CALL_TIMEOUT` | time | `30s` | `1ms…1d` |
    /// | `shutdownTimeout` | `TENANCY_CONFIG_SHUTDOWN_TIMEOUT` | time | `10s` | `1ms…1h` |
    /// | `caching.timeToLive` | `TENANCY_CONFIG_CACHING_TIME_TO_LIVE` | time | `5m` | `1ms…365d` |
    /// | `caching.absenceTimeToLive` | `TENANCY_CONFIG_CACHING_ABSENCE_TIME_TO_LIVE` | time | `30s` | `1ms…365d` |
    /// | `caching.jitter` | `TENANCY_CONFIG_CACHING_JITTER` | number | `0.1` | `0…0.5` |
    /// | `caching.leaseTime` | `TENANCY_CONFIG_CACHING_LEASE_TIME` | time | `10s` | `1ms…1h`, at most `caching.blockTime` |
    /// | `caching.leaseWait` | `TENANCY_CONFIG_CACHING_LEASE_WAIT` | time | `20ms` | `0s…1h` |
    /// | `caching.blockTime` | `TENANCY_CONFIG_CACHING_BLOCK_TIME` | time | `30s` | `1ms…1d` |
    /// | `caching.maximumResultBytes` | `TENANCY_CONFIG_CACHING_MAXIMUM_RESULT_BYTES` | integer | `1048576` | `0…1073741824` |
    /// | `caching.bulkThreshold` | `TENANCY_CONFIG_CACHING_BULK_THRESHOLD` | integer | `64` | `1…1000000` |
    /// | `caching.earlyRefresh` | `TENANCY_CONFIG_CACHING_EARLY_REFRESH` | number | `1.0` | `0…10` |
    /// | `caching.staleIfError` | `TENANCY_CONFIG_CACHING_STALE_IF_ERROR` | time | `1m` | `0s…1d` |
    /// | `caching.maximumLoads` | `TENANCY_CONFIG_CACHING_MAXIMUM_LOADS` | integer | `256` | `1…1000000` |
    /// | `caching.maximumFailures` | `TENANCY_CONFIG_CACHING_MAXIMUM_FAILURES` | integer | `5` | `1…1000000` |
    /// | `caching.pauseTime` | `TENANCY_CONFIG_CACHING_PAUSE_TIME` | time | `1s` | `1ms…1h` |
    /// | `caching.localMaximumBytes` | `TENANCY_CONFIG_CACHING_LOCAL_MAXIMUM_BYTES` | integer | `33554432` | `0…1099511627776` |
    /// | `caching.localTimeToLive` | `TENANCY_CONFIG_CACHING_LOCAL_TIME_TO_LIVE` | time | `1m` | `1ms…365d` |
    /// | `caching.serialization` | `TENANCY_CONFIG_CACHING_SERIALIZATION` | choice | `compact` | `compact`, `json` or `messagePack` |
    /// | `caching.compressionThreshold` | `TENANCY_CONFIG_CACHING_COMPRESSION_THRESHOLD` | integer | `1024` | `0…1073741824` |
    /// | `registry.refreshInterval` | `TENANCY_CONFIG_REGISTRY_REFRESH_INTERVAL` | time | `5s` | `1ms…1d` |
    /// | `registry.maximumCachedTenants` | `TENANCY_CONFIG_REGISTRY_MAXIMUM_CACHED_TENANTS` | integer | `100000` | `1…100000000` |
    /// | `registry.deletionGrace` | `TENANCY_CONFIG_REGISTRY_DELETION_GRACE` | time | `refreshInterval` and `callTimeout` | `0s…7d` |
    /// | `limits.maximumValueBytes` | `TENANCY_CONFIG_LIMITS_MAXIMUM_VALUE_BYTES` | integer | `8388608` | `1…1073741824` |
    /// | `limits.maximumPageSize` | `TENANCY_CONFIG_LIMITS_MAXIMUM_PAGE_SIZE` | integer | `1000` | `1…1000000` |
    /// | `limits.maximumRows` | `TENANCY_CONFIG_LIMITS_MAXIMUM_ROWS` | integer | `100000` | `1…100000000` |
    /// | `limits.maximumBatchSize` | `TENANCY_CONFIG_LIMITS_MAXIMUM_BATCH_SIZE` | integer | `10000` | `1…1000000` |
    /// | `limits.maximumEventBytes` | `TENANCY_CONFIG_LIMITS_MAXIMUM_EVENT_BYTES` | integer | `65536` | `1…1073741824` |
    /// | `limits.maximumKeys` | `TENANCY_CONFIG_LIMITS_MAXIMUM_KEYS` | integer | `10000` | `1…1000000` |
    ///
    /// A time is a whole number and a unit: `250ms`, `30s`, `5m`, `12h`, `1d`.
    ///
    /// A variable that begins with `TENANCY_CONFIG_` and is none of these is an error, like an unknown key of the file.
    /// No other variable is looked at.
    ///
    /// - Parameters:
    ///   - entities: What the tenants' records are.
    ///   - databases: The kinds of database that may be named.
    ///   - caches: The kinds of cache that may be named.
    ///   - path: A file whose name ends in `.json`, `.yaml` or `.yml`; `nil` for none.
    ///   - environment: The environment variables.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, naming every key that is unknown,
    ///   missing, of the wrong type, out of range or in contradiction to another, and no value.
    public static func load(
        entities: [any Entity.Type], databases: [DatabaseScheme], caches: [CacheScheme] = [],
        from path: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws(TenancyError) -> SDKConfig {
        let catalog = SettingCatalog(databases: databases, caches: caches)
        let input = try await ConfigurationInput(path, environment, catalog.sectionKeys)
        var loader = ConfigurationLoader(catalog: catalog, input: input)
        return try loader.load(entities)
    }
}
