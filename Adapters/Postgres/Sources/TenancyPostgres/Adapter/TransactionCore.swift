import Synchronization
import TenancyCore
import TenancyIO

/// The connection of a transaction and of all that are nested in it: one exchange at a time, in the order in which the
/// callers came.
///
/// Each exchange stands under a savepoint, so that a statement that fails, or whose caller gives up, undoes itself and
/// nothing else, as on every database.
final class TransactionCore: Sendable {
    private struct State {
        var hasBegun = false
        var hasWritten = false
        /// Why the transaction as a whole can't go on.
        var cause: TenancyError?
    }

    let engine: Engine
    let session: Session
    let context: TenantContext
    private let begin: Command
    private let state = Mutex(State())
    private let turns = ResourcePool<Void>("the transaction", maximum: 1) { () throws(TenancyError) in }
    private let cursors = Atomic<Int>(0)

    private static let savepoint = Command(CompiledStatement("SAVEPOINT tenancy_statement", types: []))
    private static let release = Command(CompiledStatement("RELEASE SAVEPOINT tenancy_statement", types: []))
    private static let undo = Command(CompiledStatement("ROLLBACK TO SAVEPOINT tenancy_statement", types: []))

    init(_ engine: Engine, _ session: Session, _ options: TransactionOptions, _ context: TenantContext) {
        self.engine = engine
        self.session = session
        self.context = context
        begin = Self.begin(options)
    }

    private static func begin(_ options: TransactionOptions) -> Command {
        var level = "READ COMMITTED"
        switch options.isolation {
        case .repeatableRead?: level = "REPEATABLE READ"
        case .serializable?: level = "SERIALIZABLE"
        default: if !options.isReadOnly { return .begin }
        }
        return Command(text: "BEGIN ISOLATION LEVEL \(level)" + (options.isReadOnly ? " READ ONLY" : ""))
    }

    /// A name for a cursor that no other has.
    func cursorName() -> String { "tenancy_\(cursors.add(1, ordering: .relaxed).newValue)" }

    /// Sends commands when their turn has come. The answer may tell of a failure, which has been undone.
    ///
    /// - Parameter isProtected: Whether they stand under a savepoint of their own.
    func perform(
        _ commands: [Command], isProtected: Bool = true, in context: TenantContext,
        if isOpen: @Sendable () -> Bool
    ) async throws(TenancyError) -> Answer {
        var context = context
        // A statement may have less time than its transaction, not more.
        if let whole = self.context.deadline { context.deadline = min(context.deadline ?? whole, whole) }
        try context.checkAlive()
        try await turns.checkOut(in: context)
        var isFirst = false
        var prefix: [Command] = []
        do throws(TenancyError) {
            guard isOpen() else { throw Transaction.closed }
            if let cause = (state.withLock { $0.cause }) { throw cause }
            isFirst = state.withLock { state in
                defer { state.hasBegun = true }
                return !state.hasBegun
            }
        } catch {
            turns.checkIn(())
            throw error
        }
        if isFirst { prefix = [begin, session.binder.command(inBegun: self.context)] }
        if isProtected { prefix.append(Self.savepoint) }
        do throws(TenancyError) {
            var answer = try await session.exchange(
                prefix + commands + (isProtected ? [Self.release] : []), loss: .harmless, in: context)
            answer.failedCommand -= prefix.count
            if let failure = answer.failure { await recover(from: failure, isFirst, isProtected) }
            turns.checkIn(())
            answer.failure = answer.failure?.with { $0.tenant = context.tenant }
            return answer
        } catch {
            if session.isUnsettled {
                // The caller doesn't wait for it; who comes next does.
                engine.calls.enterBehind()
                Task { [self] in
                    await recover(from: error, isFirst, isProtected)
                    turns.checkIn(())
                    engine.calls.leave()
                }
            } else {
                note(error)
                turns.checkIn(())
            }
            throw error
        }
    }

    /// Undoes what an exchange has done. The transaction is lost if that doesn't help.
    private func recover(from error: TenancyError, _ wasFirst: Bool, _ isProtected: Bool) async {
        await session.settle(isProtected ? [Self.undo, Self.release] : [])
        let load = session.pipeline.load
        if load.isInHealthyTransaction, !load.isLost { return }
        // It was given up before it was sent.
        if wasFirst, !load.isInTransaction, !load.isLost { return state.withLock { $0.hasBegun = false } }
        note(error)
    }

    private func note(_ error: TenancyError) { state.withLock { $0.cause = $0.cause ?? error } }

    /// Undoes everything since a savepoint, whatever has become of the caller.
    func rollBack(to savepoint: String) async {
        await shielded { [self] in
            var forever = context
            forever.deadline = nil
            guard (try? await turns.checkOut(in: forever)) != nil else { return }
            await session.settle([
                Command(text: "ROLLBACK TO SAVEPOINT \(savepoint)"), Command(text: "RELEASE SAVEPOINT \(savepoint)"),
            ])
            if !session.pipeline.load.isInHealthyTransaction { note(Transaction.lost) }
            turns.checkIn(())
        }
    }

    /// Runs `body` in a task that nobody cancels; on the caller's reactor, if he runs on one.
    private func shielded<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) async -> Result {
        await Task(executorPreference: engine.reactors.current?.taskExecutor) { await body() }.value
    }

    /// Commits, or rolls back, and gives the connection back.
    func end(commits: Bool) async throws(TenancyError) {
        let outcome = await shielded { [self] () -> TenancyError? in
            var forever = context
            forever.deadline = nil
            // Whoever comes after this finds the transaction closed.
            guard (try? await turns.checkOut(in: forever)) != nil else { return Transaction.closed }
            defer {
                session.release()
                turns.checkIn(())
            }
            do throws(TenancyError) {
                if commits { try await commit() } else if !session.isUnsettled { await rollBack() }
                return nil
            } catch { return error }
        }
        if let outcome { throw outcome }
    }

    private func commit() async throws(TenancyError) {
        let (hasBegun, cause) = state.withLock { ($0.hasBegun, $0.cause) }
        if let cause { throw cause }
        guard hasBegun else { return }
        guard session.pipeline.load.isInHealthyTransaction else { throw Transaction.lost }
        do throws(TenancyError) { try await session.commit(in: context) } catch {
            noteWrite(after: error)
            throw error
        }
        noteWrite()
    }

    /// Keeps reads on the primary until the replicas have what was committed, if anything was written.
    private func noteWrite(after error: TenancyError? = nil) {
        if state.withLock({ $0.hasWritten }) { engine.replicas?.noteWrite(context.tenant, after: error) }
    }

    /// Takes notice that something is about to be written.
    func willWrite() { state.withLock { $0.hasWritten = true } }

    private func rollBack() async {
        if session.pipeline.load.isInTransaction { await session.settle([.rollBack]) }
    }
}
