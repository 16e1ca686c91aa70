import Tenancy
import TenancyRedis
import TenancySQLite
import Testing

/// The examples of the page on Redis. No server is asked.
@Test("The addresses on the page on Redis are taken")
func redisExample() throws {
    let database = DatabaseSource.sqlite(path: "example.sqlite")
    let sentinels = [RedisEndpoint(host: "a", port: 26_379), RedisEndpoint(host: "b", port: 26_379)]
    let password = Secret("secret")

    let single = try CacheSource.redis(url: "rediss://app:secret@cache.example.com?tls_ca_file=/etc/cache-ca.pem")
    let cluster = try CacheSource.redis(url: "redis+cluster://app:secret@a:7000,b:7000,c:7000")
    let watched = try CacheSource.redis(url: "redis+sentinel://app:secret@a,b,c/mymaster/0")
    let account = RedisConfiguration(.sentinel(sentinels, master: "mymaster"), user: "app", password: password)
    let config = SDKConfig(database: database, entities: [Flight.self], cache: .redis(account))

    #expect([single, cluster, watched, config.cache].allSatisfy { $0?.name == "redis" })
}
