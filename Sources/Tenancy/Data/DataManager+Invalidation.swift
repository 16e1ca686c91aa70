import TenancyCore

// How writes keep the cache from serving what they replaced. See ``CacheAside``.
extension DataManager {
    /// What a write changes, as far as the cache has to know.
    func changes(of entity: EntityDescription, keys: [Value]?) -> CacheChanges {
        cache?.changes(of: entity, keys: keys) ?? CacheChanges()
    }

    /// Runs a single write with what it changes blocked, and given up before the block could end.
    func writing<Result>(
        _ changes: CacheChanges, in context: TenantContext,
        _ body: (TenantContext) async throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        guard let cache, !changes.isEmpty else { return try await body(context) }
        var context = context
        let token = try await cache.block(changes, for: context.tenant)
        context.deadline = min(context.deadline ?? cache.commitDeadline, cache.commitDeadline)
        do throws(TenancyError) {
            let result = try await body(context)
            await cache.unblock(changes, token, for: context.tenant)
            return result
        } catch {
            if !error.leavesOutcomeOpen { await cache.unblock(changes, token, for: context.tenant) }
            throw error
        }
    }

    /// Runs a transaction whose changes are blocked before its commit and unblocked after its end.
    func invalidating<Result>(
        for context: TenantContext, _ body: (TransactionScope) async throws -> Result
    ) async throws -> Result {
        let scope = TransactionScope()
        do {
            let result = try await body(scope)
            await cache?.unblock(scope.blocked, scope.token, for: context.tenant)
            return result
        } catch {
            if !TenancyError.wrap(error).leavesOutcomeOpen {
                await cache?.unblock(scope.blocked, scope.token, for: context.tenant)
            }
            throw error
        }
    }

    /// Blocks what a transaction has changed, right before it is committed.
    func blockChanges(of scope: TransactionScope, for context: TenantContext) async throws(TenancyError) {
        guard let cache else { return }
        let changes = scope.block()
        if !changes.isEmpty { _ = try await cache.block(changes, token: scope.token, for: context.tenant) }
    }
}

extension TenancyError {
    /// Whether a write that failed so may have been committed, or may yet be: then its blocks must end by themselves.
    fileprivate var leavesOutcomeOpen: Bool {
        [.timeout, .cancelled, .unavailable, .backendFailure].contains(code)
    }
}
