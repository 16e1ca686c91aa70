import Foundation
import Synchronization
import TenancyIO

/// The threads on which connections are used.
///
/// One shared file has a thread for each of its connections, which is the fastest. Hundreds of tenants' files would have
/// hundreds of threads, so there a few threads read points for all files, and a pool serves everything else. Point
/// reads are short, so that sharing a thread costs little; a long query holds one of the pool's threads, of which there
/// are more than one tenant can have connections busy with queries.
final class ConnectionThreads: Sendable {
    private enum Kind {
        case own
        case shared([ThreadExecutor], ThreadPool)
    }

    private let kind: Kind
    private let next = Atomic<Int>(0)

    init(_ configuration: SQLiteConfiguration) {
        guard configuration.model == .filePerTenant else {
            kind = .own
            return
        }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        kind = .shared(
            (0..<min(4, max(2, cores))).map { _ in ThreadExecutor(name: Connection.Role.pointReader.threadName) },
            ThreadPool(name: "sqlite-work", maximum: max(8, 2 * cores, configuration.maximumReaders + 4)))
    }

    /// An executor for a new connection.
    func executor(for role: Connection.Role) -> any ConnectionExecutor {
        switch kind {
        case .own: return ThreadExecutor(name: role.threadName)
        case .shared(let threads, let pool):
            guard role == .pointReader else { return PooledExecutor(pool) }
            return threads[(next.wrappingAdd(1, ordering: .relaxed).oldValue & .max) % threads.count]
        }
    }

    /// Ends the thread of a connection that is closed, if it had one of its own.
    func release(_ executor: any ConnectionExecutor) {
        if case .own = kind { (executor as? ThreadExecutor)?.stop() }
    }

    /// Runs work that blocks, such as calls of the file system.
    func run<Output: Sendable>(_ work: @escaping @Sendable () -> Output) async -> Output {
        if case .shared(_, let pool) = kind { return await pool.run(work) }
        let thread = ThreadExecutor(name: "sqlite-files")
        defer { thread.stop() }
        return await withUnsafeContinuation { continuation in
            thread.execute { continuation.resume(returning: work()) }
        }
    }

    /// How many threads there are for all files; `nil` if each connection has its own.
    var sharedCount: Int? {
        guard case .shared(let threads, let pool) = kind else { return nil }
        return threads.count + pool.count
    }

    /// Ends the shared threads once they have nothing left to do.
    func stop() {
        guard case .shared(let threads, let pool) = kind else { return }
        for thread in threads { thread.stop() }
        pool.stop()
    }
}
