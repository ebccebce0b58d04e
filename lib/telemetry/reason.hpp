#pragma once
/// The closed list of reasons why a request or connection did not end well.
///
/// One word explains every refusal, and it is the same word wherever an operator meets it: in the `Proxy-Status`
/// response header (RFC 9209, as `details`), in the access log, in a metric's label, in the error log.
///
///     auto why = reason::connect_timeout;
///     word(why)            // "connect_timeout"
///     status_for(why)      // 504
///     proxy_status_of(why) // "connection_timeout", the registered error type of RFC 9209 section 2.3
///
/// A new reason needs an entry in each of the switches of reason.cpp; none has a `default:`, so the compiler finds the
/// one that was forgotten. Pure; safe from any thread.
#include <cstdint>
#include <string_view>

namespace weir {

/// At whose end the fault lies; decides the level in the error log.
enum class party : std::uint8_t { client, backend, proxy };

enum class reason : std::uint8_t {
    none,  // it went well
    // The client's request
    bad_request,              // not one unambiguous HTTP/1.x message
    bad_framing,              // Content-Length and Transfer-Encoding that contradict each other or the specification
    bad_host,                 // Host missing, doubled or not a host
    unsupported_version,      // neither HTTP/1.0 nor HTTP/1.1
    unsupported_encoding,     // a Transfer-Encoding other than a single `chunked`
    unsupported_method,       // CONNECT, or a method that the proxy must not forward
    unsupported_expectation,  // Expect other than 100-continue
    target_too_long,          // request target over max_target
    head_too_large,           // request head over max_head
    too_many_headers,         // more fields than max_headers
    body_too_large,           // request body over max_body
    client_header_timeout,    // the head did not arrive in time
    client_body_timeout,      // the body stood still
    client_body_too_slow,     // the body came, but below the minimum rate
    client_closed,            // the client left before the answer was complete
    client_idle_timeout,      // the client did not read its answer
    bad_proxy_header,         // PROXY protocol header missing or malformed
    rate_limited,             // more requests, or new connections, than this client's share
    client_connections,       // more connections than one client may have
    plain_on_tls_port,        // what came is no TLS
    tls_on_plain_port,        // what came is a TLS handshake
    client_tls_failed,        // the TLS handshake failed: nothing in common, a certificate refused, or nonsense
    client_tls_timeout,       // the TLS handshake did not end in time
    unknown_name,             // tcp mode: no server name of the ClientHello is known here
    // The proxy
    no_route,         // no route matches
    no_server,        // no server of the backend can be used
    draining,         // the process is going down
    internal_error,   // a promise of our own was broken
    total_timeout,    // no answer within the request's whole time budget
    queue_full,       // the limit is reached and so is the queue's
    queue_timeout,    // waited in the queue for longer than its patience
    overloaded,       // refused because weir itself is short of processor, memory or descriptors
    breaker_open,     // the circuit breakers of all servers are open
    cannot_finish,    // what is left of the request's time is less than such a request usually takes
    handshakes_full,  // too many TLS handshakes are under way
    // The backend
    dns_failed,  // the server's name has no address
    connect_refused,
    connect_timeout,
    connect_failed,       // any other failure to connect
    tls_failed,           // the TLS handshake with the server failed
    tls_certificate,      // the server's certificate is not to be trusted
    tls_timeout,          // the TLS handshake with the server did not end in time
    first_byte_timeout,   // request sent, no answer
    try_timeout,          // no answer within the time of one try
    idle_timeout,         // the answer stood still
    tunnel_idle_timeout,  // nothing moved in a connection in tcp mode or after an upgrade
    backend_reset,        // connection broken before or within the answer
    backend_closed,       // connection closed before the answer
    bad_response,         // the answer is not one unambiguous HTTP/1.x message
    response_head_too_large,
    response_truncated,  // the body ended before its announced length
    bad_upgrade,         // a 101 that nobody asked for, or to a protocol that was not offered
};

inline constexpr int reason_count = static_cast<int>(reason::bad_upgrade) + 1;

/// The word itself, lower case with underscores. "none" for reason::none.
std::string_view word(reason why) noexcept;

/// The status weir answers with; 499 for a client that is gone (nobody sees it but the log), 200 for none.
int status_for(reason why) noexcept;

/// The error type registered by RFC 9209 section 2.3 that comes nearest.
std::string_view proxy_status_of(reason why) noexcept;

/// Whose fault it is.
party at_fault(reason why) noexcept;

}  // namespace weir
