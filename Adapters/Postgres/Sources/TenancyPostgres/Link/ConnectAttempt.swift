internal import CLibpq
import Foundation
import TenancyCore
import TenancyIO

/// One try to connect to one address, step by step. It closes what it has opened unless ``link(on:for:)`` takes that
/// over, so an attempt that is abandoned in the middle leaves nothing behind.
///
/// Unchecked, because its steps follow one upon another: each is asked for when the one before has been answered, and
/// a step that nobody waits for any more is the last.
final class ConnectAttempt: @unchecked Sendable {
    /// What the attempt needs to go on.
    enum Need: Sendable {
        case readable, writable
        case nothing
        case failed(TenancyError)
    }

    /// The place that is tried.
    let host: PostgresConfiguration.Host
    private let parameters: ConnectionParameters
    private var handle: OpaquePointer?

    init(_ parameters: ConnectionParameters, host: PostgresConfiguration.Host, address: String?) {
        self.parameters = parameters.directed(to: host, address: address)
        self.host = host
    }

    deinit { if let handle { PQfinish(handle) } }

    /// The socket to wait for. Another one after each step, because libpq may begin anew without TLS.
    var socket: Int32 { PQsocket(handle) }

    /// Begins.
    func start() -> Need {
        handle = parameters.withCStrings { PQconnectStartParams($0, $1, 0) }
        guard let handle else { return .failed(TenancyError(.backendFailure, "libpq is out of memory.")) }
        // Has libpq write SQLSTATEs into its text, which has no other field for them while it connects.
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        // By default libpq prints notices, and values with them.
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        return PQstatus(handle) == CONNECTION_BAD ? .failed(failure) : .writable
    }

    /// Goes on after the socket has become what was needed.
    func advance() -> Need {
        if PQstatus(handle) == CONNECTION_STARTED, let error = socketError { return .failed(error) }
        switch PQconnectPoll(handle) {
        case PGRES_POLLING_READING: return .readable
        case PGRES_POLLING_WRITING: return .writable
        case PGRES_POLLING_OK: return .nothing
        default: return .failed(failure)
        }
    }

    /// What has become of it, once it needs nothing more.
    ///
    /// - Throws: ``TenancyError`` if the server is not one that statements can be sent to.
    func link(
        on reactor: Reactor, for purpose: ConnectionParameters.Purpose
    ) throws(TenancyError) -> PostgresLink {
        guard let handle, PQstatus(handle) == CONNECTION_OK else { throw failure }
        guard PQserverVersion(handle) >= Self.oldestVersion else {
            throw TenancyError(
                .unsupported, "The server is older than PostgreSQL 13.", hint: "Use PostgreSQL 13 or newer.")
        }
        guard parameter("client_encoding") == "UTF8" else {
            throw TenancyError(
                .invalidConfiguration, "The connection's encoding is not UTF8.",
                hint: "Use a database whose encoding can be converted to UTF8, and a pooler that lets clients set it.")
        }
        let isInHotStandby = parameter("in_hot_standby").map { $0 == "on" }
        switch (purpose, isInHotStandby) {
        case (.replica, false):
            throw TenancyError(
                .invalidConfiguration, "A server that is named as a replica is a primary.",
                hint: "Name in replicas only servers that follow the primary.")
        case (.tenants, true), (.migration, true):
            throw TenancyError(
                .readOnly, "The server is a replica, which takes no writes.",
                hint: "Name the primary in hosts, and its replicas in replicas.")
        default: break
        }
        guard PQsetnonblocking(handle, 1) == 0 else { throw failure }
        // From now on errors are results with fields, and their texts are not wanted at all.
        PQsetErrorVerbosity(handle, PQERRORS_SQLSTATE)
        self.handle = nil
        return PostgresLink(
            handle: handle, reactor: reactor, purpose: purpose, host: host, isInHotStandby: isInHotStandby)
    }

    private static let oldestVersion: Int32 = 130_000

    private func parameter(_ name: String) -> String? {
        PQparameterStatus(handle, name).map { String(cString: $0) }
    }

    private var failure: TenancyError {
        TenancyError(connecting: PQerrorMessage(handle).map { String(cString: $0) } ?? "")
    }

    /// Why the system could not connect the socket. libpq tells it as a text in the user's language only.
    private var socketError: TenancyError? {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_ERROR, &number, &length) == 0, number != 0 else { return nil }
        return TenancyError(connecting: number)
    }
}
