import TenancyCore

/// Which server a connection leads to.
struct ServerIdentity: Sendable, Hashable {
    /// The number of the system that the server's data belong to, which a primary and its replicas share.
    let system: String
    /// When the server was started, in microseconds: no two servers of a system have the same.
    let start: String

    /// Both, as expressions of the server's, separated by a comma. They are read from `pg_control_system()`.
    static let expressions = "system_identifier::text, extract(epoch FROM pg_postmaster_start_time())::text"

    /// Asks of a replica's connection who is at its end.
    static let question = Command(
        BoundStatement(
            statement: CompiledStatement(
                "SELECT \(expressions), pg_is_in_recovery() FROM pg_control_system()", types: []),
            parameters: ParameterBuffer(capacity: 0, bytes: 1)), isNamed: false)

    /// Checks that a connection leads to this server, and that it is a replica.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/unavailable``.
    func check(_ rows: any RowBatch) throws(TenancyError) {
        guard rows.count == 1, rows.columnCount == 3, try rows.string(0, 0) == system,
            try rows.string(0, 1) == start, try rows.bool(0, 2)
        else {
            throw TenancyError(
                .unavailable, "A replica's address led to another server than before.",
                hint: "Give each replica an address of its own, which does not stand for several.")
        }
    }
}

/// How far a server is.
struct ServerPosition: Sendable {
    /// What a server is asked as.
    enum Role: Sendable { case primary, replica }

    let identity: ServerIdentity
    /// The end of a primary's log, or how much of it a replica has replayed.
    let position: UInt64
    /// The timeline of the log, or for a replica the last that it is known to follow. A replica tells that from what
    /// it has written down, which may be minutes behind, so that an old one means nothing and the primary's is a proof:
    /// nobody replays a timeline without having left the others behind.
    let timeline: UInt32

    /// Asks a server.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/invalidConfiguration`` if it has the other role.
    init(
        _ session: LinkSession, of role: Role, until limit: ContinuousClock.Instant
    ) async throws(TenancyError) {
        let row = try await session.run(Self.query(role), until: limit).first ?? []
        guard row.count == 5, let inRecovery = row[0], let system = row[1], let start = row[2] else {
            throw TenancyError(.backendFailure, "A server did not say how far it is.")
        }
        guard (inRecovery == "t") == (role == .replica) else {
            throw TenancyError(
                .invalidConfiguration,
                role == .replica
                    ? "A server that is named as a replica is a primary." : "The primary has become a replica.",
                hint: "Name the primary in hosts, and its replicas in replicas.")
        }
        identity = ServerIdentity(system: system, start: start)
        position = row[3].flatMap { UInt64($0) } ?? 0
        timeline = row[4].flatMap { UInt32($0, radix: role == .replica ? 10 : 16) } ?? 0
    }

    /// A function of the other kind of server fails, so that it is asked only when the kind is known.
    private static func query(_ role: Role) -> String {
        let (position, timeline) =
            switch role {
            case .primary: ("pg_current_wal_insert_lsn()", "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)")
            // What it receives is seen only by roles that may read all statistics. A receiver never asks for a timeline
            // that branches off before what was replayed.
            case .replica:
                (
                    "pg_last_wal_replay_lsn()",
                    """
                    greatest((SELECT timeline_id FROM pg_control_checkpoint()), \
                    (SELECT min_recovery_end_timeline FROM pg_control_recovery()), \
                    (SELECT received_tli FROM pg_stat_wal_receiver))::text
                    """
                )
            }
        return """
            SELECT pg_is_in_recovery(), \(ServerIdentity.expressions), \
            CASE WHEN pg_is_in_recovery() = \(role == .replica) THEN (\(position) - '0/0'::pg_lsn)::text END, \
            CASE WHEN pg_is_in_recovery() = \(role == .replica) THEN \(timeline) END FROM pg_control_system()
            """
    }
}
