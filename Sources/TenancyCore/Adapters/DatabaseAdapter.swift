/// What runs statements for tenants: a database, or a transaction in one.
///
/// Every call is made on behalf of `context`'s tenant, and the implementation binds that tenant to the statement
/// itself; no statement has a way to name one. Rows of other tenants are not there: they can't be read, counted,
/// changed, collided with or referred to.
///
/// All methods end with ``TenancyError/Code/cancelled`` soon after the calling task is cancelled and with
/// ``TenancyError/Code/timeout`` soon after the context's deadline, leaving no work behind on the server.
///
/// Reads of an adapter may be answered by a replica as far as the context's ``TenantContext/consistency`` allows; those
/// of a transaction are the transaction's own.
public protocol StatementRunner: Sendable {
    /// The records with those keys, in any order; a key that is not there yields no row. Each row has every column of
    /// the entity. This is the call that is cached, coalesced and multiplexed, so it is one of its own.
    func read(
        _ entity: EntityDescription, keys: [Value], in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch

    /// The rows of a select statement.
    func select(_ statement: SelectStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch

    /// The rows of an aggregate statement.
    func aggregate(
        _ statement: AggregateStatement, in context: TenantContext
    ) async throws(TenancyError) -> any RowBatch

    /// The rows of a full-text search.
    func search(_ statement: SearchStatement, in context: TenantContext) async throws(TenancyError) -> any RowBatch

    /// Changes records. An atomic statement that fails has changed nothing.
    func write(_ statement: WriteStatement, in context: TenantContext) async throws(TenancyError) -> WriteResult

    /// The rows of a select statement, in batches of at most `batchSize`, of which a bounded number is held at a time.
    /// The rows are of one moment. A stream that is abandoned releases what it holds.
    func stream(
        _ statement: SelectStatement, batchSize: Int, in context: TenantContext
    ) async throws(TenancyError) -> RowStream

    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws, and rethrows what it threw.
    /// On a transaction, a nested one (a savepoint).
    ///
    /// The runner that `body` gets serves the context's tenant only (``TenancyError/Code/tenantMismatch`` otherwise)
    /// and throws ``TenancyError/Code/transactionClosed`` after `body` has ended.
    func withTransaction<Result: Sendable>(
        _ options: TransactionOptions, in context: TenantContext,
        _ body: (any StatementRunner) async throws -> Result
    ) async throws -> Result
}

/// A database as Tenancy sees it. `TenancyTesting` has the suite that an implementation must pass.
public protocol DatabaseAdapter: StatementRunner {
    /// The backend's name, such as `sqlite`, as a metric's label.
    var name: String { get }

    /// What the adapter can do. The layers above ask before anything is sent.
    var capabilities: DatabaseCapabilities { get }

    /// Connects, brings tables up to the entities, and proves that tenants are isolated. Called once, before any other
    /// method.
    ///
    /// - Throws: ``TenancyError``, with ``TenancyError/Code/schemaConflict`` if a table can't become what its entity
    ///   declares and ``TenancyError/Code/isolationUnproven`` if the proof fails.
    func start(_ entities: [EntityDescription]) async throws(TenancyError)

    /// Removes everything that the tenant has in the entities' tables, in steps of bounded length: one that fails undoes
    /// nothing of those before it, so that a repetition goes on from there. Idempotent.
    func removeAllData(in context: TenantContext) async throws(TenancyError)

    /// Where calls for a tenant run with the fewest changes of thread, if the adapter has such a place.
    func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)?

    /// Whether the database answers, by asking it.
    func health() async -> BackendHealth

    /// Takes no new calls, lets those under way end until `deadline`, then ends them and closes everything.
    func shutDown(deadline: ContinuousClock.Instant) async
}

extension DatabaseAdapter {
    /// `nil`: anywhere.
    public func preferredExecutor(for tenant: TenantID) -> (any TaskExecutor)? { nil }
}

/// How a transaction runs.
public struct TransactionOptions: Sendable, Hashable {
    /// What concurrent transactions may see of each other.
    public struct Isolation: Sendable, Hashable, CustomStringConvertible {
        private enum Level: String { case readCommitted, repeatableRead, serializable }
        private let level: Level
        private init(_ level: Level) { self.level = level }

        /// Each statement sees what was committed before it.
        public static let readCommitted = Isolation(.readCommitted)
        /// The whole transaction sees one moment.
        public static let repeatableRead = Isolation(.repeatableRead)
        /// The outcome is that of some order of whole transactions.
        public static let serializable = Isolation(.serializable)
        /// The level's name.
        public var description: String { level.rawValue }
    }

    /// The least isolation wanted; `nil` for the backend's default, which is at least ``Isolation/readCommitted``. An
    /// adapter may give more, never less.
    public var isolation: Isolation?
    /// Whether writes are refused.
    public var isReadOnly = false

    /// A read-write transaction with the backend's default isolation.
    public init(isolation: Isolation? = nil, isReadOnly: Bool = false) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
    }
}

/// What a database can do beside what all can.
public struct DatabaseCapabilities: Sendable, Hashable {
    /// Whether ``StatementRunner/search(_:in:)`` works.
    public var searches = true
    /// Whether ``StatementRunner/withTransaction(_:in:_:)`` works on the adapter.
    public var hasTransactions = true
    /// Whether ``StatementRunner/withTransaction(_:in:_:)`` works on a transaction.
    public var hasSavepoints = true
    /// Whether timestamps can be stored to the microsecond.
    public var storesMicroseconds = true
    /// Whether text can be matched without regard to case.
    public var ignoresCase = true

    /// Every capability.
    public init() {}
}

/// Whether a backend answers.
public struct BackendHealth: Sendable {
    /// Whether it answered.
    public var isHealthy: Bool
    /// How long the answer took.
    public var latency: Duration
    /// Why it did not answer.
    public var error: TenancyError?

    /// A result of asking.
    public init(isHealthy: Bool, latency: Duration, error: TenancyError? = nil) {
        self.isHealthy = isHealthy
        self.latency = latency
        self.error = error
    }
}
