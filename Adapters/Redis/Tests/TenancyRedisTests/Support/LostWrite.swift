import TenancyCore
import Testing

@testable import TenancyRedis

/// A master acknowledges that a value was replaced, dies before any replica hears of it, and a replica takes over that still
/// has the value.
struct LostWrite {
    let cache: RedisCache
    let tenant: TenantID
    let master: OwnServer
    let replicas: [OwnServer]
    private let key = CacheKey("k")

    /// Lets it happen to the key `k`, and waits until calls are answered again: by then with nothing.
    ///
    /// - Returns: How long nobody answered.
    func happen() async throws -> Duration {
        #expect(try await cache.store("old", key.text, of: tenant) == .done)
        for replica in replicas {
            let hasCopied = try await eventually { Int(try await replica.send("DBSIZE")) ?? 0 >= 2 }
            #expect(hasCopied)
            replica.pause(true)
        }
        try await master.send("CLIENT", "KILL", "TYPE", "replica")
        let token = CacheToken.random()
        let replies = try await cache.run(
            [.block(key, token: token, blockTime: .seconds(9)), .unblock(key, token: token)], for: tenant)
        #expect(replies == [.done, .done])
        #expect(try await cache.text(key.text, of: tenant) == nil)
        master.kill()
        for replica in replicas { replica.pause(false) }
        // From here on the master is gone, so whatever is answered comes from the one that took over.
        let start = ContinuousClock.now
        var failures = 0
        var found: String?
        let hasRecovered = try await eventually(within: .seconds(60)) {
            do {
                found = try await cache.text(key.text, of: tenant) ?? found
                return true
            } catch {
                #expect(TenancyError.wrap(error).code == .unavailable)
                failures += 1
                return false
            }
        }
        #expect(hasRecovered && found == nil && failures > 0)
        let time = ContinuousClock.now - start
        #expect(time > KnowledgeTime.settling)
        return time
    }
}
