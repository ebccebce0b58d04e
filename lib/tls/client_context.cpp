#include "lib/tls/client_context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <utility>

#include "lib/tls/protocol.hpp"

namespace weir::tls {
namespace {

bool is_ip(const std::string& name) {
    const openssl_ptr<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> bytes{a2i_IPADDRESS(name.c_str())};
    ERR_clear_error();
    return bytes != nullptr;
}

/// Where an SSL keeps its session_store; asked of OpenSSL once.
int store_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

}  // namespace

void session_store::put(ssl_session_ptr session, std::uint64_t context) {
    if (context_ != context) {
        for (auto& old : sessions_) old.reset();
        context_ = context;
    }
    std::ranges::rotate(sessions_, sessions_.begin() + 1);  // the oldest is now the last, and goes
    sessions_.back() = std::move(session);
}

ssl_session_ptr session_store::take(std::uint64_t context) {
    auto& newest = sessions_.back();
    if (context_ != context || !newest) return nullptr;
    if (SSL_SESSION_get_protocol_version(newest.get()) != TLS1_3_VERSION) {
        SSL_SESSION_up_ref(newest.get());
        return ssl_session_ptr{newest.get()};
    }
    auto taken = std::move(newest);
    std::ranges::rotate(sessions_, sessions_.end() - 1);
    return taken;
}

client_context::loaded client_context::load(const client_settings& settings, wall_time now) {
    static std::atomic<std::uint64_t> made_so_far{0};
    std::vector<std::string> errors;
    const std::shared_ptr<client_context> made{new client_context};
    made->id_ = ++made_so_far;
    made->verify_ = settings.verify;
    made->context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* context = made->context_.get();

    apply_protocol(context, settings.min_version, settings.ciphers, settings.ciphersuites, settings.curves, errors);
    const auto alpn = alpn_on_the_wire(settings.alpn, errors);
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                            static_cast<unsigned>(alpn.size()));
    if (settings.verify) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        if (!settings.ca.empty()) trust(context, load_authorities(settings.ca, errors));
        else if (SSL_CTX_set_default_verify_paths(context) != 1)
            errors.push_back("ca: no authorities of the system: " + take_errors());
    }
    if (!settings.certificate.certificate.empty()) {
        if (auto ours = load_certificate(settings.certificate, now, errors)) {
            use_certificate(context, *ours, errors);
            made->warnings_ = std::move(ours->warnings);
        }
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_new_session);
    SSL_CTX_set_app_data(context, made.get());
    if (!errors.empty()) return std::unexpected{std::move(errors)};
    return made;
}

ssl_ptr client_context::new_session(const std::string& name, session_store* sessions) const {
    assert(!name.empty() || !verify_);
    ssl_ptr made{SSL_new(context_.get()), free_ssl{shared_from_this()}};
    SSL* ssl = made.get();
    if (ssl == nullptr) return made;
    SSL_set_connect_state(ssl);
    const bool ip = is_ip(name);
    bool fine = name.empty() || ip || SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
    if (verify_) {
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        fine = fine && (ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1
                           : SSL_set1_host(ssl, name.c_str()) == 1);
    }
    if (sessions != nullptr) {
        fine = fine && SSL_set_ex_data(ssl, store_index(), sessions) == 1;
        if (const auto session = sessions->take(id_)) SSL_set_session(ssl, session.get());
    }
    ERR_clear_error();
    if (!fine) made.reset();
    return made;
}

/// OpenSSL's way to hand over a session that can be resumed; 1: we keep the reference.
int client_context::on_new_session(SSL* ssl, SSL_SESSION* session) {
    auto* sessions = static_cast<session_store*>(SSL_get_ex_data(ssl, store_index()));
    if (sessions == nullptr) return 0;
    const auto* context = static_cast<const client_context*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    sessions->put(ssl_session_ptr{session}, context->id_);
    return 1;
}

}  // namespace weir::tls
