public import TenancyCore

extension CacheScheme {
    /// A Redis server, as a configuration file names it; see ``RedisConfiguration``.
    ///
    /// Either `url`, which may hold everything but is a secret as a whole, or `host`, or `hosts` of a cluster or of
    /// sentinels, and then `master`; what stands beside `url` counts more.
    ///
    /// | key | environment variable | type | default | range |
    /// |---|---|---|---|---|
    /// | `cache.url` | `TENANCY_CONFIG_CACHE_URL` | secret | – | `redis://…` or `rediss://…` |
    /// | `cache.host` | `TENANCY_CONFIG_CACHE_HOST` | text | `localhost` | |
    /// | `cache.port` | `TENANCY_CONFIG_CACHE_PORT` | integer | `6379` | `1…65535` |
    /// | `cache.hosts` | `TENANCY_CONFIG_CACHE_HOSTS` | text | – | `host:port,host:port,…` |
    /// | `cache.topology` | `TENANCY_CONFIG_CACHE_TOPOLOGY` | text | by what else is set | `single`, `cluster`, `sentinel` |
    /// | `cache.master` | `TENANCY_CONFIG_CACHE_MASTER` | text | – | the name that sentinels know |
    /// | `cache.sentinelUser` | `TENANCY_CONFIG_CACHE_SENTINEL_USER` | text | the sentinels' default user | |
    /// | `cache.sentinelPassword` | `TENANCY_CONFIG_CACHE_SENTINEL_PASSWORD` | secret | none | |
    /// | `cache.user` | `TENANCY_CONFIG_CACHE_USER` | text | the server's default user | |
    /// | `cache.password` | `TENANCY_CONFIG_CACHE_PASSWORD` | secret | none | |
    /// | `cache.database` | `TENANCY_CONFIG_CACHE_DATABASE` | integer | `0` | `0…65535` |
    /// | `cache.clientName` | `TENANCY_CONFIG_CACHE_CLIENT_NAME` | text | `tenancy` | no spaces |
    /// | `cache.tls` | `TENANCY_CONFIG_CACHE_TLS` | boolean | `false` | |
    /// | `cache.tlsAuthorityFile` | `TENANCY_CONFIG_CACHE_TLS_AUTHORITY_FILE` | text | the system's | a PEM file |
    /// | `cache.tlsServerName` | `TENANCY_CONFIG_CACHE_TLS_SERVER_NAME` | text | the host | |
    /// | `cache.connectTimeout` | `TENANCY_CONFIG_CACHE_CONNECT_TIMEOUT` | time | `5s` | `1ms…1h` |
    /// | `cache.commandTimeout` | `TENANCY_CONFIG_CACHE_COMMAND_TIMEOUT` | time | `1s` | `1ms…1h` |
    /// | `cache.idleTimeout` | `TENANCY_CONFIG_CACHE_IDLE_TIMEOUT` | time | `5s` | `1ms…1h` |
    /// | `cache.connectionsPerReactor` | `TENANCY_CONFIG_CACHE_CONNECTIONS_PER_REACTOR` | integer | `1` | `1…16` |
    /// | `cache.tellsOfChanges` | `TENANCY_CONFIG_CACHE_TELLS_OF_CHANGES` | boolean | `true` | |
    /// | `cache.maximumWaitingCalls` | `TENANCY_CONFIG_CACHE_MAXIMUM_WAITING_CALLS` | integer | `16384` | `1…1048576` |
    public static var redis: CacheScheme {
        let time = SettingKey.Kind.duration(in: .milliseconds(1) ... .seconds(3_600))
        return CacheScheme(
            name: "redis",
            keys: [
                SettingKey("url", .secret), SettingKey("host", .text), SettingKey("port", .integer(in: 1...65_535)),
                SettingKey("hosts", .text), SettingKey("topology", .choice(["single", "cluster", "sentinel"])),
                SettingKey("master", .text), SettingKey("sentinelUser", .text),
                SettingKey("sentinelPassword", .secret), SettingKey("user", .text), SettingKey("password", .secret),
                SettingKey("database", .integer(in: 0...65_535)), SettingKey("clientName", .text),
                SettingKey("tls", .boolean), SettingKey("tlsAuthorityFile", .text), SettingKey("tlsServerName", .text),
                SettingKey("connectTimeout", time), SettingKey("commandTimeout", time),
                SettingKey("idleTimeout", time), SettingKey("connectionsPerReactor", .integer(in: 1...16)),
                SettingKey("maximumWaitingCalls", .integer(in: 1...1 << 20)), SettingKey("tellsOfChanges", .boolean),
            ]
        ) { settings throws(TenancyError) in
            let configuration = try configuration(settings)
            try configuration.validate()
            return .redis(configuration)
        }
    }

