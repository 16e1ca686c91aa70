import Logging
import Tenancy
import TenancyCore
import TestServers
import Testing

@testable import TenancyRedis

@Suite("Redis configurations")
struct RedisConfigurationTests {
    @Test("An address says where, as whom, and what else")
    func address() throws {
        let configuration = try RedisConfiguration(
            url: "redis://app:s%40cret@cache.example:6390/3?client_name=web&command_timeout=250&connect_timeout=100")
        #expect(configuration.host == "cache.example")
        #expect(configuration.port == 6_390)
        #expect(configuration.user == "app")
        #expect(configuration.password?.reveal() == "s@cret")
        #expect(configuration.database == 3)
        #expect(configuration.clientName == "web")
        #expect(configuration.commandTimeout == .milliseconds(250))
        #expect(configuration.tls == .disable)
        let secure = try RedisConfiguration(url: "rediss://:only-password@[::1]?tls_ca_file=%2Fca.pem")
        #expect(secure.host == "::1")
        #expect(secure.port == 6_379)
        #expect(secure.user == nil)
        #expect(secure.password?.reveal() == "only-password")
        #expect(secure.tls == .verify(authorityFile: "/ca.pem"))
    }

    @Test("An address names a cluster, or sentinels and their master")
    func topologies() throws {
        let cluster = try RedisConfiguration(url: "redis+cluster://app:s@a:7000,[::1]:7001,c?client_name=web")
        #expect(
            cluster.topology.nodes == [
                RedisEndpoint(host: "a", port: 7_000), RedisEndpoint(host: "::1", port: 7_001),
                RedisEndpoint(host: "c", port: 6_379),
            ])
        #expect(cluster.user == "app" && cluster.clientName == "web" && cluster.tls == .disable)
        #expect(try RedisConfiguration(url: "redis://a,b").topology.nodes?.count == 2)
        #expect(try RedisConfiguration(url: "redis://a").topology.isSingle)
        #expect(try RedisConfiguration(url: "rediss+cluster://a").tls == .verify())
        let sentinel = try RedisConfiguration(
            url: "rediss+sentinel://:s@a,b:5000/shop/3?sentinel_user=watch&sentinel_password=w&tls_ca_file=%2Fca")
        #expect(
            sentinel.topology.sentinels == [
                RedisEndpoint(host: "a", port: 26_379), RedisEndpoint(host: "b", port: 5_000),
            ])
        #expect(sentinel.topology.master == "shop" && sentinel.database == 3)
        #expect(sentinel.topology.sentinelUser == "watch" && sentinel.topology.sentinelPassword?.reveal() == "w")
        #expect(sentinel.tls == .verify(authorityFile: "/ca"))
        #expect(try RedisConfiguration(url: "redis+sentinel://a/shop").database == 0)
    }

    @Test(
        "What is wrong with an address is told without showing it",
        arguments: [
            "http://MARKER", "redis://", "redis://MARKER:70000", "redis://MARKER:x", "redis://h/MARKER",
            "redis://h/-1", "redis://h?unknown=MARKER", "redis+cluster://h,MARKER:x", "redis+sentinel://MARKER",
            "redis+cluster://h,MARKER/1", "redis+sentinel://h/MA RKER", "redis+sentinel://h/name/MARKER",
            "redis+cluster://h?sentinel_user=MARKER", "redis://h?client_name",
            "redis://h?client_name=a&client_name=b",
            "redis://h?command_timeout=MARKER", "redis://h?command_timeout=0", "redis://h?client_name=MAR%20KER",
            "redis://MARKER@h", "redis://a:MARKER%zz@h", "redis://a:MARKER%00@h", "redis://h?tls_ca_file=MARKER",
            "redis://h?connections_per_reactor=99", "redis://[MARKER", "redis://h#MARKER", "redis://h:+1",
        ])
    func wrong(_ text: String) {
        let error = #expect(throws: TenancyError.self) { try RedisConfiguration(url: text) }
        #expect(error?.code == .invalidConfiguration)
        #expect("\(String(describing: error))".contains("MARKER") == false)
    }

    @Test("No rendering shows the password")
    func redaction() throws {
        let configuration = try RedisConfiguration(url: "redis://app:MARKER@h")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("MARKER") && !"\(configuration)".contains("MARKER"))
        #expect(!String(reflecting: configuration).contains("MARKER"))
    }

    @Test("Sources and schemes make caches of that name")
    func sources() throws {
        let environment = AdapterEnvironment(logger: Logger(label: "test"))
        #expect(try CacheSource.redis(url: "redis://h").make(environment).name == "redis")
        #expect(try CacheSource.redis(host: "h", tls: .verify()).make(environment).name == "redis")
        #expect(throws: TenancyError.self) { try CacheSource.redis(host: "").make(environment) }
        #expect(CacheScheme.redis.name == "redis")
    }

    @Test("Settings are read from the environment, and what is wrong with them is told without values")
    func settings() async throws {
        let database = DatabaseScheme(name: "none", keys: []) { _ throws(TenancyError) in
            DatabaseSource(name: "none") { _ throws(TenancyError) in throw TenancyError(.unsupported, "none") }
        }
        let common = ["TENANCY_CONFIG_DATABASE_KIND": "none", "TENANCY_CONFIG_CACHE_KIND": "redis"]
        let good = [
            [
                "TENANCY_CONFIG_CACHE_URL": "rediss://app:secret@h/2",
                "TENANCY_CONFIG_CACHE_TLS_SERVER_NAME": "cache.example",
            ],
            [
                "TENANCY_CONFIG_CACHE_HOST": "h", "TENANCY_CONFIG_CACHE_PORT": "6390",
                "TENANCY_CONFIG_CACHE_USER": "app",
                "TENANCY_CONFIG_CACHE_PASSWORD": "secret", "TENANCY_CONFIG_CACHE_DATABASE": "2",
                "TENANCY_CONFIG_CACHE_TLS": "true",
                "TENANCY_CONFIG_CACHE_COMMAND_TIMEOUT": "250ms", "TENANCY_CONFIG_CACHE_CONNECTIONS_PER_REACTOR": "2",
            ],
            [:], ["TENANCY_CONFIG_CACHE_HOSTS": "a:7000,b"],
            [
                "TENANCY_CONFIG_CACHE_HOSTS": "a,b", "TENANCY_CONFIG_CACHE_MASTER": "shop",
                "TENANCY_CONFIG_CACHE_SENTINEL_USER": "u", "TENANCY_CONFIG_CACHE_SENTINEL_PASSWORD": "p",
            ],
            [
                "TENANCY_CONFIG_CACHE_URL": "redis+sentinel://app:s@a/shop",
                "TENANCY_CONFIG_CACHE_SENTINEL_PASSWORD": "p",
            ],
            ["TENANCY_CONFIG_CACHE_TOPOLOGY": "cluster", "TENANCY_CONFIG_CACHE_HOSTS": "endpoint.example"],
        ]
        for environment in good {
            let config = try await SDKConfig.load(
                entities: [], databases: [database], caches: [.redis],
                environment: common.merging(environment) { $1 })
            #expect(config.cache?.name == "redis")
        }
        let bad = [
            ["TENANCY_CONFIG_CACHE_URL": "http://MARKER"], ["TENANCY_CONFIG_CACHE_PORT": "0"],
            ["TENANCY_CONFIG_CACHE_TLS_AUTHORITY_FILE": "MARKER"], ["TENANCY_CONFIG_CACHE_USER": "MARKER"],
            ["TENANCY_CONFIG_CACHE_CLIENT_NAME": "MAR KER"], ["TENANCY_CONFIG_CACHE_HOSTS": "MARKER:x"],
            ["TENANCY_CONFIG_CACHE_MASTER": "MARKER"], ["TENANCY_CONFIG_CACHE_TOPOLOGY": "MARKER"],
            ["TENANCY_CONFIG_CACHE_TOPOLOGY": "cluster"],
            ["TENANCY_CONFIG_CACHE_TOPOLOGY": "single", "TENANCY_CONFIG_CACHE_HOSTS": "MARKER"],
            ["TENANCY_CONFIG_CACHE_HOSTS": "h,i", "TENANCY_CONFIG_CACHE_DATABASE": "3"],
        ]
        for environment in bad {
            let outcome = await timed {
                let config = try await SDKConfig.load(
                    entities: [], databases: [database], caches: [.redis],
                    environment: common.merging(environment) { $1 })
                _ = try config.cache?.make(AdapterEnvironment(logger: Logger(label: "test")))
            }
            #expect(outcome.error?.code == .invalidConfiguration, "\(environment.keys)")
            #expect("\(String(describing: outcome.error))".contains("MARKER") == false)
        }
    }

    @Test("A refused password and a missing right are told as such, and without values", .requires(.application))
    func refused() async throws {
        var wrong = try testConfiguration()
        wrong.password = Secret("MARKER")
        let cache = try RedisCache(wrong, reactors: TestReactors.shared.get())
        let outcome = await timed { try await cache.start() }
        #expect(outcome.error?.code == .invalidConfiguration)
        #expect(outcome.error?.details.backendCode == "WRONGPASS")
        #expect("\(String(describing: outcome.error))".contains("MARKER") == false)
        await cache.shutDown()

        var anonymous = try testConfiguration()
        (anonymous.user, anonymous.password) = (nil, nil)
        let second = try RedisCache(anonymous, reactors: TestReactors.shared.get())
        let other = await timed { try await second.start() }
        #expect(other.error?.code == .invalidConfiguration)
        await second.shutDown()
    }

    @Test(
        "Databases of different numbers don't see each other, and one out of range is refused",
        .requires(.application))
    func databases() async throws {
        let tenant = try uniqueTenant()
        var other = try testConfiguration()
        other.database = 5
        try await withCache(testConfiguration()) { cache in
            try await cache.store("zero", "k", of: tenant)
            let found = try await withCache(other) { try await $0.text("k", of: tenant) }
            #expect(found == nil)
            #expect(try await cache.text("k", of: tenant) == "zero")
        }
        other.database = 5_000
        let cache = try RedisCache(other, reactors: TestReactors.shared.get())
        let outcome = await timed { try await cache.start() }
        #expect(outcome.error?.code == .invalidConfiguration)
        await cache.shutDown()
    }

    @Test("The server sees the client's name", .requires(.admin))
    func clientName() async throws {
        let configuration = try testConfiguration()
        let admin = try await Administrator.ofServices()
        try await withCache(configuration) { _ in
            let clients = try await admin.send("CLIENT", "LIST")
            #expect(clients.contains(" name=\(configuration.clientName) "))
        }
        let isGone = try await eventually {
            try await !admin.send("CLIENT", "LIST").contains(configuration.clientName)
        }
        #expect(isGone)
        await admin.close()
    }

    @Test("The rights that the documentation names suffice, and reach no other keys", .requires(.application))
    func leastRights() async throws {
        try await OwnServer.with(OwnServer()) { server in
            let admin = try await server.administrator()
            var configuration = server.configuration
            try await admin.addUser("mt_sdk:server", "mt_sdk:tenant:a*", to: &configuration)
            try await withCache(configuration) { cache in
                let (own, foreign) = (try uniqueTenant("a"), try uniqueTenant("b"))
                let (key, token) = (CacheKey("k"), CacheToken.random())
                let commands: [CacheCommand] = [
                    .block(key, token: token, blockTime: .seconds(9)), .unblock(key, token: token),
                    .lookUp(key, lease: token, leaseTime: .seconds(9)),
                    .fill(key, lease: token, [1], timeToLive: nil), .get(key), .expire(key, .seconds(9)),
                    .set(key, [2], timeToLive: nil, condition: .ifEqual([1])), .delete(key),
                    .increment(key, by: 1, timeToLive: nil), .getAndExpire(key, .seconds(9)),
                    .renew(key, token: token, holdTime: .seconds(9)), .unlock(key, token: token),
                    .lock(key, token: token, holdTime: .seconds(9)),
                ]
                let expected: [CacheReply] = [
                    .done, .done, .leased, .done, .value([1]), .count(1), .done, .count(1), .count(1), .value([0x31]),
                    .refused, .refused,
                ]
                #expect(try await cache.run(commands, for: own).dropLast() == expected[...])
                #expect(try await cache.run([.unlock(key, token: token)], for: own) == [.done])
                #expect(try await cache.scan(own, prefix: "", after: nil).keys == [key])
                #expect(try await cache.usage(of: own).entries == 1)
                #expect(try await cache.flush(own) == 1)
                for command in commands {
                    let outcome = await timed { _ = try await cache.run([command], for: foreign) }
                    #expect(outcome.error?.details.backendCode == "NOPERM")
                }
                #expect(await cache.health().isHealthy)
            }
            await admin.close()
        }
    }

    @Test("A certificate that no known authority has signed, or for another name, is refused", .requires(.secure))
    func certificates() async throws {
        var unknown = try testConfiguration(.secure)
        unknown.tls = .verify()
        var other = try testConfiguration(.secure)
        other.tls = .verify(
            authorityFile: TestServer.environment("TENANCY_TEST_REDIS_TLS_CA_FILE"), serverName: "other.example")
        var missing = try testConfiguration(.secure)
        missing.tls = .verify(authorityFile: "/no/such/file.pem")
        for configuration in [unknown, other, missing] {
            let cache = try RedisCache(configuration, reactors: TestReactors.shared.get())
            let outcome = await timed { try await cache.start() }
            #expect(outcome.error?.code == .invalidConfiguration, "\(String(describing: outcome.error))")
            // At once, and not after the time that connecting may take.
            #expect(outcome.time < unknown.connectTimeout)
            await cache.shutDown()
        }
    }

    @Test("TLS with a port that does not speak it, and the reverse, fail in time", .requires(.secure))
    func wrongPorts() async throws {
        var secure = try testConfiguration(.secure)
        var plain = try testConfiguration()
        (secure.port, plain.port) = (plain.port, secure.port)
        secure.connectTimeout = .seconds(1)
        plain.connectTimeout = .seconds(1)
        let tenant = try uniqueTenant()
        for configuration in [secure, plain] {
            let cache = try RedisCache(configuration, reactors: TestReactors.shared.get())
            // A server that hangs up may be another one tomorrow, and is no error; one that doesn't speak the protocol won't.
            let start = await timed { try await cache.start() }
            // The time that connecting may take, and not that of a configuration that sets none.
            #expect(start.time < .seconds(4), "\(start.time)")
            #expect(
                start.error.map { [.unsupported, .backendFailure, .invalidConfiguration].contains($0.code) } ?? true)
            let health = await cache.health()
            #expect(!health.isHealthy && health.error?.code != .cancelled)
            let call = await timed { try await cache.store("x", "k", of: tenant) }
            #expect(call.error != nil, "\(configuration.port)")
            #expect(call.time < .seconds(4), "\(call.time)")
            await cache.shutDown()
        }
    }
}
