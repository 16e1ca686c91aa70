extension PostgresConfiguration {
    /// How a connection is protected, by libpq's names.
    public struct TLS: Sendable, Hashable {
        enum Mode: String, Sendable {
            case disable, prefer, require
            case verifyAuthority = "verify-ca"
            case verifyFull = "verify-full"
        }

        let mode: Mode
        let authorityFile: String?

        init(_ mode: Mode, authorityFile: String? = nil) {
            self.mode = mode
            self.authorityFile = authorityFile
        }

        /// No TLS.
        public static let disable = TLS(.disable)
        /// TLS if the server offers it, without checking whom it belongs to.
        public static let prefer = TLS(.prefer)
        /// TLS, without checking whom the server belongs to: safe from listeners, not from impostors.
        public static let require = TLS(.require)

        /// TLS with a certificate that an authority signed.
        ///
        /// - Parameter authorityFile: The authorities' certificates (PEM); `nil` for `~/.postgresql/root.crt`.
        public static func verifyAuthority(authorityFile: String? = nil) -> TLS {
            TLS(.verifyAuthority, authorityFile: authorityFile)
        }

        /// TLS with a certificate that an authority signed for the host's name.
        ///
        /// - Parameter authorityFile: The authorities' certificates (PEM); `nil` for `~/.postgresql/root.crt`.
        public static func verifyFull(authorityFile: String? = nil) -> TLS {
            TLS(.verifyFull, authorityFile: authorityFile)
        }
    }
}
