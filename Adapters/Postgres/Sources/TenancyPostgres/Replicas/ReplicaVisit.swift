import TenancyCore

/// One read's way to a replica.
struct ReplicaVisit: Sendable {
    let set: ReplicaSet
    let engine: Engine
    let route: ReplicaRouter.Route

    /// How long a short read waits for a replica. One that takes longer is not worth waiting for.
    private static let patience = Duration.seconds(1)
    /// What is left to the primary of the time for a read, if the replica does not answer, or half of it.
    private static let reserve = Duration.seconds(2)

    /// The rows of a read.
    ///
    /// - Returns: `nil` if the primary is to answer.
    /// - Throws: ``TenancyError`` if the call itself has ended.
    func read(
        _ bound: BoundStatement, _ plan: TablePlan, isShort: Bool, _ context: TenantContext
    ) async throws(TenancyError) -> PostgresRows? {
        let attempt = bounded(context, isShort)
        do throws(TenancyError) {
            let rows =
                isShort
                ? try await engine.readShort(bound, plan, attempt, from: route.position)
                : try await engine.read(bound, plan, attempt, from: route.position)
            set.noteAnswer()
            return rows
        } catch {
            try set.noteFailure(route.replica, error, in: context)
            return nil
        }
    }

    /// The rows of a cursor.
    ///
    /// - Returns: `nil` if the primary is to give them.
    /// - Throws: ``TenancyError`` if the call itself has ended.
    func stream(
        _ bound: BoundStatement, _ plan: TablePlan, batchSize: Int, _ context: TenantContext
    ) async throws(TenancyError) -> CursorSource? {
        do throws(TenancyError) {
            let source = try await engine.stream(
                bound, plan, batchSize: batchSize, bounded(context, false), from: route.position)
            set.noteAnswer()
            return source
        } catch {
            try set.noteFailure(route.replica, error, in: context)
            return nil
        }
    }

    private func bounded(_ context: TenantContext, _ isShort: Bool) -> TenantContext {
        var bounded = context
        let now = ContinuousClock.now
        if let deadline = context.deadline {
            bounded.deadline = deadline - min(Self.reserve, (deadline - now) / 2)
        }
        if isShort { bounded.deadline = min(bounded.deadline ?? now + Self.patience, now + Self.patience) }
        return bounded
    }
}
