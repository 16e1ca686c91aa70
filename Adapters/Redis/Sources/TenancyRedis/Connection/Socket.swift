import Foundation
import TenancyCore

/// A non-blocking TCP socket.
struct Socket {
    /// The descriptor.
    let descriptor: Int32

    /// Opens a socket and begins to connect it; it is writable when that has ended.
    ///
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/unavailable`` if the system refuses at once.
    init(
        connectingTo address: SocketAddress, keepalives: RedisConfiguration.Keepalives
    ) throws(TenancyError) {
        let descriptor = socket(address.family, Self.stream, 0)
        guard descriptor >= 0 else { throw TenancyError(connecting: errno) }
        self.descriptor = descriptor
        let result = configure(keepalives) ? address.withPointer { connect(descriptor, $0, $1) } : -1
        guard result == 0 || errno == EINPROGRESS else {
            let error = errno
            Foundation.close(descriptor)
            throw TenancyError(connecting: error)
        }
    }

    /// Why the socket failed; 0 if it did not. Asking forgets it.
    var takenError: Int32 {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length) == 0 ? number : errno
    }

    /// What a transfer came to.
    enum Transfer {
        case moved(Int)
        /// Nothing can be moved now.
        case wouldBlock
        /// The peer has closed, or the socket failed with a number that is not 0.
        case ended(Int32)
    }

    /// Sends as much as goes at once. A peer that is gone is an error and no signal.
    func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
        while true {
            let count = Foundation.send(descriptor, bytes.baseAddress, bytes.count, Self.sendFlags)
            if count >= 0 { return .moved(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK: return .wouldBlock
            default: return .ended(errno)
            }
        }
    }

    /// Receives what is there, as far as it fits.
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended(0) }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK: return .wouldBlock
            default: return .ended(errno)
            }
        }
    }

    func close() { Foundation.close(descriptor) }

    private func configure(_ keepalives: RedisConfiguration.Keepalives) -> Bool {
        guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { return false }
        // Everything of a turn goes out in one write, so there is nothing for the system to gather.
        set(Self.tcp, TCP_NODELAY, 1)
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
        let idle = Int32(clamping: keepalives.idle.components.seconds)
        #if canImport(Darwin)
            set(SOL_SOCKET, SO_NOSIGPIPE, 1)
            set(Self.tcp, TCP_KEEPALIVE, idle)
        #else
            set(Self.tcp, TCP_KEEPIDLE, idle)
        #endif
        set(Self.tcp, TCP_KEEPINTVL, Int32(clamping: keepalives.interval.components.seconds))
        set(Self.tcp, TCP_KEEPCNT, Int32(clamping: keepalives.count))
        return true
    }

    /// Sets an option; a system that refuses one of these serves all the same.
    private func set(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    #if canImport(Darwin)
        private static let stream = SOCK_STREAM
        private static let sendFlags: Int32 = 0
    #else
        private static let stream = Int32(SOCK_STREAM.rawValue)
        private static let sendFlags = Int32(MSG_NOSIGNAL)
    #endif
    private static let tcp = Int32(IPPROTO_TCP)
}

extension TenancyError {
    /// The error of a socket that could not be connected, or was lost.
    init(connecting number: Int32) {
        let details = Details(backendCode: "errno \(number)")
        switch number {
        case 0: self.init(.unavailable, "The server closed the connection.")
        case ECONNREFUSED:
            self.init(
                .unavailable, "The host refused the connection: no server listens on the port.",
                hint: "Check the port, and that the server runs and listens on this address.", details: details)
        case EHOSTUNREACH, ENETUNREACH, ENETDOWN:
            self.init(
                .unavailable, "There is no way to the host.", hint: "Check the address, routes and firewalls.",
                details: details)
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            self.init(
                .unavailable, "The system has no more sockets.", hint: "Check the limits on open files and memory.",
                details: details)
        default: self.init(.unavailable, "The connection to the server was lost.", details: details)
        }
    }
}
