internal import CLibpq
import Synchronization
import TenancyCore
import TenancyIO

/// A connection that is logged in, non-blocking, and lives on one reactor. It is not in pipeline mode.
///
/// Unchecked, because libpq's handle is used on the reactor only, and before that by the one thread that connects;
/// ``close()`` frees it there, once.
final class PostgresLink: @unchecked Sendable {
    /// libpq's connection. Used on the reactor only, and never after ``close()``.
    let handle: OpaquePointer
    /// Where the connection lives.
    let reactor: Reactor
    /// The connection's file descriptor, which stays the same for as long as the connection lives.
    let socket: Int32
    /// Whom the connection was made for.
    let purpose: ConnectionParameters.Purpose
    /// The place that answered, of those that were configured.
    let host: PostgresConfiguration.Host
    /// The number of the server's process, by which an administrator knows the connection.
    let processID: Int32
    /// The server's version as libpq counts: 150_004 for 15.4.
    let serverVersion: Int32
    /// Whether the server was replaying a primary's log when the connection was made; `nil` if it did not say, as
    /// poolers and servers before version 14 don't.
    let isInHotStandby: Bool?
    /// What stops the statement that runs here.
    let cancelKey: CancelKey?

    private let isClosedFlag = Atomic<Bool>(false)
    /// Used on the reactor only.
    private var source: ReactorSource?

    init(
        handle: OpaquePointer, reactor: Reactor, purpose: ConnectionParameters.Purpose,
        host: PostgresConfiguration.Host, isInHotStandby: Bool?
    ) {
        self.handle = handle
        self.reactor = reactor
        self.purpose = purpose
        self.host = host
        self.isInHotStandby = isInHotStandby
        socket = PQsocket(handle)
        processID = PQbackendPID(handle)
        serverVersion = PQserverVersion(handle)
        cancelKey = PQgetCancel(handle).map(CancelKey.init)
    }

    deinit {
        // Nobody holds the link, so that nobody uses the handle; a source that is watched holds it.
        if !isClosedFlag.load(ordering: .acquiring) { PQfinish(handle) }
    }

    /// Whether ``close()`` was called.
    var isClosed: Bool { isClosedFlag.load(ordering: .acquiring) }

    /// Watches the socket until the link is closed, which cancels the source before the socket is. Called on the
    /// reactor, once.
    ///
    /// - Parameter handler: Called on the reactor. It and the link hold each other until the link is closed.
    /// - Throws: What ``Reactor/register(_:watching:_:)`` does.
    func watch(
        _ interest: ReactorEvents, _ handler: @escaping (ReactorEvents) -> Void
    ) throws(TenancyError) -> ReactorSource {
        guard !isClosed else { throw TenancyError(.unavailable, "The connection is closed.") }
        let source = try reactor.register(socket, watching: interest) { [self] events in
            withExtendedLifetime(self) { handler(events) }
        }
        self.source = source
        return source
    }

    /// Ends the connection, telling the server. From any thread, any number of times; the first counts. The handle is
    /// freed on the reactor, at once if the caller runs there.
    func close() {
        guard !isClosedFlag.exchange(true, ordering: .acquiringAndReleasing) else { return }
        if reactor.isCurrent { finish() } else { reactor.execute { [self] in finish() } }
    }

    /// Ends the connection and returns when the handle is freed.
    func closed() async {
        close()
        guard !reactor.isCurrent else { return }
        // Comes after what `close` gave to the reactor.
        await withUnsafeContinuation { continuation in reactor.execute { continuation.resume() } }
    }

    private func finish() {
        source?.cancel()
        source = nil
        PQfinish(handle)
    }
}
