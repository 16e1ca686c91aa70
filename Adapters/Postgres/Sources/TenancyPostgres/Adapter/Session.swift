import Synchronization
import TenancyCore
import TenancyIO

/// A connection that one caller has for himself, until he gives it back.
///
/// A call that gives up waiting leaves its statement behind; ``settle(_:)`` stops that on the server. Until then
/// nothing else may be sent.
final class Session: Sendable {
    private let engine: Engine
    private let lease: Engine.Pool.Lease
    private let unfinished = Mutex<Exchange?>(nil)
    private let isReleased = Atomic<Bool>(false)

    /// How long the server may take to stop a statement, and to undo a transaction.
    private static let settleTime = Duration.seconds(5)
    private static let commitTime = Duration.seconds(2)

    var pipeline: Pipeline { lease.connection }
    var binder: Binder { engine.binder }

    init(_ engine: Engine, _ lease: Engine.Pool.Lease) {
        self.engine = engine
        self.lease = lease
    }

    /// Sends commands and waits for their answer, which may tell of a failure.
    ///
    /// - Throws: ``TenancyError`` with code `timeout`, `cancelled`, `unavailable` or `outcomeUnknown`.
    func exchange(
        _ commands: [Command], loss: Exchange.Loss, isRepeatable: Bool = false, in context: TenantContext
    ) async throws(TenancyError) -> Answer {
        let exchange = Exchange(commands, loss: loss, isRepeatable: isRepeatable)
        pipeline.submit(exchange)
        do throws(TenancyError) {
            return try await exchange.answer.value(
                on: pipeline.reactor, until: context.deadline, late: Engine.late(context))
        } catch {
            if !exchange.isOver { unfinished.withLock { $0 = exchange } }
            if loss == .uncertain { return try await outcome(of: exchange, insteadOf: error, in: context) }
            throw error.with { $0.tenant = context.tenant }
        }
    }

    /// What has become of an exchange whose caller has given up, once it was stopped: it may have been done before that.
    private func outcome(
        of exchange: Exchange, insteadOf error: TenancyError, in context: TenantContext
    ) async throws(TenancyError) -> Answer {
        await settle([])
        switch exchange.outcome {
        case .success(let answer)? where answer.failure == nil: return answer
        case .failure(let failure)? where failure.code == .outcomeUnknown:
            throw failure.with { $0.tenant = context.tenant }
        case nil: throw TenancyError.outcomeUnknown(error).with { $0.tenant = context.tenant }
        default: throw error.with { $0.tenant = context.tenant }
        }
    }

    /// Makes the changes of the open transaction last. Once it is sent it is waited for, cancelled or not, for at least
    /// ``commitTime``, because nothing is worse to know than that it may have happened.
    func commit(in context: TenantContext) async throws(TenancyError) {
        let exchange = Exchange([.commit], loss: .uncertain)
        let patience = ContinuousClock.now + Self.commitTime
        let end = context.deadline.map { max($0, patience) } ?? ContinuousClock.now + .seconds(60)
        pipeline.submit(exchange)
        guard await isOver(exchange, until: end) else {
            // Not cancelled on the server: it may be a moment from its end.
            pipeline.close()
            throw TenancyError.outcomeUnknown(Engine.late(context))
        }
        do throws(TenancyError) { _ = try await exchange.answer.value().checked() } catch {
            throw error.with { $0.tenant = context.tenant }
        }
    }

    /// Whether something was left behind that runs on the server, or may.
    var isUnsettled: Bool { unfinished.withLock { $0 != nil } }

    /// Stops what was left behind and carries commands out that make up for it. It takes no notice of the caller's
    /// cancellation. If it can't be done in time, the connection is closed.
    func settle(_ recovery: [Command]) async {
        let end = ContinuousClock.now + Self.settleTime
        if let exchange = unfinished.withLock({ $0.take() }) {
            if !exchange.isOver {
                let outcome = await engine.cancellation.cancel(pipeline.link, until: end)
                if case .unknown = outcome { return pipeline.close() }
            }
            guard await isOver(exchange, until: end) else { return pipeline.close() }
        }
        if recovery.isEmpty || pipeline.load.isLost { return }
        let exchange = Exchange(recovery, loss: .harmless)
        pipeline.submit(exchange)
        guard await isOver(exchange, until: end) else { return pipeline.close() }
    }

    /// Waits for the end of an exchange, whether or not the calling task is cancelled.
    private func isOver(_ exchange: Exchange, until end: ContinuousClock.Instant) async -> Bool {
        if exchange.isOver { return true }
        do throws(TenancyError) {
            try await exchange.over(on: pipeline.reactor, until: end)
            return true
        } catch {
            return false
        }
    }

    /// Gives the connection back, after whatever was left on it has been ended. Returns at once.
    func release() {
        guard !isReleased.exchange(true, ordering: .acquiringAndReleasing) else { return }
        if !isUnsettled, pipeline.load.isIdle || pipeline.load.isLost { return giveBack() }
        engine.calls.enterBehind()
        Task(executorPreference: pipeline.reactor.taskExecutor) { [self] in
            await settle([])
            if !pipeline.load.isLost, pipeline.load.isInTransaction { await settle([.rollBack]) }
            giveBack()
            engine.calls.leave()
        }
    }

    private func giveBack() { engine.pool.release(lease, isBroken: !pipeline.load.isIdle) }
}
