import Foundation
import TenancyCore

/// A cache that ends its process, as `kill -9` does, when a writer has committed and is about to invalidate.
struct Mortal<Base: CacheAdapter>: ForwardingCache {
    let cache: Base
    /// From when on, in nanoseconds of the ``SharedClock``.
    let death: Int64

    func run(_ commands: [CacheCommand], for tenant: TenantID) async throws(TenancyError) -> [CacheReply] {
        if SharedClock.now() >= death, commands.contains(where: { if case .unblock = $0 { true } else { false } }) {
            kill(getpid(), SIGKILL)
        }
        return try await cache.run(commands, for: tenant)
    }
}

// A cache that tells of changes is asked for the same way through this one.
extension Mortal: CacheNotifying where Base: CacheNotifying {
    var notifiesBeforeReturning: Bool { cache.notifiesBeforeReturning }
    func addObserver(_ observer: any CacheObserver) { cache.addObserver(observer) }
}
