import Foundation
import TenancyCore

/// The locks of one shard of a memory cache, each used under the shard's lock.
struct MemoryCacheLocks {
    private struct Name: Hashable {
        let tenant: TenantID
        let key: CacheKey

        init(_ address: MemoryCacheAddress) {
            tenant = address.tenant
            key = address.key
        }
    }

    private struct Holder {
        let token: CacheToken
        let fence: Int64
        var expires: Duration
    }

    private var holders: [Name: Holder] = [:]
    /// One number for all names, so that nothing has to be kept of a name whose lock has ended.
    private var lastFence: Int64 = 0
    /// From how many holders on those whose time has passed are looked for.
    private var sweepCount = 64
    /// What the locks take.
    private(set) var bytes = 0

    private static let overhead = MemoryLayout<Name>.stride + MemoryLayout<Holder>.stride + 64

    /// - Returns: The fence, or `busy`.
    mutating func take(
        _ address: MemoryCacheAddress, _ token: CacheToken, until end: Duration, _ now: Duration
    ) -> CacheReply {
        let name = Name(address)
        if let holder = holders[name], holder.expires > now {
            guard holder.token == token else { return .busy }
            holders[name]?.expires = max(holder.expires, end)
            return .count(holder.fence)
        }
        remove(name)
        if holders.count >= sweepCount {
            for (name, holder) in holders where holder.expires <= now { remove(name) }
            sweepCount = max(64, holders.count * 2)
        }
        // The time of day makes fences grow over the process's end too.
        lastFence = max(lastFence + 1, Int64(Date().timeIntervalSince1970 * 1_000_000))
        holders[name] = Holder(token: token, fence: lastFence, expires: end)
        bytes += Self.size(of: name)
        return .count(lastFence)
    }

    /// - Returns: Whether the token holds the lock.
    mutating func renew(
        _ address: MemoryCacheAddress, _ token: CacheToken, until end: Duration, _ now: Duration
    ) -> Bool {
        let name = Name(address)
        guard let holder = holders[name], holder.token == token, holder.expires > now else { return false }
        holders[name]?.expires = end
        return true
    }

    /// - Returns: Whether the token held the lock.
    mutating func release(_ address: MemoryCacheAddress, _ token: CacheToken, _ now: Duration) -> Bool {
        let name = Name(address)
        guard let holder = holders[name], holder.token == token else { return false }
        remove(name)
        return holder.expires > now
    }

    private mutating func remove(_ name: Name) {
        if holders.removeValue(forKey: name) != nil { bytes -= Self.size(of: name) }
    }

    private static func size(of name: Name) -> Int { overhead + name.key.text.utf8.count }
}
