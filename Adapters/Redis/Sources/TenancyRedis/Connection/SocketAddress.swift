import Foundation
import TenancyCore
import TenancyIO

/// Where a socket connects to: an address in numbers and a port.
struct SocketAddress: Sendable {
    let family: Int32
    private let bytes: [UInt8]

    private init(_ info: addrinfo) {
        family = info.ai_family
        bytes = Array(UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen)))
    }

    /// Lends the address as the system takes it.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result) -> Result {
        bytes.withUnsafeBytes { bytes in
            body(bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }

    /// The addresses of a host, in the order in which the system prefers them; never empty.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` if the name has none, `timeout`, `cancelled` or `shutDown`.
    static func resolve(
        _ host: String, port: Int, on reactor: Reactor, until deadline: ContinuousClock.Instant
    ) async throws(TenancyError) -> [SocketAddress] {
        let numbers = try await HostResolver.shared.addresses(of: host, on: reactor, until: deadline)
        let addresses = numbers.compactMap { SocketAddress($0, port: port) }
        guard !addresses.isEmpty else {
            throw TenancyError(.unavailable, "A host's address is of a kind that this machine doesn't know.")
        }
        return addresses
    }

    /// An address in numbers, which is not looked up.
    private init?(_ address: String, port: Int) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        #if canImport(Darwin)
            hints.ai_socktype = SOCK_STREAM
        #else
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, String(port), &hints, &list) == 0 else { return nil }
        defer { if let list { freeaddrinfo(list) } }
        guard let info = list?.pointee else { return nil }
        self.init(info)
    }
}
