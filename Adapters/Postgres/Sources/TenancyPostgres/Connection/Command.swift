import TenancyCore

/// A statement of an ``Exchange``.
struct Command: Sendable {
    /// The statement and its values.
    let bound: BoundStatement
    /// The table that the statement is about, for errors.
    var plan: TablePlan?
    /// Whether its result is wanted.
    var isKept = true
    /// Whether the connection may keep it prepared. Statements whose text is made for one use are not worth it.
    var isNamed = true

    init(_ bound: BoundStatement, plan: TablePlan? = nil, isKept: Bool = true, isNamed: Bool = true) {
        self.bound = bound
        self.plan = plan
        self.isKept = isKept
        self.isNamed = isNamed
    }

    /// A statement without values and without a result that is wanted.
    init(_ statement: CompiledStatement) {
        self.init(
            BoundStatement(statement: statement, parameters: ParameterBuffer(capacity: 0, bytes: 1)), isKept: false)
    }

    /// A statement without values, whose text is made for this use.
    init(text: String, isKept: Bool = false) {
        let bound = BoundStatement(
            statement: CompiledStatement(text, types: []), parameters: ParameterBuffer(capacity: 0, bytes: 1))
        self.init(bound, isKept: isKept, isNamed: false)
    }

    /// Begins a transaction, whatever the role's or the database's default level is.
    static let begin = Command(CompiledStatement("BEGIN ISOLATION LEVEL READ COMMITTED", types: []))
    /// Makes a transaction's changes last.
    static let commit = Command(CompiledStatement("COMMIT", types: []))
    /// Undoes a transaction.
    static let rollBack = Command(CompiledStatement("ROLLBACK", types: []))
}

/// What a command has returned.
struct Reply: Sendable {
    /// The rows.
    let rows: PostgresRows
    /// The command's own count of records.
    let count: Int
}

/// What an ``Exchange`` has returned.
struct Answer: Sendable {
    /// The results of the commands that are kept, as far as they came.
    var replies: [Reply] = []
    /// What the server said of the first command that failed. Those after it were not run.
    var failure: TenancyError?
    /// The position of that command.
    var failedCommand = 0

    /// The answer, if no command has failed.
    func checked() throws(TenancyError) -> Answer {
        if let failure { throw failure }
        return self
    }
}
