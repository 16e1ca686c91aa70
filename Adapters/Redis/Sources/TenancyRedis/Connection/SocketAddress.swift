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
    /// A name is looked up on a thread of its own, because the system's call blocks for as long as name servers like
    /// to, and can't be interrupted.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` if the name has none, `timeout`, `cancelled` or `shutDown`.
    static func resolve(
        _ host: String, port: Int, on reactor: Reactor, until deadline: ContinuousClock.Instant
    ) async throws(TenancyError) -> [SocketAddress] {
        if case .success(let addresses) = lookUp(host, port, flags: AI_NUMERICHOST) { return addresses }
        let wait = ReactorWait<[SocketAddress]>()
        let thread = Thread { wait.resume(lookUp(host, port, flags: 0)) }
        thread.name = "tenancy-resolve"
        thread.start()
        return try await wait.value(
            on: reactor, until: deadline,
            late: TenancyError(
                .timeout, "The host's name could not be looked up in time.",
                hint: "Check the name servers that this machine asks, or write the address instead of the name.",
                details: .init(backendCode: "connectTimeout")))
    }

    /// Blocks, unless the flags say that the name is an address already.
    private static func lookUp(_ host: String, _ port: Int, flags: Int32) -> Result<[SocketAddress], TenancyError> {
        var hints = addrinfo()
        hints.ai_flags = flags | AI_NUMERICSERV
        #if canImport(Darwin)
            hints.ai_socktype = SOCK_STREAM
        #else
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        var addresses: [SocketAddress] = []
        var next = code == 0 ? list : nil
        while let info = next?.pointee {
            addresses.append(SocketAddress(info))
            next = info.ai_next
        }
        guard addresses.isEmpty else { return .success(addresses) }
        return .failure(
            TenancyError(
                .unavailable, "The host's name has no address.",
                hint: "Check the host's name, and that this machine's name servers know it.",
                details: .init(backendCode: "getaddrinfo \(code)")))
    }
}
