#pragma once
/// What the parts of TLS must fit: `tls` of listeners and backends, `sni` routes, headers that tell of TLS.
///
/// That certificates can be read and fit their keys is not known here: the program asks OpenSSL. Pure.
#include "conf/check.hpp"

namespace weir::conf {

/// For a `tls` block of a listener, of a backend.
void check_tls(const server_tls& made, const written& where, diagnostics& problems);
void check_tls(const client_tls& made, const written& where, diagnostics& problems);

/// For a listener: its `sni` routes, and its `tls` against its protocol and its routes.
void check_listener_tls(const listener& made, const written& where, diagnostics& problems);

/// For a backend: its `tls` against its servers.
void check_backend_tls(const backend& made, const written& where, diagnostics& problems);

/// For the whole: what a backend offers by ALPN, where the file does not say, is filled in (nothing, if only tcp
/// listeners lead to it), and what it offers must fit those who use it.
void settle_alpn(config& whole, const written& top, diagnostics& problems);

/// For the whole: redirects of listeners with `tls` that lead back to it, or out of it.
void check_redirects(const config& whole, const written& top, diagnostics& problems);

}  // namespace weir::conf
