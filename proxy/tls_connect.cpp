#include "proxy/tls_connect.hpp"

#include <utility>

#include "lib/async/race.hpp"

namespace weir {
namespace {

reason reason_of(tls::handshake_failure::kind how) {
    using kind = tls::handshake_failure::kind;
    switch (how) {
    case kind::untrusted: return reason::tls_certificate;
    case kind::refused: return reason::handshakes_full;
    case kind::failed:
    case kind::left: return reason::tls_failed;
    }
    std::unreachable();
}

}  // namespace

task<result<>> connect_tls(byte_stream& stream, const tls::client_context& context, tls_peer peer, time_point until) {
    auto ssl = context.new_session(peer.name, peer.sessions);
    const bool resumes = SSL_get_session(ssl.get()) != nullptr;
    auto session = std::make_unique<tls::session>(std::move(ssl), stream.time());
    const auto kind = resumes ? tls::handshake_kind::resumption : tls::handshake_kind::as_client;
    constexpr std::uint64_t all_servers = 0;
    auto shaken = co_await timeout_at(stream.time(), until,
                                      tls::shake_hands(stream, std::move(session), peer.desk, kind, all_servers));
    if (!shaken) co_return fail(reason::tls_timeout, "TLS handshake: timed out", false);
    if (!*shaken) co_return fail(reason_of(shaken->error().how), "TLS handshake: " + shaken->error().text, false);
    co_return {};
}

std::string tls_name_of(const conf::client_tls& settings, const conf::server& server) {
    return settings.name.empty() ? server.address.host : settings.name;
}

}  // namespace weir
