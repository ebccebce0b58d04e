#include "lib/tls/client_context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <utility>

namespace weir::tls {
namespace {

bool is_ip(const std::string& name) {
    const openssl_ptr<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> bytes{a2i_IPADDRESS(name.c_str())};
    ERR_clear_error();
    return bytes != nullptr;
}

}  // namespace

client_context::loaded client_context::load(const client_settings& settings, wall_time now) {
    static std::atomic<std::uint64_t> made_so_far{0};
    std::vector<std::string> errors;
    const std::shared_ptr<client_context> made{new client_context};
    made->id_ = ++made_so_far;
    made->verify_ = settings.verify;
    made->context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* ctx = made->context_.get();
    if (settings.verify) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
        if (settings.ca.empty()) {
            SSL_CTX_set_default_verify_paths(ctx);
        } else {
            for (const auto& authority : load_authorities(settings.ca, errors))
                X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority.get());
        }
    }
    if (!settings.certificate.certificate.empty()) {
        if (auto ours = load_certificate(settings.certificate, now, errors)) {
            SSL_CTX_use_certificate(ctx, ours->leaf.get());
            SSL_CTX_use_PrivateKey(ctx, ours->key.get());
            for (const auto& issuer : ours->chain) SSL_CTX_add1_chain_cert(ctx, issuer.get());
            made->warnings_ = std::move(ours->warnings);
        }
    }
    if (!errors.empty()) return std::unexpected{std::move(errors)};
    SSL_CTX_set_min_proto_version(ctx, settings.min_version == version::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return made;
}

ssl_ptr client_context::new_session(const std::string& name, session_store* sessions) const {
    ssl_ptr ssl{SSL_new(context_.get())};
    SSL_set_connect_state(ssl.get());
    const bool ip = is_ip(name);
    if (!name.empty() && !ip) SSL_set_tlsext_host_name(ssl.get(), name.c_str());
    if (verify_ && ip) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.c_str());
    if (verify_ && !ip) SSL_set1_host(ssl.get(), name.c_str());
    (void)sessions;
    return ssl;
}

}  // namespace weir::tls
