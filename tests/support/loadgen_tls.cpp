/// TLS of the load generator: how a connection begins, and how its bytes go.
#include "tests/support/loadgen_tls.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>

namespace loadgen {

using weir::testing::openssl_failed;
using weir::testing::tls_socket;

weir::testing::ssl_context context_for(const tls_plan& wanted) {
    auto made = weir::testing::client_context();
    auto* context = made.get();
    if (!wanted.version.empty()) {
        const int version = wanted.version == "1.2" ? TLS1_2_VERSION : wanted.version == "1.3" ? TLS1_3_VERSION : 0;
        if (version == 0) throw std::runtime_error{"TLS is 1.2 or 1.3, not " + wanted.version};
        SSL_CTX_set_min_proto_version(context, version);
        SSL_CTX_set_max_proto_version(context, version);
    }
    if (!wanted.ciphers.empty() && SSL_CTX_set_cipher_list(context, wanted.ciphers.c_str()) != 1)
        openssl_failed("ciphers " + wanted.ciphers);
    if (!wanted.ciphersuites.empty() && SSL_CTX_set_ciphersuites(context, wanted.ciphersuites.c_str()) != 1)
        openssl_failed("ciphersuites " + wanted.ciphersuites);
    if (!wanted.curves.empty() && SSL_CTX_set1_groups_list(context, wanted.curves.c_str()) != 1)
        openssl_failed("curves " + wanted.curves);
    if (const auto alpn = weir::testing::alpn_on_the_wire(wanted.alpn); !alpn.empty())
        SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                                static_cast<unsigned>(alpn.size()));
    return made;
}

void engine::begin_tls(client& c) {
    c.tls.emplace(*tls_, c.fd, tls_socket::role::client);
    if (!plan_.tls->sni.empty()) SSL_set_tlsext_host_name(c.tls->ssl(), plan_.tls->sni.c_str());
    if (c.session) SSL_set_session(c.tls->ssl(), c.session.get());
    c.greeting_since = steady::now();
    c.is = state::greeting;
}

/// Goes on with the handshake; once done, with the request it was made for.
void engine::greet(std::uint32_t who) {
    auto& c = *clients_[who];
    if (!c.tls->handshake()) {
        if (errno != EAGAIN) lost(who);
        return;
    }
    ++(SSL_session_reused(c.tls->ssl()) ? tally_.handshakes_resumed : tally_.handshakes_full);
    tally_.handshake.record(steady::now() - c.greeting_since);
    c.is = state::busy;
    send_some(who);
    if (c.readable) receive_some(who);
}

ssize_t engine::receive_into(client& c, std::vector<char>& buffer) {
    if (c.tls) return c.tls->receive(buffer.data(), buffer.size());
    return recv(c.fd, buffer.data(), buffer.size(), 0);
}

ssize_t engine::send_from(client& c, std::string_view bytes) {
    if (c.tls) return c.tls->send(bytes);
    return send(c.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

/// The connection broke, as errno tells, while something was due.
void engine::lost(std::uint32_t who) {
    const bool by_tls = errno == EPROTO;
    if (const auto& tls = clients_[who]->tls; tls && tls->alert()) ++tally_.alerts[*tls->alert()];
    fail(who, by_tls ? failure::tls : failure::reset);
}

}  // namespace loadgen
