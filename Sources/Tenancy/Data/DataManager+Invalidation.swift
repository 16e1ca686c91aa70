import TenancyCore

// How writes keep the cache from serving what they replaced. See ``CacheAside``.
extension DataManager {
    /// What a write changes, as far as the cache has to know. Tenancy's own records are not cached.
    func changes(of entity: EntityDescription, keys: [Value]?) -> CacheChanges {
        guard let cache, !Self.ownEntities.contains(entity) else { return CacheChanges() }
        return cache.changes(of: entity, keys: keys)
    }

    /// Runs a single write with what it changes blocked, and given up before the block could end.
    func writing<Result>(
        _ changes: CacheChanges, in context: TenantContext,
        _ body: (TenantContext) async throws(TenancyError) -> Result
    ) async throws(TenancyError) -> Result {
        guard let cache, !changes.isEmpty else { return try await body(context) }
        var context = context
        let limit = cache.commitDeadline
        let deadline = min(context.deadline ?? limit, limit)
        context.deadline = deadline
        let token = CacheToken.random()
        try await cache.block(changes, token: token, until: deadline, for: context.tenant)
        do throws(TenancyError) {
            let result = try await body(context)
            await cache.unblock(changes, token, for: context.tenant)
            return result
        } catch {
            if error.provesNothingWritten { await cache.unblock(changes, token, for: context.tenant) }
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
            if TenancyError.wrap(error).provesNothingWritten {
                await cache?.unblock(scope.blocked, scope.token, for: context.tenant)
            }
            throw error
        }
    }

    /// Blocks what a transaction has changed, right before it is committed, for longer than the commit may take.
    func blockChanges(of scope: TransactionScope, for context: TenantContext) async throws(TenancyError) {
        let changes = try scope.seal()
        guard let cache, !changes.isEmpty else { return }
        try await cache.block(
            changes, token: scope.token, until: context.deadline ?? cache.commitDeadline, for: context.tenant)
    }
}

extension TenancyError {
    /// Whether a write that failed so was certainly not made and never will be. After any other failure it may have
    /// been committed, or may yet be, and its blocks must end by themselves.
    fileprivate var provesNothingWritten: Bool {
        [
            .notFound, .uniqueViolation, .foreignKeyViolation, .checkViolation, .notNullViolation, .staleVersion,
            .serializationFailure, .deadlock, .locked, .readOnly, .transactionClosed, .transactionConflict,
            .tenantMismatch,
            .cacheUnavailable,
            .invalidValue, .valueTooLarge, .typeMismatch, .unknownField, .invalidQuery, .unsupported,
        ].contains(code)
    }
}
