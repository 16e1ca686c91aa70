internal import COpenSSL
import Foundation
import TenancyCore

/// What the TLS connections to one server have in common: whom they trust.
///
/// Unchecked, because OpenSSL's context counts its references atomically and is not changed after it was made.
final class TLSContext: @unchecked Sendable {
    private let context: OpaquePointer
    private let serverName: String?

    /// Reads the authorities' certificates, which blocks for as long as the file system does.
    ///
    /// - Returns: `nil` without TLS.
    /// - Throws: ``TenancyError`` with ``TenancyError/Code/invalidConfiguration``.
    init?(_ configuration: RedisConfiguration) throws(TenancyError) {
        guard configuration.tls.mode == .verify else { return nil }
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw TenancyError(.backendFailure, "OpenSSL could not be set up.")
        }
        self.context = context
        serverName = configuration.tls.serverName
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        let trusts: Int32
        if let file = configuration.tls.authorityFile {
            trusts = SSL_CTX_load_verify_locations(context, file, nil)
        } else {
            trusts = SSL_CTX_set_default_verify_paths(context)
        }
        let isReady = trusts == 1 && tenancy_ssl_require_tls12(context) == 1
        ERR_clear_error()
        guard isReady else {
            throw TenancyError(
                .invalidConfiguration, "Redis: The authorities' certificates could not be read.",
                hint: "Check the file that tls.authorityFile names: certificates in PEM form.")
        }
    }

    deinit { SSL_CTX_free(context) }

    /// A new connection's side of the protocol, which checks that the certificate is for the server's name or address.
    ///
    /// - Parameter host: Whose certificate it is to be, unless the configuration names another.
    func makeStream(to host: String) throws(TenancyError) -> TLSStream {
        let serverName = serverName ?? host
        guard let ssl = SSL_new(context) else { throw TenancyError(.backendFailure, "OpenSSL is out of memory.") }
        let isAddress = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1
        if !isAddress {
            guard SSL_set1_host(ssl, serverName) == 1, tenancy_ssl_set_server_name(ssl, serverName) == 1 else {
                SSL_free(ssl)
                throw TenancyError(.invalidConfiguration, "Redis: The TLS server's name is no name of a host.")
            }
        }
        ERR_clear_error()
        return try TLSStream(owning: ssl)
    }
}
