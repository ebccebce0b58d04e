#pragma once
/// The TLS side of a client's connection: its first words, the handshake, and what is told when that fails.
///
///     auto hello = co_await read_client_hello(w, view, client, until);
///     if (!hello) co_return;                                     // told, counted and answered where that is possible
///     if (!co_await accept_tls(w, view, client, *hello, until)) co_return;
///     // client.in() and client.write() are plain text from here on
///
/// Costs nothing of note before a whole ClientHello is there: no SSL, no place among the handshakes.
#include <expected>

#include "lib/async/task.hpp"
#include "lib/telemetry/reason.hpp"
#include "lib/tls/client_hello.hpp"
#include "proxy/context.hpp"

namespace weir {

/// The ClientHello stays in client.in(). Errors: plain_on_tls_port, client_tls_failed (malformed), client_tls_timeout,
/// client_closed (not a byte came: not told).
task<std::expected<tls::client_hello, reason>> read_client_hello(worker_context& w, listener_view& view,
                                                                 byte_stream& client, time_point until);

/// Both of the above, within the listener's `timeout tls`.
task<bool> begin_tls(worker_context& w, listener_view& view, byte_stream& client);

/// False: the handshake did not come to a good end.
task<bool> accept_tls(worker_context& w, listener_view& view, byte_stream& client, const tls::client_hello& hello,
                      time_point until);

/// A TLS handshake on a listener that has no TLS: an alert the client understands, and a line in the log.
task<void> refuse_tls(worker_context& w, byte_stream& client);
/// A server name that no route knows: the alert unrecognized_name.
task<void> refuse_name(worker_context& w, byte_stream& client, std::string_view name);
/// Do the bytes look like the beginning of one?
bool looks_like_tls(std::string_view bytes) noexcept;

}  // namespace weir
