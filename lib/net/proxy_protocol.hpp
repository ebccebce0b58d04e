#pragma once
/// The PROXY protocol, versions 1 (a line of text) and 2 (binary): how one proxy tells the next whom it speaks for.
/// After "The PROXY protocol, Versions 1 & 2", haproxy.org, doc/proxy-protocol.txt.
///
///     auto header = parse_proxy_header(buffered);
///     if (!header) return close(header.error());       // reason::bad_proxy_header
///     if (!*header) continue;                          // need more bytes; ask again with all of them
///     buffered.remove_prefix((*header)->bytes);
///     const address& client = (*header)->local ? peer : (*header)->source;
///
/// Pure and stateless: the caller keeps what has arrived (at most `max_proxy_header_bytes`) and asks again. The answer
/// does not depend on how the bytes were sliced. Strict: what is not exactly the protocol is an error, as early as it
/// shows. The checksum and all other TLVs of version 2 are skipped, not interpreted, but they must be well formed.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "lib/net/address.hpp"
#include "lib/net/error.hpp"

namespace weir {

struct proxy_header {
    address source;         // the client
    address destination;    // the address the client had connected to
    bool local = false;     // LOCAL, UNKNOWN, or not a stream: both addresses are empty, use those of the connection
    std::size_t bytes = 0;  // length of the header; what follows belongs to the connection
};

inline constexpr std::size_t max_proxy_v1_bytes = 107;           // the specification's worst case, with CR LF
inline constexpr std::size_t max_proxy_v2_payload_bytes = 4096;  // addresses: 216 at most; TLVs
inline constexpr std::size_t max_proxy_header_bytes = 16 + max_proxy_v2_payload_bytes;

/// An empty optional: not complete yet.
result<std::optional<proxy_header>> parse_proxy_header(std::string_view seen);

/// Appends a header that speaks for `source`, who had connected to `destination`. An IPv4 address beside an IPv6 one is
/// written as ::ffff:a.b.c.d. Where the version has no words for the pair (a Unix socket in version 1, a Unix socket
/// beside an IP address in version 2) the header says so: UNKNOWN, UNSPEC.
void append_proxy_v1(std::string& out, const address& source, const address& destination);
void append_proxy_v2(std::string& out, const address& source, const address& destination);

}  // namespace weir
