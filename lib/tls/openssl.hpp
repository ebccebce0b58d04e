#pragma once
/// What every part of lib/tls needs of OpenSSL 3: owners of its objects, and words for its errors.
///
///     bio_ptr file{BIO_new_file(path.c_str(), "r")};
///     if (!file) return path + ": " + take_errors();       // "no such file or directory"
///
/// OpenSSL keeps a queue of errors for each thread. Whoever sees a call fail takes them at once, so that they are not
/// told of the next call; whoever ignores a failure calls ERR_clear_error().
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace weir::tls {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* owned) const noexcept {
        Free(owned);
    }
};
template <class T, auto Free>
using openssl_ptr = std::unique_ptr<T, freed_by<Free>>;

/// Frees an SSL, then lets go of the context that made it, so that whatever its callbacks look at lives as long.
struct free_ssl {
    std::shared_ptr<const void> context = nullptr;
    void operator()(SSL* ssl) const noexcept {
        // OpenSSL forbids to resume the session of a connection that ended without a shutdown, as TLS 1.0 asked for; since
        // 1.1 (RFC 4346 7.2.1) a cut connection is no reason. A fatal alert still is.
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(ssl);
    }
};
using ssl_ptr = std::unique_ptr<SSL, free_ssl>;

/// Frees the stack only, its certificates have owners.
inline void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }

using ssl_ctx_ptr = openssl_ptr<SSL_CTX, SSL_CTX_free>;
using ssl_session_ptr = openssl_ptr<SSL_SESSION, SSL_SESSION_free>;
using bio_ptr = openssl_ptr<BIO, BIO_free>;
using x509_ptr = openssl_ptr<X509, X509_free>;
using x509_store_ptr = openssl_ptr<X509_STORE, X509_STORE_free>;
using key_ptr = openssl_ptr<EVP_PKEY, EVP_PKEY_free>;

/// Takes this thread's errors off the queue and tells the innermost, which says most, in OpenSSL's words: "certificate
/// verify failed", "sslv3 alert handshake failure", "no such file or directory". Empty when there is none.
std::string take_errors();

/// Why a handshake of `ssl` failed, from the verdict on the peer's certificate and from the queue, which is taken:
/// "certificate refused: certificate has expired", "the peer sent alert unknown_ca", "no shared cipher". A queue
/// without an error: "the peer closed the connection".
std::string explain_failure(const SSL* ssl);

/// "bad_record_mac" for 20.
std::string name_of_alert(int number);

/// "3.0.19", the library at run time.
std::string openssl_version();

}  // namespace weir::tls
