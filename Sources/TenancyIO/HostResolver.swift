import Foundation
package import TenancyCore

/// Looks up the addresses of hosts, each on a thread of its own, because the system's call blocks for as long as name
/// servers like to, and cannot be interrupted.
///
/// Those who ask for one name at the same time share one look-up, so that there are never more threads than names.
package final class HostResolver: Sendable {
    /// The process's own.
    package static let shared = HostResolver()

    private let lookups = Locked<[String: [ReactorWait<[String]>]]>([:])

    /// The addresses of a host in numbers, in the order in which the system prefers them; never empty.
    ///
    /// - Throws: ``TenancyError`` with code `unavailable` if the name has none, `timeout`, `cancelled` or `shutDown`.
    package func addresses(
        of host: String, on reactor: Reactor, until deadline: ContinuousClock.Instant
    ) async throws(TenancyError) -> [String] {
        if case .success(let addresses) = Self.lookUp(host, flags: AI_NUMERICHOST) { return addresses }
        let wait = ReactorWait<[String]>()
        let isFirst = lookups.withLock { lookups in
            lookups[host, default: []].append(wait)
            return lookups[host]?.count == 1
        }
        if isFirst {
            let thread = Thread { [self] in
                let result = Self.lookUp(host, flags: 0)
                for wait in lookups.withLock({ $0.removeValue(forKey: host) }) ?? [] { wait.resume(result) }
            }
            thread.name = "tenancy-resolve"
            thread.start()
        }
        return try await wait.value(on: reactor, until: deadline, late: Self.late)
    }

    private static var late: TenancyError {
        TenancyError(
            .timeout, "A host's name could not be looked up in time.",
            hint: "Check the name servers that this machine asks, or write the address instead of the name.")
    }

    /// Blocks, unless the flags say that the name is an address already.
    private static func lookUp(_ host: String, flags: Int32) -> Result<[String], TenancyError> {
        var hints = addrinfo()
        hints.ai_flags = flags
        #if canImport(Darwin)
            hints.ai_socktype = SOCK_STREAM
        #else
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        var addresses: [String] = []
        var next = code == 0 ? list : nil
        while let info = next?.pointee {
            var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let error = getnameinfo(
                info.ai_addr, info.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
            let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            let address = String(decoding: bytes, as: UTF8.self)
            if error == 0, !addresses.contains(address) { addresses.append(address) }
            next = info.ai_next
        }
        guard addresses.isEmpty else { return .success(addresses) }
        return .failure(
            TenancyError(
                .unavailable, "A host's name has no address.",
                hint: "Check the host's name, and that this machine's name servers know it.",
                details: .init(backendCode: "getaddrinfo \(code)")))
    }
}