    private static func configuration(_ settings: Settings) throws(TenancyError) -> RedisConfiguration {
        var result = RedisConfiguration(host: "localhost")
        if let url = settings.secret("url") { result = try RedisConfiguration(url: url.reveal()) }
        result.host = settings.text("host") ?? result.host
        result.port = settings.integer("port") ?? result.port
        result.topology = try topology(settings, result.topology)
        result.user = settings.text("user") ?? result.user
        result.password = settings.secret("password") ?? result.password
        result.database = settings.integer("database") ?? result.database
        result.clientName = settings.text("clientName") ?? result.clientName
        let (authority, name) = (settings.text("tlsAuthorityFile"), settings.text("tlsServerName"))
        switch settings.boolean("tls") {
        case false: result.tls = .disable
        case true: result.tls = .verify(authorityFile: result.tls.authorityFile, serverName: result.tls.serverName)
        default: break
        }
        if authority != nil || name != nil {
            guard result.tls.mode == .verify else {
                throw TenancyError(
                    .invalidConfiguration, "Redis: tlsAuthorityFile or tlsServerName is set, and TLS is not.")
            }
            result.tls = .verify(
                authorityFile: authority ?? result.tls.authorityFile, serverName: name ?? result.tls.serverName)
        }
        result.connectTimeout = settings.duration("connectTimeout") ?? result.connectTimeout
        result.commandTimeout = settings.duration("commandTimeout") ?? result.commandTimeout
        result.idleTimeout = settings.duration("idleTimeout") ?? result.idleTimeout
        result.connectionsPerReactor = settings.integer("connectionsPerReactor") ?? result.connectionsPerReactor
        result.maximumWaitingCalls = settings.integer("maximumWaitingCalls") ?? result.maximumWaitingCalls
        result.tellsOfChanges = settings.boolean("tellsOfChanges") ?? result.tellsOfChanges
        return result
    }

    private static func topology(
        _ settings: Settings, _ given: RedisConfiguration.Topology
    ) throws(TenancyError) -> RedisConfiguration.Topology {
        let (hosts, master) = (settings.text("hosts"), settings.text("master"))
        let (user, password) = (settings.text("sentinelUser"), settings.secret("sentinelPassword"))
        let isOfSentinels = master != nil || user != nil || password != nil
        let implied: String? =
            isOfSentinels || given.sentinels != nil ? "sentinel" : hosts != nil || given.nodes != nil ? "cluster" : nil
        switch settings.text("topology") ?? implied {
        case "sentinel":
            let sentinels = try hosts.map { text throws(TenancyError) in
                try RedisConfiguration.endpoints(text, defaultPort: 26_379)
            }
            guard let sentinels = sentinels ?? given.sentinels else {
                throw RedisConfiguration.invalid("cache.hosts is missing, which says where the sentinels are.")
            }
            return .sentinel(
                sentinels, master: master ?? given.master ?? "", user: user ?? given.sentinelUser,
                password: password ?? given.sentinelPassword)
        case "cluster" where !isOfSentinels:
            let nodes = try hosts.map { text throws(TenancyError) in
                try RedisConfiguration.endpoints(text, defaultPort: 6_379)
            }
            guard let nodes = nodes ?? given.nodes else {
                throw RedisConfiguration.invalid("cache.hosts is missing, which says where the cluster is.")
            }
            return .cluster(nodes)
        case nil: return given
        case "single" where !isOfSentinels && hosts == nil: return .single
        default:
            throw RedisConfiguration.invalid(
                "cache.topology does not go with cache.hosts, cache.master or what is set of sentinels.")
        }
    }
}
