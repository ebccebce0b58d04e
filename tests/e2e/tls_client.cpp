#include "tests/e2e/tls_client.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace weir::testing {
namespace {

void must(bool done, const char* doing) {
    if (!done) openssl_failed(doing);
}

ssl_context context_for(const tls_options& wanted) {
    auto made = client_context();
    auto* context = made.get();
    must(SSL_CTX_set_min_proto_version(context, wanted.max_version > 0
                                                    ? std::min(wanted.min_version, wanted.max_version)
                                                    : wanted.min_version) == 1,
         "lowest version");
    must(SSL_CTX_set_max_proto_version(context, wanted.max_version) == 1, "highest version");
    if (!wanted.ca.empty()) {
        SSL_CTX_set_cert_verify_callback(context, nullptr, nullptr);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        must(SSL_CTX_load_verify_file(context, wanted.ca.c_str()) == 1, "CA file");
    }
    if (!wanted.certificate.empty()) {
        const auto& key = wanted.key.empty() ? wanted.certificate : wanted.key;
        must(SSL_CTX_use_certificate_chain_file(context, wanted.certificate.c_str()) == 1, "client certificate");
        must(SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1, "client key");
    }
    const auto set = [&](auto setter, const std::string& value, const char* doing) {
        if (!value.empty()) must(setter(context, value.c_str()) == 1, doing);
    };
    set(SSL_CTX_set_cipher_list, wanted.ciphers, "ciphers");
    set(SSL_CTX_set_ciphersuites, wanted.ciphersuites, "cipher suites");
    set([](SSL_CTX* c, const char* list) { return SSL_CTX_set1_groups_list(c, list); }, wanted.curves, "curves");
    set([](SSL_CTX* c, const char* list) { return SSL_CTX_set1_sigalgs_list(c, list); }, wanted.signatures,
        "signature algorithms");
    const auto alpn = alpn_on_the_wire(wanted.alpn);  // this setter, alone of them all, answers 0 for success
    if (!alpn.empty())
        must(SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                                     static_cast<unsigned>(alpn.size())) == 0,
             "ALPN");
    return made;
}

void ask_for(SSL* ssl, const tls_options& wanted) {
    if (!wanted.sni.empty()) must(SSL_set_tlsext_host_name(ssl, wanted.sni.c_str()) == 1, "SNI");
    if (const auto& name = wanted.name.empty() ? wanted.sni : wanted.name; !wanted.ca.empty() && !name.empty())
        must(SSL_set1_host(ssl, name.c_str()) == 1, "name to verify");
    if (wanted.ask_for_ocsp) SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
    if (wanted.resume) must(SSL_set_session(ssl, wanted.resume.get()) == 1, "session to resume");
}

}  // namespace

tls_client::tls_client(const std::string& address, const tls_options& options)
    : tls_client{raw_client{address, options.receive_buffer}, options} {}

tls_client::tls_client(raw_client&& over, const tls_options& options)
    : raw_client{std::move(over)}, socket_{*context_for(options), descriptor(), tls_socket::role::client} {
    ask_for(ssl(), options);
    if (!socket_.handshake() && errno == EAGAIN) throw std::runtime_error{"the TLS handshake does not come to an end"};
}

void tls_client::finish_sending() { socket_.finish_sending(); }

ssize_t tls_client::read_some(char* into, std::size_t n) {
    const auto got = socket_.receive(into, n);
    if (got != 0 || ended_orderly()) return got;
    errno = ECONNRESET;  // cut off: a FIN without a close_notify may be anybody's
    return -1;
}

ssize_t tls_client::write_some(std::string_view bytes, int flags) {
    if (!(flags & MSG_DONTWAIT)) return socket_.send(bytes);
    const int before = fcntl(descriptor(), F_GETFL);
    fcntl(descriptor(), F_SETFL, before | O_NONBLOCK);
    const auto taken = socket_.send(bytes);
    const int why = errno;
    fcntl(descriptor(), F_SETFL, before);
    errno = why;
    return taken;
}

std::string tls_client::verdict() const { return X509_verify_cert_error_string(SSL_get_verify_result(ssl())); }

std::string tls_client::version() const { return SSL_get_version(ssl()); }

std::string tls_client::cipher() const { return SSL_get_cipher_name(ssl()); }

std::string tls_client::alpn() const {
    const unsigned char* agreed = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl(), &agreed, &size);
    return {reinterpret_cast<const char*>(agreed), size};
}

std::string tls_client::peer_subject() const {
    const auto* certificate = SSL_get0_peer_certificate(ssl());
    return certificate ? subject_of(*certificate) : std::string{};
}

std::string tls_client::peer_key() const {
    const auto* certificate = SSL_get0_peer_certificate(ssl());
    return certificate ? EVP_PKEY_get0_type_name(X509_get0_pubkey(certificate)) : std::string{};
}

std::string tls_client::ocsp() const {
    const unsigned char* stapled = nullptr;
    const auto size = SSL_get_tlsext_status_ocsp_resp(ssl(), &stapled);
    return size > 0 ? std::string{reinterpret_cast<const char*>(stapled), static_cast<std::size_t>(size)}
                    : std::string{};
}

bool tls_client::resumed() const { return SSL_session_reused(ssl()) != 0; }

tls_session tls_client::session() const { return socket_.session(); }

bool tls_client::renegotiate() {
    ERR_clear_error();
    return SSL_renegotiate(ssl()) == 1 && socket_.handshake() && SSL_renegotiate_pending(ssl()) == 0;
}

std::string client_hello(const tls_options& options) {
    const auto context = context_for(options);
    const std::unique_ptr<SSL, openssl_free<SSL_free>> ssl{SSL_new(context.get())};
    ask_for(ssl.get(), options);
    BIO* written = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), written);  // it owns both
    SSL_connect(ssl.get());                                 // gets no answer
    const char* bytes = nullptr;
    const auto size = BIO_get_mem_data(written, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace weir::testing
