#include "proxy/tls_facts.hpp"

#include <algorithm>

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

void tell_tls(access_record& line, const byte_stream& client) noexcept {
    if (!client.layer()) return;
    const auto& known = tls::session_of(client.layer())->facts();
    line.tls_version = known.version;
    line.tls_cipher = known.cipher;
    line.tls_us = std::chrono::duration_cast<std::chrono::microseconds>(known.took).count();
}

std::unique_ptr<tls_facts> facts_of(const byte_stream& client) {
    const auto& known = tls::session_of(client.layer())->facts();
    auto facts = std::make_unique<tls_facts>();
    facts->sni = known.server_name;
    std::ranges::transform(facts->sni, facts->sni.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    facts->version = known.version;
    facts->cipher = known.cipher;
    facts->client_verdict = known.verdict.text();
    if (known.peer) {
        facts->client_subject = known.peer->subject;
        facts->client_fingerprint = known.peer->fingerprint;
        facts->client_serial = known.peer->serial;
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
