import TenancyCore

/// The first command of every transaction: on whose behalf it is, and until when.
///
/// All but those that are begun otherwise are `READ COMMITTED`, as every other level would make writes fail that wait for
/// one another. Connections are told so when they are made; behind a pooler, which takes no such settings, the binding
/// itself refuses a transaction of another level.
struct Binder: Sendable {
    /// Bounds of a transaction, in milliseconds.
    struct Bounds: Sendable, Hashable {
        var statement: Int64?
        var lock: Int64?
        var idle: Int64?
    }

    let isolation: Isolation
    /// The bounds of the configuration.
    private let configured: Bounds
    /// Whether connections don't keep the bounds by themselves, because a pooler stands between.
    private let isPooled: Bool
    /// By ``Parts``.
    private let statements: [CompiledStatement]

    /// What is asked for beside the tenant.
    private struct Parts: OptionSet {
        let rawValue: Int
        static let bounds = Parts(rawValue: 1)
        static let position = Parts(rawValue: 2)
        static let level = Parts(rawValue: 4)
    }

    init(_ configuration: PostgresConfiguration) {
        isolation = configuration.isolation
        configured = Bounds(
            statement: configuration.statementTimeout.map(ConnectionParameters.milliseconds),
            lock: configuration.lockTimeout.map(ConnectionParameters.milliseconds),
            idle: configuration.transactionTimeout.map(ConnectionParameters.milliseconds))
        isPooled = configuration.pooling == .transaction
        let binding = isolation.binding(.system).statement
        statements = (0..<8).map { Self.statement(binding, Parts(rawValue: $0)) }
    }

    private static func statement(_ binding: CompiledStatement, _ parts: Parts) -> CompiledStatement {
        if parts.isEmpty { return binding }
        var (text, count) = (binding.text, binding.types.count)
        if parts.contains(.bounds) {
            for setting in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
                count += 1
                text += ", set_config('\(setting)', $\(count), true)"
            }
        }
        // Changes nothing where it is so; elsewhere the server refuses it, as this statement has a snapshot already.
        if parts.contains(.level) { text += ", set_config('transaction_isolation', 'read committed', true)" }
        if parts.contains(.position) {
            count += 1
            text += ", pg_is_in_recovery() AND coalesce(pg_last_wal_replay_lsn() >= $\(count)::pg_lsn, false)"
        }
        return CompiledStatement(text, types: Array(repeating: .text, count: count))
    }

    /// Binds a tenant to the transaction of a proof, which fails if the session's is another level than it should be.
    var proof: Command { command(.system, bounds(until: nil), nil, checksLevel: true) }

    /// Binds a tenant to a transaction whose beginning has said which level it is of.
    func command(inBegun context: TenantContext, from position: UInt64? = nil) -> Command {
        command(context.tenant, bounds(until: context.deadline), position, checksLevel: false)
    }

    /// Binds a tenant to a transaction of one exchange that is not bounded by more than the configuration.
    ///
    /// - Parameter position: How far a replica must have replayed the log, which the last column of the result tells.
    func command(_ tenant: TenantID, from position: UInt64? = nil) -> Command {
        command(tenant, bounds(until: nil), position, checksLevel: isPooled)
    }

    /// Binds a tenant to a transaction that the server itself ends at the deadline.
    ///
    /// - Parameter position: How far a replica must have replayed the log, which the last column of the result tells.
    func command(
        _ tenant: TenantID, until deadline: ContinuousClock.Instant?, from position: UInt64? = nil
    ) -> Command {
        command(tenant, bounds(until: deadline), position, checksLevel: isPooled)
    }

    /// What a transaction is to be told of its bounds; `nil` if the connection's own will do.
    private func bounds(until deadline: ContinuousClock.Instant?) -> Bounds? {
        guard let deadline else { return isPooled ? configured : nil }
        let left = ConnectionParameters.milliseconds(max(.milliseconds(1), deadline - .now))
        return Bounds(
            statement: min(configured.statement ?? left, left), lock: configured.lock,
            idle: min(configured.idle ?? left, left))
    }

    private func command(
        _ tenant: TenantID, _ bounds: Bounds?, _ position: UInt64?, checksLevel: Bool
    ) -> Command {
        var parts: Parts = checksLevel ? .level : []
        var parameters = isolation.binding(tenant).parameters
        if let bounds {
            parts.insert(.bounds)
            // 0 is no bound.
            for bound in [bounds.statement, bounds.lock, bounds.idle] { parameters.append(text: String(bound ?? 0)) }
        }
        if let position {
            parts.insert(.position)
            parameters.append(
                text: String(position >> 32, radix: 16) + "/" + String(position & 0xffff_ffff, radix: 16))
        }
        return Command(
            BoundStatement(statement: statements[parts.rawValue], parameters: parameters), isKept: position != nil)
    }
}
