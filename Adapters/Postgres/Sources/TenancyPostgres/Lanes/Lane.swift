import Synchronization
import TenancyCore
import TenancyIO

/// A connection that carries the short reads of many callers at once, and is made anew when it is lost.
final class Lane: Sendable {
    private enum State {
        case opening
        case open(Pipeline)
        case lost(TenancyError)
        case closed
    }

    let reactor: Reactor
    private let source: PipelineSource
    private let state = Mutex(State.opening)
    private let reconnection = Mutex<Task<Void, Never>?>(nil)
    /// Whether a call has come while there was no connection.
    private let isMissed = Atomic<Bool>(false)

    /// The longest pause between attempts to connect, and the longest while calls come that could use it.
    private static let maximumPause = Duration.seconds(5)
    private static let missedPause = Duration.milliseconds(250)

    init(on reactor: Reactor, _ source: PipelineSource) {
        self.reactor = reactor
        self.source = source
    }

    /// Connects for the first time.
    func start() async throws(TenancyError) { try await connect() }

    /// The connection; `nil` while there is none.
    var pipeline: Pipeline? {
        state.withLock { state in
            if case .open(let pipeline) = state, !pipeline.load.isLost { pipeline } else { nil }
        }
    }

    /// Why there is no connection.
    var error: TenancyError? {
        state.withLock { state in
            switch state {
            case .lost(let error): error
            case .closed: TenancyError(.shutDown, "The database is shut down.")
            case .opening, .open: nil
            }
        }
    }

    /// Has the lane look for the server sooner, because a call could use it.
    func miss() { isMissed.store(true, ordering: .relaxed) }

    /// Ends the connection, and attempts to make another.
    func close() async {
        let pipeline = state.withLock { state -> Pipeline? in
            defer { state = .closed }
            if case .open(let pipeline) = state { return pipeline }
            return nil
        }
        let task = reconnection.withLock { $0.take() }
        task?.cancel()
        await task?.value
        if let pipeline { await source.close(pipeline) }
    }

    private func connect() async throws(TenancyError) {
        let pipeline = try await source.open(on: reactor)
        let isWanted = state.withLock { state in
            if case .closed = state { return false }
            state = .open(pipeline)
            return true
        }
        guard isWanted else { return await source.close(pipeline) }
        await pipeline.onLoss { [weak self] error in self?.lost(pipeline, error) }
    }

    private func lost(_ pipeline: Pipeline, _ error: TenancyError) {
        let isWanted = state.withLock { state in
            guard case .open(let current) = state, current === pipeline else { return false }
            state = .lost(error)
            return true
        }
        guard isWanted else { return }
        // What holds the task is the lane, which the task must not keep from going away.
        let task = Task { [weak self, reactor] in
            var backoff = Backoff(minimum: .milliseconds(20), maximum: Self.maximumPause)
            while !Task.isCancelled {
                do throws(TenancyError) {
                    try await self?.connect()
                    return
                } catch {
                    self?.note(error)
                    let end = ContinuousClock.now + backoff.next()
                    repeat {
                        let step = ContinuousClock.now + Self.missedPause * Double.random(in: 0.5...1)
                        try? await reactor.sleep(until: min(end, step))
                    } while ContinuousClock.now < end && !Task.isCancelled && self?.takeMissed() == false
                }
            }
        }
        reconnection.withLock { $0 = task }
        // Closed since the state was set, by somebody who has found no task to end.
        if case .closed = state.withLock(\.self) { task.cancel() }
    }

    private func takeMissed() -> Bool { isMissed.exchange(false, ordering: .relaxed) }

    private func note(_ error: TenancyError) {
        state.withLock { state in
            if case .lost = state { state = .lost(error) }
        }
    }
}
