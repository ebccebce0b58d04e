#pragma once
/// Makes a connection to a server: its addresses, the connect timeout, the PROXY header and the TLS it may want.
///
///     auto made = co_await dial(w, backend, index, client);   // result<std::unique_ptr<server_connection>>
///
/// Errors: dns_failed (no address known yet), connect_refused, connect_timeout, connect_failed, and those of connect_tls
/// (tls_connect.hpp); nothing was sent.
#include "lib/async/task.hpp"
#include "lib/net/error.hpp"
#include "proxy/context.hpp"

namespace weir {

/// `client` is whom we connect for: a PROXY header tells the server its address.
task<result<std::unique_ptr<server_connection>>> dial(worker_context& w, backend_view& backend, std::size_t index,
                                                      const byte_stream& client);

}  // namespace weir
