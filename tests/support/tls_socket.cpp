#include "tests/support/tls_socket.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

namespace weir::testing {
namespace {

std::string words_of(unsigned long code) {
    const char* reason = ERR_reason_error_string(code);
    return reason ? reason : "OpenSSL error " + std::to_string(code);
}

}  // namespace

void openssl_failed(const std::string& doing) {
    const auto code = ERR_peek_last_error();
    ERR_clear_error();
    throw std::runtime_error{doing + ": " + words_of(code)};
}

ssl_context client_context() {
    ssl_context made{SSL_CTX_new(TLS_client_method())};
    if (!made) openssl_failed("TLS context");
    // OpenSSL builds and checks the chain even where nobody asks for the verdict.
    SSL_CTX_set_cert_verify_callback(made.get(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
    return made;
}

ssl_context server_context(const std::string& certificate_file, const std::string& key_file) {
    ssl_context made{SSL_CTX_new(TLS_server_method())};
    if (!made) openssl_failed("TLS context");
    if (SSL_CTX_use_certificate_chain_file(made.get(), certificate_file.c_str()) != 1)
        openssl_failed("certificate " + certificate_file);
    if (SSL_CTX_use_PrivateKey_file(made.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        openssl_failed("key " + key_file);
    return made;
}

std::string alpn_on_the_wire(std::string_view comma_separated) {
    std::string wire;
    for (std::size_t end = 0; end != comma_separated.npos;
         comma_separated.remove_prefix(std::min(comma_separated.size(), end + 1))) {
        end = comma_separated.find(',');
        const auto name = comma_separated.substr(0, end);
        if (!name.empty()) wire.append(1, static_cast<char>(name.size())).append(name);
    }
    return wire;
}

std::string subject_of(const X509& certificate) {
    const std::unique_ptr<BIO, openssl_free<BIO_free_all>> text{BIO_new(BIO_s_mem())};
    X509_NAME_print_ex(text.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
    const char* bytes = nullptr;
    const auto size = BIO_get_mem_data(text.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

tls_socket::tls_socket(SSL_CTX& context, int fd, role as) : ssl_{SSL_new(&context)} {
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd) != 1) openssl_failed("TLS connection");
    SSL_set_mode(ssl_.get(),
                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (as == role::client) SSL_set_connect_state(ssl_.get());
    else SSL_set_accept_state(ssl_.get());
}

bool tls_socket::handshake() {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return true;
    if (failed(result) == 0) errno = ECONNRESET;
    return false;
}

ssize_t tls_socket::receive(char* into, std::size_t n) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into, n, &got);
    return result == 1 ? static_cast<ssize_t>(got) : failed(result);
}

ssize_t tls_socket::send(std::string_view bytes) {
    if (bytes.empty()) return 0;
    ERR_clear_error();
    errno = 0;
    std::size_t taken = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken);
    if (result == 1) return static_cast<ssize_t>(taken);
    if (failed(result) == 0) errno = EPIPE;
    return -1;
}

void tls_socket::finish_sending() {
    ERR_clear_error();
    if (established()) SSL_shutdown(ssl_.get());
}

/// What a call that did not succeed means to a caller of recv().
ssize_t tls_socket::failed(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL:
        if (errno == 0) errno = ECONNRESET;
        return -1;
    default: break;
    }
    const auto code = ERR_peek_error();
    ERR_clear_error();
    const int reason = ERR_GET_REASON(code);
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) return 0;
    problem_ = words_of(code);
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) alert_ = reason - SSL_AD_REASON_OFFSET;
    errno = EPROTO;
    return -1;
}

ssl_session tls_socket::session() const {
    ssl_session found{SSL_get1_session(ssl_.get())};
    if (!found || SSL_SESSION_is_resumable(found.get()) != 1) return nullptr;
    return found;
}

}  // namespace weir::testing
