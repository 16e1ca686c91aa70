import Foundation
import TenancyCore

extension TenancyError {
    /// The error of an attempt to connect that failed.
    ///
    /// - Parameter message: libpq's text with every detail, of which nothing is kept but the SQLSTATE.
    init(connecting message: String) {
        guard let state = Self.state(in: message) else {
            if message.contains("session is read-only") {
                self.init(
                    .unavailable, "The host takes no writes.",
                    hint: "Name the primary among the hosts; during a failover, repeat in a moment.")
            } else if let number = Self.systemErrors.first(where: { message.contains(String(cString: strerror($0))) }) {
                self.init(connecting: number)
            } else {
                self.init(connection: message)
            }
            return
        }
        switch state {
        // PgBouncer reports nearly everything as a violation of the protocol.
        case "08P01" where message.contains("no such database"), "08P01" where message.contains("database \""):
            self.init(ServerReport(state: "3D000"))
        case "08P01" where message.contains("no such user"), "08P01" where message.contains("authentication failed"):
            self.init(ServerReport(state: "28P01"))
        case "08P01" where message.contains("no more connections allowed"): self.init(ServerReport(state: "53300"))
        case "08P01" where message.contains("unsupported startup parameter"):
            self.init(
                .invalidConfiguration, "A pooler refused a setting of the session.",
                hint: "Set pooling to .transaction, or have the pooler ignore the startup parameter 'options'.",
                details: .init(backendCode: state))
        default: self.init(ServerReport(state: state))
        }
    }

    /// The error of a socket that the system could not connect.
    init(connecting number: Int32) {
        let details = Details(backendCode: "errno \(number)")
        switch number {
        case ECONNREFUSED:
            self.init(
                .unavailable, "The host refused the connection: no server listens on the port.",
                hint: "Check the port, that the server runs, and its listen_addresses.", details: details)
        case ENOENT:
            self.init(
                .unavailable, "There is no server's socket in the directory.",
                hint: "Check the directory and the port, and the server's unix_socket_directories.", details: details)
        case EACCES:
            self.init(
                .unavailable, "The system does not let this process connect.",
                hint: "Check the rights on the socket, and the machine's rules for connections.", details: details)
        case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN:
            self.init(
                .unavailable, "There is no way to the host.", hint: "Check the address, routes and firewalls.",
                details: details)
        case ETIMEDOUT:
            self.init(
                .unavailable, "The host did not answer.", hint: "Check the address, routes and firewalls.",
                details: details)
        default: self.init(.unavailable, "The system could not connect to the host.", details: details)
        }
    }

    private static let systemErrors = [
        ECONNREFUSED, ENOENT, EACCES, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN, ETIMEDOUT,
    ]

    /// The last SQLSTATE in a text of the form `…FATAL:  28P01: password…`; the words around it may be in any language.
    private static func state(in message: String) -> String? {
        for line in message.split(separator: "\n").reversed() {
            let parts = line.split(separator: ":").map { $0.trimmingCharacters(in: .whitespaces) }
            for (part, next) in zip(parts, parts.dropFirst()) where isState(next) && !part.isEmpty { return next }
        }
        return nil
    }

    private static func isState(_ text: String) -> Bool {
        text.utf8.count == 5
            && text.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) }
            && text.utf8.contains { (48...57).contains($0) }
    }
}
