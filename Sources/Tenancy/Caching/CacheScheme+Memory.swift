public import TenancyCore

extension CacheScheme {
    /// A cache in the process's own memory; see ``MemoryCache``.
    ///
    /// | key | environment variable | type | default | range |
    /// |---|---|---|---|---|
    /// | `cache.maximumBytes` | `TENANCY_CONFIG_CACHE_MAXIMUM_BYTES` | integer | `67108864` | `4096…1099511627776` |
    /// | `cache.shards` | `TENANCY_CONFIG_CACHE_SHARDS` | integer | one for each 4 MiB, at most 16 | `1…256` |
    public static var memory: CacheScheme {
        CacheScheme(
            name: "memory",
            keys: [
                SettingKey("maximumBytes", .integer(in: MemoryCache.leastMaximumBytes...1 << 40)),
                SettingKey("shards", .integer(in: 1...256)),
            ]
        ) { settings throws(TenancyError) in
            .memory(maximumBytes: settings.integer("maximumBytes") ?? 64 << 20, shards: settings.integer("shards"))
        }
    }
}
