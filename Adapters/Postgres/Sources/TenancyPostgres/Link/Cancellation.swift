internal import CLibpq
import Synchronization
import TenancyCore
import TenancyIO

/// What the server wants to see before it stops a connection's statement.
///
/// Unchecked, because libpq's object never changes, and is freed when nobody holds it.
final class CancelKey: @unchecked Sendable {
    private let key: OpaquePointer

    init(_ key: OpaquePointer) { self.key = key }

    deinit { PQfreeCancel(key) }

    /// Connects, asks, and waits until the server has taken note. Blocks.
    fileprivate func send() -> Bool {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            PQcancel(key, buffer.baseAddress, Int32(buffer.count)) == 1
        }
    }
}

/// Stops statements that run on the server.
///
/// libpq blocks while it does so, for as long as a server that doesn't answer has it wait, so that this happens on a few
/// threads of its own.
final class Cancellation: Sendable {
    /// What came of a request to stop a statement.
    enum Outcome: Sendable {
        /// The server's process was told. The statement ends soon, with an error or, if it was faster, as usual; both
        /// are still to be read.
        case sent
        /// Nothing was sent, and nothing will be: the statement goes on.
        case notSent
        /// It is not known whether it was sent, or will be. The connection must be closed: the request could stop a
        /// later statement on it.
        case unknown
    }

    private struct Worker {
        let thread: ThreadExecutor
        let load = Counter()
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    private let workers: [Worker]

    /// - Parameter threads: How many requests can be under way together.
    init(threads: Int = 4) {
        workers = (0..<max(1, threads)).map { Worker(thread: ThreadExecutor(name: "tenancy-cancel-\($0)")) }
    }

    deinit { for worker in workers { worker.thread.stop() } }

    /// Asks the server to stop the statement that runs on a link, and waits until it has taken note.
    ///
    /// The link must not be given another statement before this returns. A cancelled task is served all the same: its
    /// cancellation is what usually leads here.
    func cancel(_ link: PostgresLink, until deadline: ContinuousClock.Instant) async -> Outcome {
        guard let key = link.cancelKey, deadline > ContinuousClock.now else { return .notSent }
        let request = Request()
        let wait = ReactorWait<Bool>()
        let timer: ReactorTimer
        do throws(TenancyError) {
            timer = try link.reactor.schedule(at: deadline) { wait.resume(.failure(Self.late)) }
        } catch { return .notSent }
        defer { link.reactor.cancel(timer) }
        let worker = workers.min { $0.load.value.load(ordering: .relaxed) < $1.load.value.load(ordering: .relaxed) }
        guard let worker else { return .notSent }
        worker.load.value.add(1, ordering: .relaxed)
        worker.thread.execute {
            // Whoever waits no longer may have given the connection away.
            if request.begin() { wait.resume(.success(key.send())) }
            worker.load.value.subtract(1, ordering: .relaxed)
        }
        // A task of its own, which is not cancelled when the caller is.
        let answer = await Task { () -> Bool? in
            do throws(TenancyError) { return try await wait.value() } catch { return nil }
        }.value
        switch answer {
        case true?: return .sent
        case false?: return .notSent
        case nil: return request.giveUp() ? .notSent : .unknown
        }
    }

    private static var late: TenancyError { TenancyError(.timeout, "The server did not take note in time.") }

    /// Begun by the thread or given up by the caller, whichever comes first.
    private final class Request: Sendable {
        private let isDecided = Atomic<Bool>(false)

        func begin() -> Bool { !isDecided.exchange(true, ordering: .acquiringAndReleasing) }
        func giveUp() -> Bool { !isDecided.exchange(true, ordering: .acquiringAndReleasing) }
    }
}
