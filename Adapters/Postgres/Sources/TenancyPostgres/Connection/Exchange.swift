import Synchronization
import TenancyCore
import TenancyIO

/// Commands that are sent together: one round trip, and outside of `BEGIN` one transaction, which short reads share
/// with others (decision 0015). If one fails, the server skips the rest of the exchange and nothing of the next one that
/// shares no transaction with it.
final class Exchange: Sendable {
    /// What it means that the connection was lost before the answer came.
    enum Loss: Sendable {
        /// Nothing but the answer is lost.
        case harmless
        /// The commands may have taken effect.
        case uncertain
    }

    let commands: [Command]
    let loss: Loss
    /// Whether the commands may be sent once more after one that was prepared turned out not to be, or no longer to
    /// fit its table: only where a failure undoes all of them.
    let isRepeatable: Bool

    /// Whether the caller asks again elsewhere if what goes before on the connection holds it up.
    let isMovable: Bool
    /// Of a short read, its table: it may share a transaction on the server with other reads of the same one.
    private let sharedTable: TablePlan?

    /// The answer, for the caller, who may give up waiting for it.
    let answer = ReactorWait<Answer>()
    /// Told when nothing more of the exchange will come, for whoever wants to use the connection after a caller that
    /// gave up.
    private let end = Mutex(End())

    private struct End {
        var result: Result<Answer, TenancyError>?
        var wait: ReactorWait<Void>?
    }

    private let hasRepeated = Atomic<Bool>(false)
    private let hasMoved = Atomic<Bool>(false)
    private let isAlone = Atomic<Bool>(false)

    init(
        _ commands: [Command], loss: Loss, isRepeatable: Bool = false, isMovable: Bool = false,
        sharing sharedTable: TablePlan? = nil
    ) {
        self.commands = commands
        self.loss = loss
        self.isRepeatable = isRepeatable
        self.isMovable = isMovable
        self.sharedTable = sharedTable
    }

    /// The table whose other reads it may share a transaction with; `nil` if it shares with none.
    var shareableTable: TablePlan? { isAlone.load(ordering: .relaxed) ? nil : sharedTable }

    /// Has it share no transaction when it is sent again, because another's failure has ended the one it shared.
    func standAlone() { isAlone.store(true, ordering: .relaxed) }

    /// Whether the answer is only that it won't come in time from here.
    var isHeldUp: Bool { hasMoved.load(ordering: .acquiring) }

    /// Sends the caller elsewhere, if he would go and still waits.
    func holdUp() {
        guard isMovable, !answer.hasEnded else { return }
        hasMoved.store(true, ordering: .releasing)
        answer.resume(.failure(TenancyError(.unavailable, "The connection is held up.")))
    }

    /// Whether the answer has come, or never will, so that the connection is done with it.
    var isOver: Bool { end.withLock { $0.result != nil } }

    /// What has become of it, also for a caller that gave up; `nil` as long as that is not known. An answer without
    /// replies is all that is kept where they could not matter.
    var outcome: Result<Answer, TenancyError>? { end.withLock { $0.result } }

    /// Whether replies are of no use to anybody any more.
    var isForgotten: Bool { loss == .harmless && answer.hasEnded }

    /// Waits until the connection is done with the exchange, whether or not the calling task is cancelled. Called by one
    /// at a time.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/timeout``.
    func over(on reactor: Reactor, until deadline: ContinuousClock.Instant) async throws(TenancyError) {
        let wait = ReactorWait<Void>()
        let isOver = end.withLock { state in
            if state.result == nil { state.wait = wait }
            return state.result != nil
        }
        if isOver { return }
        try await wait.valueInSpiteOfCancellation(on: reactor, until: deadline, late: Self.undrained)
    }

    /// Whether the exchange is to be sent once more. True once, and only if somebody waits.
    func repeats() -> Bool {
        isRepeatable && !answer.hasEnded && !hasRepeated.exchange(true, ordering: .relaxed)
    }

    /// Hands the result to the caller, if he still waits.
    func finish(_ result: Result<Answer, TenancyError>) {
        let wait = end.withLock { state in
            state.result = result
            return state.wait.take()
        }
        answer.resume(result)
        wait?.resume(.success(()))
    }

    private static var undrained: TenancyError {
        TenancyError(.timeout, "The server did not end a statement that was cancelled.")
    }
}
