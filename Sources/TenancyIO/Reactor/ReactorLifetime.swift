internal import CTenancyIO
import Synchronization
import TenancyCore

/// The thread of a reactor from its start to its end.
final class ReactorLifetime: Sendable {
    private enum Phase {
        case notStarted
        case running(tenancy_thread, [UnsafeContinuation<Void, Never>])
        case ended(tenancy_thread)
        case joined
    }

    /// What a new thread is handed, and takes over.
    private final class Start {
        let reactor: Reactor
        let body: (Reactor) -> Void
        init(_ reactor: Reactor, _ body: @escaping (Reactor) -> Void) {
            self.reactor = reactor
            self.body = body
        }
    }

    private let phase = Locked(Phase.notStarted)
    private let stopFlag = Atomic<Bool>(false)

    // Nobody has waited for the end; this may be the thread itself, which was the last to hold the reactor.
    deinit {
        if case .ended(let thread) = phase.withLock(\.self) { tenancy_thread_detach(thread) }
    }

    var isStopping: Bool { stopFlag.load(ordering: .acquiring) }

    func requestStop() { stopFlag.store(true, ordering: .releasing) }

    func start(_ name: String, _ reactor: Reactor, _ body: @escaping @Sendable (Reactor) -> Void) throws(TenancyError) {
        // Under the lock, so that a thread that ends at once finds itself recorded.
        let error = phase.withLock { phase in
            let (thread, error) = Self.spawn(name, reactor, isDetached: false) { [self] in
                body($0)
                end()
            }
            if error == 0 { phase = .running(thread, []) }
            return error
        }
        guard error == 0 else {
            throw TenancyError(
                .backendFailure, "The system could not start the thread '\(name)'.",
                hint: "Check the limits on threads and memory.", details: .init(backendCode: "errno \(error)"))
        }
    }

    /// Starts a thread for what came after the end; on this one, if the system has none left.
    func startLate(_ name: String, _ reactor: Reactor, _ body: @escaping @Sendable (Reactor) -> Void) {
        if Self.spawn(name, reactor, isDetached: true, body).error != 0 { body(reactor) }
    }

    /// Returns when the thread has ended.
    func ended() async {
        await withUnsafeContinuation { continuation in
            let hasEnded = phase.withLock { phase in
                guard case .running(let thread, let waiting) = phase else { return true }
                phase = .running(thread, waiting + [continuation])
                return false
            }
            if hasEnded { continuation.resume() }
        }
        let thread = phase.withLock { phase -> tenancy_thread? in
            guard case .ended(let thread) = phase else { return nil }
            phase = .joined
            return thread
        }
        // It has nothing left to do but to return: this takes microseconds.
        if let thread { tenancy_thread_join(thread) }
    }

    private func end() {
        let waiting = phase.withLock { phase -> [UnsafeContinuation<Void, Never>] in
            guard case .running(let thread, let waiting) = phase else { return [] }
            phase = .ended(thread)
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private static func spawn(
        _ name: String, _ reactor: Reactor, isDetached: Bool, _ body: @escaping (Reactor) -> Void
    ) -> (thread: tenancy_thread, error: Int32) {
        let start = Unmanaged.passRetained(Start(reactor, body))
        var thread = tenancy_thread()
        let error = tenancy_thread_start(
            &thread, name, isDetached,
            { pointer in
                guard let pointer else { return }
                let start = Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue()
                start.body(start.reactor)
            }, start.toOpaque())
        if error != 0 { start.release() }
        return (thread, error)
    }
}
