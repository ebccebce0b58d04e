#include "lib/tls/server_context.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <map>

#include "lib/tls/protocol.hpp"
#include "lib/tls/traffic_secrets.hpp"

namespace weir::tls {
namespace {

/// Says yes to every certificate: the verdict is kept for whoever asks.
int accept_any(int, X509_STORE_CTX*) { return 1; }

/// Sessions are resumed only where the same clients are let in: a ticket says that its owner was.
void separate_sessions(SSL_CTX* context, client_auth clients, const std::vector<x509_ptr>& authorities) {
    std::string who = "weir" + std::to_string(static_cast<int>(clients));
    for (const auto& authority : authorities) who += describe(authority.get()).fingerprint;
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(who.data()), who.size(), digest.data());
    SSL_CTX_set_session_id_context(context, digest.data(), digest.size());
}

void ask_for_certificates(SSL_CTX* context, client_auth clients, const std::vector<x509_ptr>& authorities) {
    if (clients == client_auth::off) return;
    const bool required = clients == client_auth::required;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       required ? nullptr : accept_any);
    trust(context, authorities);
    for (const auto& authority : authorities) SSL_CTX_add_client_CA(context, authority.get());
}

}  // namespace

server_context::loaded server_context::load(const server_settings& settings, std::shared_ptr<ticket_keys> keys,
                                            wall_time now) {
    assert(keys || !settings.tickets);
    std::vector<std::string> errors;
    const std::shared_ptr<server_context> made{new server_context};
    made->keys_ = std::move(keys);
    made->refuse_unknown_ = settings.refuse_unknown_names;
    made->alpn_ = alpn_on_the_wire(settings.alpn, errors);

    std::vector<loaded_certificate> certificates;
    for (const auto& files : settings.certificates) {
        auto certificate = load_certificate(files, now, errors);
        if (!certificate) continue;
        made->certificates_.push_back(certificate->facts);
        for (auto& warning : certificate->warnings) made->warnings_.push_back(std::move(warning));
        if (!certificate->staple.empty())
            made->staples_.push_back({certificate->leaf.get(), certificate->staple, certificate->staple_until});
        certificates.push_back(std::move(*certificate));
    }
    if (settings.certificates.empty()) errors.emplace_back("certificate: at least one is needed");
    std::vector<x509_ptr> authorities;
    if (settings.clients != client_auth::off) authorities = load_authorities(settings.client_ca, errors);

    made->sort_into_sets();
    if (made->sets_.empty()) made->sets_.emplace_back();  // so that the other settings are checked, too
    for (auto& set : made->sets_) {
        set.context.reset(SSL_CTX_new(TLS_server_method()));
        const bool first = &set == &made->sets_.front();
        std::vector<std::string> told;
        made->set_up(set.context.get(), settings, authorities, first ? errors : told);
        for (const auto member : set.members) {
            use_certificate(set.context.get(), certificates[member], told);
            if (!told.empty() && std::ranges::find(errors, told.back()) == errors.end()) errors.push_back(told.back());
        }
    }
    if (!errors.empty()) return std::unexpected{std::move(errors)};
    return made;
}

/// Every name gets the first certificate of each kind of key that bears it; names with the same ones share a context.
void server_context::sort_into_sets() {
    std::map<std::string, std::vector<std::size_t>> by_name;
    const auto add = [this](std::vector<std::size_t>& members, std::size_t candidate) {
        const auto same_kind = [&](std::size_t member) {
            return certificates_[member].kind == certificates_[candidate].kind;
        };
        if (std::ranges::none_of(members, same_kind)) members.push_back(candidate);
    };
    for (std::size_t i = 0; i < certificates_.size(); ++i)
        for (const auto& name : certificates_[i].names) add(by_name[name], i);

    const auto set_of = [this](const std::vector<std::size_t>& members) {
        const auto same = std::ranges::find(sets_, members, &certificate_set::members);
        if (same != sets_.end()) return static_cast<std::size_t>(same - sets_.begin());
        sets_.push_back({members, nullptr});
        return sets_.size() - 1;
    };
    if (certificates_.empty()) return;
    // Whoever names nobody gets what the first name of the first certificate gets.
    const auto& names = certificates_.front().names;
    set_of(names.empty() ? std::vector<std::size_t>{0} : by_name[names.front()]);
    for (const auto& [name, members] : by_name) {
        const auto set = set_of(members);
        if (name.starts_with("*.")) wildcard_.emplace(name.substr(1), set);
        else exact_.emplace(name, set);
    }
}

