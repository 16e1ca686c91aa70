package import TenancyCore

/// A cache as it is often written, without the fences: writers delete after they have committed, and readers store
/// what they have read.
package struct Unfenced<Base: CacheAdapter>: ForwardingCache {
    package let cache: Base

    /// Takes the fences from a cache.
    package init(_ cache: Base) { self.cache = cache }

    package func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        let replies = try await cache.run(commands.map(Self.replace), for: tenant)
        return zip(commands, replies).map { command, reply in
            switch command {
            case .block, .unblock, .fill: .done
            case .lookUp: reply == .absent ? .leased : reply
            default: reply
            }
        }
    }

    private static func replace(_ command: CacheCommand) -> CacheCommand {
        switch command {
        case .block(let key, _, _): .get(key)
        case .unblock(let key, _): .delete(key)
        case .lookUp(let key, _, _): .get(key)
        case .fill(let key, _, let value, let life): .set(key, value, timeToLive: life, condition: .always)
        default: command
        }
    }
}
