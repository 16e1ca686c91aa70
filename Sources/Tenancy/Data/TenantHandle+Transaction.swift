public import TenancyCore

extension TenantHandle {
    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws, and rethrows what it threw.
    ///
    /// The handle that `body` gets belongs to the transaction and throws ``TenancyError/Code/transactionClosed`` after
    /// it. A transaction in a transaction is a savepoint. Reads in a transaction see its own writes and pass by the
    /// cache; what it changed is invalidated around the commit, all at once, and not after a rollback. Events that it
    /// tracks are recorded after the commit.
    ///
    /// `body` is run again, up to three times in all within the call's time, if the database gave the transaction up for
    /// a concurrent one (``TenancyError/Code/serializationFailure``, ``TenancyError/Code/deadlock``,
    /// ``TenancyError/Code/locked``). It must be repeatable then; pass `retry: .never` if it is not.
    ///
    /// - Parameters:
    ///   - options: How the transaction runs.
    ///   - retry: Whether it is repeated; without meaning in a transaction.
    ///   - body: The work.
    /// - Throws: What `body` threw, or ``TenancyError``, with ``TenancyError/Code/unsupported`` before anything is sent
    ///   if the database has no transactions or, within one, no savepoints.
    @discardableResult
    public func transaction<Result: Sendable>(
        _ options: TransactionOptions = TransactionOptions(), retry: TransactionRetry = .default,
        _ body: (TenantHandle) async throws -> Result
    ) async throws -> Result {
        let capabilities = session.manager.adapter.capabilities
        guard session.transaction == nil ? capabilities.hasTransactions : capabilities.hasSavepoints else {
            throw TenancyError(
                .unsupported,
                session.transaction == nil
                    ? "The database has no transactions." : "The database has no transactions within transactions.",
                details: .init(tenant: id))
        }
        var context = try await session.admit()
        context.consistency = .strong
        if session.transaction != nil { return try await nested(options, context, body) }
        var attempt = 1
        while true {
            do {
                return try await once(options, context, body)
            } catch {
                guard let pause = retry.pause(after: attempt, error),
                    context.deadline.map({ ContinuousClock.now + pause < $0 }) ?? true
                else { throw error }
                try? await Task.sleep(for: pause)
            }
            attempt += 1
            _ = try await session.admit()
            try context.checkAlive()
        }
    }

    private func once<Result: Sendable>(
        _ options: TransactionOptions, _ context: TenantContext, _ body: (TenantHandle) async throws -> Result
    ) async throws -> Result {
        let events = TrackedEvents()
        do {
            let result = try await session.manager.invalidating(for: context) { scope in
                try await session.runner.withTransaction(options, in: context) { runner in
                    let result = try await body(inside(runner, scope, events, context))
                    // A body may have taken long; what it did is not committed for a tenant that was suspended or
                    // deleted meanwhile.
                    try await session.requireAdmission(until: context.deadline)
                    // What was changed is blocked before the commit, and the commit follows at once.
                    try await session.manager.blockChanges(of: scope, for: context)
                    return result
                }
            }
            for event in events.close() { session.manager.recorder.record(event) }
            return result
        } catch {
            _ = events.close()
            throw error
        }
    }

    private func nested<Result: Sendable>(
        _ options: TransactionOptions, _ context: TenantContext, _ body: (TenantHandle) async throws -> Result
    ) async throws -> Result {
        let events = TrackedEvents()
        do {
            let result = try await session.runner.withTransaction(options, in: context) { runner in
                try await body(inside(runner, session.transaction, events, context))
            }
            try session.events?.add(events.close())
            return result
        } catch {
            _ = events.close()
            throw error
        }
    }

    private func inside(
        _ runner: any StatementRunner, _ scope: TransactionScope?, _ events: TrackedEvents, _ context: TenantContext
    ) -> TenantHandle {
        TenantHandle(
            session: DataSession(
                manager: session.manager, context: context, admission: session.admission, runner: runner,
                transaction: scope, events: events))
    }
}