void server_context::set_up(SSL_CTX* context, const server_settings& settings,
                            const std::vector<x509_ptr>& client_authorities, std::vector<std::string>& errors) {
    apply_protocol(context, settings.min_version, settings.ciphers, settings.ciphersuites, settings.curves, errors);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_dh_auto(context, 1);  // for those who ask for DHE ciphers
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, settings.ticket_lifetime.count());
    if (settings.tickets) {
        SSL_CTX_set_num_tickets(context, 1);
        keys_->serve(context);
    } else {
        SSL_CTX_set_num_tickets(context, 0);
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    }
    traffic_secrets::hear_of(context);
    separate_sessions(context, settings.clients, client_authorities);
    ask_for_certificates(context, settings.clients, client_authorities);

    // OpenSSL calls none of these unless the client sent what they answer; the name alone it asks about in any case.
    if (sets_.size() > 1 || refuse_unknown_) {
        SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
        SSL_CTX_set_tlsext_servername_arg(context, this);
    }
    if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context, on_alpn, this);
    if (!staples_.empty()) {
        SSL_CTX_set_tlsext_status_cb(context, on_status_request);
        SSL_CTX_set_tlsext_status_arg(context, this);
    }
}

ssl_ptr server_context::new_session() const { return new_session(sets_.front()); }

ssl_ptr server_context::new_session(const client_hello& hello) const { return new_session(choose(hello)); }

ssl_ptr server_context::new_session(const certificate_set& set) const {
    ssl_ptr ssl{SSL_new(set.context.get()), free_ssl{shared_from_this()}};
    if (ssl) SSL_set_accept_state(ssl.get());
    return ssl;
}

const certificate_facts& server_context::likely_certificate(const client_hello& hello) const {
    const auto& members = choose(hello).members;
    const auto of_kind = [&](key_kind kind) {
        return std::ranges::find(members, kind, [this](std::size_t member) { return certificates_[member].kind; });
    };
    auto likely = hello.offers_ecdsa ? of_kind(key_kind::ecdsa) : members.end();
    if (likely == members.end()) likely = of_kind(key_kind::rsa);
    return certificates_[likely == members.end() ? members.front() : *likely];
}

const server_context::certificate_set* server_context::find(std::string_view name) const {
    if (const auto found = exact_.find(name); found != exact_.end()) return &sets_[found->second];
    const auto dot = name.find('.');
    if (dot == name.npos || dot == 0) return nullptr;
    const auto found = wildcard_.find(name.substr(dot));
    return found == wildcard_.end() ? nullptr : &sets_[found->second];
}

const server_context::certificate_set& server_context::choose(const client_hello& hello) const {
    const auto* set = hello.server_name.empty() ? nullptr : find(hello.server_name);
    return set ? *set : sets_.front();
}

int server_context::on_server_name(SSL* ssl, int* alert, void* self) {
    const auto& context = *static_cast<const server_context*>(self);
    const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;

    std::array<char, 256> lower{};  // OpenSSL takes names of at most 255 bytes
    std::string_view name{asked};
    if (name.ends_with('.')) name.remove_suffix(1);
    name = name.substr(0, lower.size());
    std::ranges::transform(name, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });

    const auto* set = context.find({lower.data(), name.size()});
    if (set == nullptr) {
        if (!context.refuse_unknown_) return SSL_TLSEXT_ERR_NOACK;
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (SSL_get_SSL_CTX(ssl) != set->context.get()) SSL_set_SSL_CTX(ssl, set->context.get());
    return SSL_TLSEXT_ERR_OK;
}

int server_context::on_alpn(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                            unsigned offered_size, void* self) {
    const auto& ours = static_cast<const server_context*>(self)->alpn_;
    unsigned char* out = nullptr;
    const auto* wire = reinterpret_cast<const unsigned char*>(ours.data());
    if (SSL_select_next_proto(&out, size, wire, static_cast<unsigned>(ours.size()), offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol
    *chosen = out;
    return SSL_TLSEXT_ERR_OK;
}

/// Called once the certificate is chosen.
int server_context::on_status_request(SSL* ssl, void* self) {
    const auto& staples = static_cast<const server_context*>(self)->staples_;
    const auto found = std::ranges::find(staples, SSL_get_certificate(ssl), &staple::certificate);
    if (found == staples.end()) return SSL_TLSEXT_ERR_NOACK;
    // The session of a full handshake begins with it, so its time is now.
    const wall_time now = std::chrono::system_clock::from_time_t(SSL_SESSION_get_time(SSL_get0_session(ssl)));
    if (found->until && *found->until <= now) return SSL_TLSEXT_ERR_NOACK;

    void* copy = OPENSSL_memdup(found->response.data(), found->response.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(found->response.size()));  // takes it over
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace weir::tls
