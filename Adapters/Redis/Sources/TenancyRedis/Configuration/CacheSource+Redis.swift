public import TenancyCore

extension CacheSource {
    /// A Redis server; see ``RedisConfiguration``.
    public static func redis(_ configuration: RedisConfiguration) -> CacheSource {
        CacheSource(name: "redis") { environment throws(TenancyError) in
            try RedisCache(configuration, logger: environment.logger)
        }
    }

    /// A Redis server at an address such as `redis://app:secret@cache:6379/0`; see ``RedisConfiguration/init(url:)``.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``, which shows no value.
    public static func redis(url: String) throws(TenancyError) -> CacheSource {
        .redis(try RedisConfiguration(url: url))
    }

    /// A Redis server, with every other setting at its default.
    public static func redis(
        host: String, port: Int = 6_379, user: String? = nil, password: Secret? = nil,
        tls: RedisConfiguration.TLS = .disable
    ) -> CacheSource {
        var configuration = RedisConfiguration(host: host, port: port, user: user, password: password)
        configuration.tls = tls
        return .redis(configuration)
    }
}
