#include "proxy/tls_facts.hpp"

#include <algorithm>

#include "lib/tls/server_context.hpp"
#include "lib/tls/session.hpp"

namespace weir {
namespace {

bool tells(const conf::text_template& text) {
    using variable = conf::text_template::variable;
    return std::ranges::any_of(text.pieces, [](const auto& piece) { return piece.var >= variable::sni; });
}
bool any_tells(const std::vector<conf::header_action>& actions) {
    return std::ranges::any_of(actions, [](const auto& action) { return tells(action.value); });
}

}  // namespace

std::unique_ptr<tls_facts> facts_of(const byte_stream& client) {
    const SSL* ssl = tls::session_of(client.layer())->ssl();
    auto facts = std::make_unique<tls_facts>();
    if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) facts->sni = name;
    std::ranges::transform(facts->sni, facts->sni.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    facts->version = SSL_get_version(ssl);
    facts->cipher = SSL_get_cipher_name(ssl);
    facts->client_verdict = tls::verdict_on_client(ssl).text();
    if (auto certificate = tls::peer_certificate(ssl)) {
        facts->client_subject = std::move(certificate->subject);
        facts->client_fingerprint = std::move(certificate->fingerprint);
        facts->client_serial = std::move(certificate->serial);
    }
    return facts;
}

bool tells_tls_facts(const conf::listener& settings) {
    return settings.tls && std::ranges::any_of(settings.routes, [](const conf::route& each) {
        return any_tells(each.request_headers) || any_tells(each.response_headers) ||
               (each.redirects && tells(each.redirects->to));
    });
}

}  // namespace weir
