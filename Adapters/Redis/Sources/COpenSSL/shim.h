#ifndef TENANCY_COPENSSL_SHIM_H
#define TENANCY_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

// Macros, which Swift can't call.

static inline int tenancy_ssl_require_tls12(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static inline int tenancy_ssl_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

/// A memory BIO without content is not at its end: more may come.
static inline void tenancy_bio_waits_when_empty(BIO *bio) { BIO_set_mem_eof_return(bio, -1); }

static inline size_t tenancy_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

#endif
