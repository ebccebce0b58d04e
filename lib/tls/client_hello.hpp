#pragma once
/// What a client asks for in its first flight (RFC 8446 4.1.2, RFC 5246 7.4.1.2), read before anything is decided.
///
///     client_hello hello;
///     switch (parse_client_hello(seen, hello)) {
///     case hello_state::incomplete: ...              // read more, ask again with all of it
///     case hello_state::complete: route(hello.server_name, hello.alpn);
///     case hello_state::not_tls: ...                 // plain HTTP, SSLv2, SSH
///
/// Pure and stateless, without OpenSSL: a listener that passes TLS through peeks with it, one that terminates learns
/// what the handshake will cost. The answer does not depend on how the bytes were sliced, nor on how the client split
/// its message into records. Values it does not know (GREASE, RFC 8701) are skipped, lengths must fit exactly.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tls {

inline constexpr std::size_t max_client_hello_bytes =
    16 * 1024;  // as sent, with record headers; real ones: 200 to 2,000

enum class hello_state : std::uint8_t {
    incomplete,  // fine so far
    complete,
    not_tls,    // the first bytes are no TLS record with a handshake message
    malformed,  // TLS, but no well-formed ClientHello
    too_large,  // over max_client_hello_bytes
};

struct client_hello {
    std::string server_name = {};        // lower case, without a final dot; empty: none sent
    std::vector<std::string> alpn = {};  // in the client's order; may hold any bytes
    bool tls13 = false;                  // offers TLS 1.3
    bool offers_resumption = false;      // a pre-shared key (1.3), or a session ticket that is not empty (1.2)
    bool offers_ecdsa = false;           // takes a certificate with an ECDSA key
};

/// `into` is meaningful when the answer is `complete`. It may be used again, which saves its allocations.
hello_state parse_client_hello(std::string_view seen, client_hello& into);

}  // namespace weir::tls
