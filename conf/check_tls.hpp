#pragma once
/// What the parts of TLS must fit: `tls` of listeners and backends, `sni` routes, and headers that tell of TLS.
///
/// That certificates can be read and fit their keys is not known here: the program asks OpenSSL. Pure.
#include "conf/check.hpp"

namespace weir::conf {

/// Fills in what a backend offers by ALPN, where the file does not say: nothing, if only tcp listeners lead to it.
void settle_alpn(config& whole, const written& top);

}  // namespace weir::conf
