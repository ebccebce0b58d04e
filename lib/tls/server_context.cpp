#include "lib/tls/server_context.hpp"

#include <openssl/err.h>

namespace weir::tls {

server_context::loaded server_context::load(const server_settings& settings, std::shared_ptr<ticket_keys> keys,
                                            wall_time now) {
    std::vector<std::string> errors;
    const std::shared_ptr<server_context> made{new server_context};
    made->context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* ctx = made->context_.get();
    for (const auto& files : settings.certificates) {
        auto certificate = load_certificate(files, now, errors);
        if (!certificate) continue;
        SSL_CTX_use_certificate(ctx, certificate->leaf.get());
        SSL_CTX_use_PrivateKey(ctx, certificate->key.get());
        for (const auto& issuer : certificate->chain) SSL_CTX_add1_chain_cert(ctx, issuer.get());
        made->certificates_.push_back(std::move(certificate->facts));
    }
    if (!errors.empty()) return std::unexpected{std::move(errors)};
    SSL_CTX_set_min_proto_version(ctx, settings.min_version == version::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, settings.ciphers.c_str());
    SSL_CTX_set1_groups_list(ctx, settings.curves.c_str());
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, settings.tickets ? 1 : 0);
    if (settings.tickets && keys) keys->serve(ctx);
    made->keys_ = std::move(keys);
    return made;
}

ssl_ptr server_context::new_session() const {
    ssl_ptr ssl{SSL_new(context_.get())};
    SSL_set_accept_state(ssl.get());
    return ssl;
}

ssl_ptr server_context::new_session(const client_hello&) const { return new_session(); }

const certificate_facts& server_context::likely_certificate(const client_hello&) const { return certificates_.front(); }

std::string client_verdict::text() const {
    if (!presented) return "none";
    if (result == X509_V_OK) return "ok";
    return std::string{"failed:"} + X509_verify_cert_error_string(result);
}

client_verdict verdict_on_client(const SSL* ssl) {
    return {.presented = SSL_get0_peer_certificate(ssl) != nullptr, .result = SSL_get_verify_result(ssl)};
}

std::optional<certificate_facts> peer_certificate(const SSL* ssl) {
    X509* certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == nullptr) return std::nullopt;
    return describe(certificate);
}

}  // namespace weir::tls
