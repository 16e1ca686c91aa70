public import TenancyCore

/// A lock that this process holds for a tenant: ``TenantCache/lock(_:for:)``.
///
/// A lock in a cache makes it unlikely that two do the same thing at once. What must never happen has to be kept from
/// happening by the ``fence``: hand it to whatever the lock protects, and let that refuse a number that is less than one it
/// has seen. A holder that was stopped for longer than it held the lock can do no harm then.
///
/// - A name has one holder at a time, as long as the cache does not lose its data. If it does, or another server takes its
///   place, the lock is free, and the former holder believes until ``heldUntil`` that it has it.
/// - A fence is greater than all before it for that name and tenant, also after locks have ended. After data was lost the
///   same holds as long as the server's clock shows a later time than when the former fence was given.
public struct CacheLock: Sendable {
    /// The lock's name.
    public let name: String
    /// A number greater than that of everybody who has held the lock before.
    public let fence: Int64
    /// Until when the lock is held, if the cache loses nothing.
    public let heldUntil: ContinuousClock.Instant
    let cache: TenantCache
    let token: CacheToken

    /// Holds the lock for that time from now on.
    ///
    /// - Returns: The lock with its new ``heldUntil`` and the same fence; `nil` if it is no longer held. The work that it
    ///   protects should be given up then.
    public func renewed(for time: Duration) async throws(TenancyError) -> CacheLock? {
        let end = ContinuousClock.Instant.after(time)
        let key = try TenantCache.key(name)
        guard try await cache.run([.renew(key, token: token, holdTime: try TenantCache.checked(time))]) == [.done]
        else {
            return nil
        }
        return CacheLock(name: name, fence: fence, heldUntil: end, cache: cache, token: token)
    }

    /// Gives the lock back. Nobody else's is given back, if this one is no longer held.
    ///
    /// - Returns: Whether it was still held.
    @discardableResult
    public func release() async throws(TenancyError) -> Bool {
        try await cache.run([.unlock(try TenantCache.key(name), token: token)]) == [.done]
    }
}

extension TenantCache {
    /// Takes a lock, if nobody holds it.
    ///
    /// - Parameters:
    ///   - name: The lock's name; values have others.
    ///   - time: How long the lock is held, unless it is renewed or released.
    /// - Returns: The lock; `nil` if somebody else holds it.
    public func lock(_ name: String, for time: Duration) async throws(TenancyError) -> CacheLock? {
        let (key, token) = (try Self.key(name), CacheToken.random())
        // From before the command is sent: the cache can't begin to count earlier.
        let end = ContinuousClock.Instant.after(time)
        let holdTime = try Self.checked(time)
        do throws(TenancyError) {
            switch try await run([.lock(key, token: token, holdTime: holdTime)]).first {
            case .count(let fence):
                return CacheLock(name: name, fence: fence, heldUntil: end, cache: self, token: token)
            default: return nil
            }
        } catch {
            // It may have been taken, and then nobody knows the token any more.
            if error.code == .timeout || error.code == .cancelled, let adapter = session.manager.cache?.adapter {
                let tenant = tenant
                Task { _ = try? await adapter.run([.unlock(key, token: token)], for: tenant) }
            }
            throw error
        }
    }

    /// Runs `body` while a lock is held, and gives it back afterwards, whatever happens.
    ///
    /// The lock is not renewed: `body` has to end in time, or call ``CacheLock/renewed(for:)``.
    ///
    /// - Parameters:
    ///   - name: The lock's name.
    ///   - time: How long the lock is held.
    ///   - patience: For how long to try again while somebody else holds it.
    /// - Throws: What `body` throws, or ``TenancyError``, with code `locked` if somebody else holds the lock for longer.
    public func withLock<Result: Sendable>(
        _ name: String, for time: Duration, waitingUpTo patience: Duration = .zero,
        _ body: (CacheLock) async throws -> Result
    ) async throws -> Result {
        let lock = try await taken(name, time, until: .after(patience))
        let result: Result
        do {
            result = try await body(lock)
        } catch {
            await Self.giveBack(lock)
            throw error
        }
        await Self.giveBack(lock)
        return result
    }

    private func taken(
        _ name: String, _ time: Duration, until end: ContinuousClock.Instant
    ) async throws(TenancyError) -> CacheLock {
        var pause = Duration.milliseconds(10)
        while true {
            if let lock = try await lock(name, for: time) { return lock }
            guard .now + pause < end else {
                throw TenancyError(
                    .locked, "Somebody else holds the lock.", hint: "Repeat later, or wait for longer.",
                    details: .init(tenant: tenant))
            }
            do { try await Task.sleep(for: pause.varied(by: 0.5)) } catch {
                throw TenancyError(.cancelled, "The calling task was cancelled while it waited.")
            }
            pause = min(pause * 2, .milliseconds(250))
        }
    }

    /// In a task of its own, because a caller that was cancelled gives its lock back too. If that fails, it ends by itself.
    private static func giveBack(_ lock: CacheLock) async {
        await Task { _ = try? await lock.release() }.value
    }

    static func checked(_ time: Duration) throws(TenancyError) -> Duration {
        guard time > .zero else {
            throw TenancyError(.invalidValue, "A lock's time is not positive.", hint: "Say how long the lock is held.")
        }
        return time
    }
}
