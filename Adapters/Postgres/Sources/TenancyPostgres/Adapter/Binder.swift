import TenancyCore

/// The first command of every transaction: on whose behalf it is, and until when.
struct Binder: Sendable {
    /// Bounds of a transaction, in milliseconds.
    struct Bounds: Sendable, Hashable {
        var statement: Int64?
        var lock: Int64?
        var idle: Int64?
    }

    let isolation: Isolation
    /// The bounds that the connection does not keep by itself, because a pooler stands between.
    private let missing: Bounds
    /// All bounds of the configuration.
    private let configured: Bounds
    private let isPooled: Bool
    private let bounded: CompiledStatement

    init(_ configuration: PostgresConfiguration) {
        isolation =
            configuration.supabase.map { Isolation.claims(role: $0.role, claim: $0.claim) } ?? .tenantSetting
        configured = Bounds(
            statement: configuration.statementTimeout.map(ConnectionParameters.milliseconds),
            lock: configuration.lockTimeout.map(ConnectionParameters.milliseconds),
            idle: configuration.transactionTimeout.map(ConnectionParameters.milliseconds))
        isPooled = configuration.pooling == .transaction
        missing = isPooled ? configured : Bounds()
        let first = isolation.role == nil ? 1 : 2
        let settings = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
        let list = settings.enumerated().map { "set_config('\($1)', $\($0 + first + 1), true)" }
        bounded = CompiledStatement(
            isolation.binding(.system).statement.text + ", " + list.joined(separator: ", "),
            types: Array(repeating: .text, count: first + settings.count))
    }

    /// Binds a tenant to a transaction of one exchange that is not bounded by more than the configuration.
    func command(_ tenant: TenantID) -> Command {
        if isPooled { return command(tenant, missing) }
        return Command(isolation.binding(tenant), isKept: false)
    }

    /// Binds a tenant to a transaction that the server itself ends at the deadline.
    func command(_ tenant: TenantID, until deadline: ContinuousClock.Instant?) -> Command {
        guard let deadline else { return command(tenant) }
        let left = ConnectionParameters.milliseconds(max(.milliseconds(1), deadline - .now))
        return command(
            tenant,
            Bounds(
                statement: min(configured.statement ?? left, left), lock: configured.lock,
                idle: min(configured.idle ?? left, left)))
    }

    private func command(_ tenant: TenantID, _ bounds: Bounds) -> Command {
        var parameters = isolation.binding(tenant).parameters
        // 0 is no bound.
        for bound in [bounds.statement, bounds.lock, bounds.idle] { parameters.append(text: String(bound ?? 0)) }
        return Command(BoundStatement(statement: bounded, parameters: parameters), isKept: false)
    }
}
