#pragma once
/// The TLS side of a connection to a server.
///
///     if (const auto context = backend.tls.get()) {
///         auto secured = co_await connect_tls(stream, *context, {name, &sessions, *w.handshakes}, until);
///         if (!secured) co_return std::unexpected{std::move(secured.error()).during("connect to ...")};
///     }
///
/// Errors: tls_failed, tls_certificate (not to be trusted), tls_timeout, handshakes_full; no byte of a request was sent.
#include "conf/config.hpp"
#include "lib/async/task.hpp"
#include "lib/net/byte_stream.hpp"
#include "lib/net/error.hpp"
#include "lib/tls/client_context.hpp"
#include "lib/tls/handshake.hpp"

namespace weir {

/// Whom we expect, what is known of earlier connections, and where the computing is done.
struct tls_peer {
    tls_peer(std::string expected, tls::session_store* earlier, tls::handshake_desk& at)
        : name{std::move(expected)}, sessions{earlier}, desk{at} {}
    std::string name;              // empty: nobody in particular, where certificates are not verified
    tls::session_store* sessions;  // null: nothing is resumed
    tls::handshake_desk& desk;
};

task<result<>> connect_tls(byte_stream& stream, const tls::client_context& context, tls_peer peer, time_point until);

/// The name that a server of this backend must prove: the one that is set, else the host of its address.
std::string tls_name_of(const conf::client_tls& settings, const conf::server& server);

}  // namespace weir
