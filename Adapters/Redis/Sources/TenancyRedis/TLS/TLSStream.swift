internal import COpenSSL
import TenancyCore

/// One connection's side of TLS, between bytes in memory: whoever has it moves them to and from a socket.
///
/// Unchecked, because it is made by the task that connects and used on the reactor only.
final class TLSStream: @unchecked Sendable {
    private let ssl: OpaquePointer
    /// What came from the peer and was not decrypted yet.
    private let incoming: OpaquePointer
    /// What is to go to the peer.
    private let outgoing: OpaquePointer
    private var isEstablished = false
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)

    /// - Parameter ssl: Belongs to the stream from now on.
    init(owning ssl: OpaquePointer) throws(TenancyError) {
        guard let incoming = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw TenancyError(.backendFailure, "OpenSSL is out of memory.")
        }
        guard let outgoing = BIO_new(BIO_s_mem()) else {
            BIO_free(incoming)
            SSL_free(ssl)
            throw TenancyError(.backendFailure, "OpenSSL is out of memory.")
        }
        tenancy_bio_waits_when_empty(incoming)
        tenancy_bio_waits_when_empty(outgoing)
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_connect_state(ssl)
        self.ssl = ssl
        self.incoming = incoming
        self.outgoing = outgoing
    }

    deinit {
        // Frees both BIOs too.
        SSL_free(ssl)
        buffer.deallocate()
    }

    /// Encrypts and appends what is to be sent to the peer; before the handshake has ended, only what belongs to that.
    ///
    /// - Parameter plaintext: Emptied as far as it was encrypted.
    func encrypt(_ plaintext: inout [UInt8], into output: inout [UInt8]) throws(TenancyError) {
        try advance()
        if isEstablished, !plaintext.isEmpty {
            ERR_clear_error()
            var written = 0
            let result = plaintext.withUnsafeBytes { SSL_write_ex(ssl, $0.baseAddress, $0.count, &written) }
            // Everything is taken at once, because a BIO in memory is never full.
            guard result == 1, written == plaintext.count else { throw Self.failure }
            plaintext.removeAll(keepingCapacity: plaintext.capacity <= 1 << 20)
        }
        while tenancy_bio_pending(outgoing) > 0 {
            let count = BIO_read(outgoing, buffer.baseAddress, Int32(buffer.count))
            guard count > 0 else { throw Self.failure }
            output.append(contentsOf: buffer[..<Int(count)])
        }
    }

    /// Takes what came from the peer and hands out what it holds.
    func decrypt(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(TenancyError) {
        guard BIO_write(incoming, bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count) else {
            throw TenancyError(.backendFailure, "OpenSSL is out of memory.")
        }
        try advance()
        guard isEstablished else { return }
        while true {
            ERR_clear_error()
            var count = 0
            let result = SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
            if result == 1 {
                body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                continue
            }
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ: return
            case SSL_ERROR_ZERO_RETURN: throw TenancyError(.unavailable, "The server closed the connection.")
            default: throw Self.failure
            }
        }
    }

    private func advance() throws(TenancyError) {
        if isEstablished { return }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            isEstablished = true
            return
        }
        guard SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ else { return }
        let verdict = SSL_get_verify_result(ssl)
        ERR_clear_error()
        guard verdict == X509_V_OK else {
            throw TenancyError(
                .invalidConfiguration, "The server's certificate did not stand up to the check.",
                hint: "Check tls.authorityFile, the name or address that the certificate is for, and its dates.",
                details: .init(backendCode: "X509 \(verdict)"))
        }
        throw TenancyError(
            .unavailable, "TLS with the server could not be set up.",
            hint: "Check that the port is the server's TLS port, and that both sides have a version of TLS in common.")
    }

    private static var failure: TenancyError {
        ERR_clear_error()
        return TenancyError(.unavailable, "The TLS connection to the server failed.")
    }
}
