#include "lib/telemetry/reason.hpp"

#include <utility>

namespace weir {

std::string_view word(reason why) noexcept {
    switch (why) {
    case reason::none: return "none";
    case reason::bad_request: return "bad_request";
    case reason::bad_framing: return "bad_framing";
    case reason::bad_host: return "bad_host";
    case reason::unsupported_version: return "unsupported_version";
    case reason::unsupported_encoding: return "unsupported_encoding";
    case reason::unsupported_method: return "unsupported_method";
    case reason::unsupported_expectation: return "unsupported_expectation";
    case reason::target_too_long: return "target_too_long";
    case reason::head_too_large: return "head_too_large";
    case reason::too_many_headers: return "too_many_headers";
    case reason::body_too_large: return "body_too_large";
    case reason::client_header_timeout: return "client_header_timeout";
    case reason::client_body_timeout: return "client_body_timeout";
    case reason::client_body_too_slow: return "client_body_too_slow";
    case reason::client_closed: return "client_closed";
    case reason::client_idle_timeout: return "client_idle_timeout";
    case reason::bad_proxy_header: return "bad_proxy_header";
    case reason::rate_limited: return "rate_limited";
    case reason::client_connections: return "client_connections";
    case reason::plain_on_tls_port: return "plain_on_tls_port";
    case reason::tls_on_plain_port: return "tls_on_plain_port";
    case reason::client_tls_failed: return "client_tls_failed";
    case reason::client_tls_timeout: return "client_tls_timeout";
    case reason::unknown_name: return "unknown_name";
    case reason::no_route: return "no_route";
    case reason::no_server: return "no_server";
    case reason::draining: return "draining";
    case reason::internal_error: return "internal_error";
    case reason::total_timeout: return "total_timeout";
    case reason::queue_full: return "queue_full";
    case reason::queue_timeout: return "queue_timeout";
    case reason::overloaded: return "overloaded";
    case reason::breaker_open: return "breaker_open";
    case reason::cannot_finish: return "cannot_finish";
    case reason::handshakes_full: return "handshakes_full";
    case reason::dns_failed: return "dns_failed";
    case reason::connect_refused: return "connect_refused";
    case reason::connect_timeout: return "connect_timeout";
    case reason::connect_failed: return "connect_failed";
    case reason::tls_failed: return "tls_failed";
    case reason::tls_certificate: return "tls_certificate";
    case reason::tls_timeout: return "tls_timeout";
    case reason::first_byte_timeout: return "first_byte_timeout";
    case reason::try_timeout: return "try_timeout";
    case reason::idle_timeout: return "idle_timeout";
    case reason::tunnel_idle_timeout: return "tunnel_idle_timeout";
    case reason::backend_reset: return "backend_reset";
    case reason::backend_closed: return "backend_closed";
    case reason::bad_response: return "bad_response";
    case reason::response_head_too_large: return "response_head_too_large";
    case reason::response_truncated: return "response_truncated";
    case reason::bad_upgrade: return "bad_upgrade";
    }
    std::unreachable();
}

int status_for(reason why) noexcept {
    switch (why) {
    case reason::none: return 200;
    case reason::bad_request:
    case reason::bad_framing:
    case reason::bad_host:
    case reason::plain_on_tls_port:
    case reason::tls_on_plain_port:
    case reason::client_tls_failed:
    case reason::bad_proxy_header: return 400;
    case reason::no_route: return 404;
    case reason::client_header_timeout:
    case reason::client_tls_timeout:
    case reason::client_body_timeout:
    case reason::client_body_too_slow: return 408;
    case reason::body_too_large: return 413;
    case reason::target_too_long: return 414;
    case reason::unsupported_expectation: return 417;
    case reason::unknown_name: return 421;
    case reason::head_too_large:
    case reason::too_many_headers: return 431;
    case reason::rate_limited:
    case reason::client_connections: return 429;
    case reason::client_closed:
    case reason::client_idle_timeout: return 499;
    case reason::internal_error: return 500;
    case reason::unsupported_encoding:            // RFC 9112 section 6.1
    case reason::unsupported_method: return 501;  // RFC 9110 section 9.1: unrecognised or not implemented
    case reason::dns_failed:
    case reason::connect_refused:
    case reason::connect_failed:
    case reason::tls_failed:
    case reason::tls_certificate:
    case reason::backend_reset:
    case reason::backend_closed:
    case reason::bad_response:
    case reason::response_head_too_large:
    case reason::response_truncated:
    case reason::bad_upgrade: return 502;
    case reason::no_server:
    case reason::draining:
    case reason::queue_full:
    case reason::queue_timeout:
    case reason::overloaded:
    case reason::breaker_open:
    case reason::cannot_finish:
    case reason::handshakes_full: return 503;
    case reason::total_timeout:
    case reason::connect_timeout:
    case reason::tls_timeout:
    case reason::first_byte_timeout:
    case reason::try_timeout:
    case reason::idle_timeout:
    case reason::tunnel_idle_timeout: return 504;
    case reason::unsupported_version: return 505;
    }
    std::unreachable();
}

std::string_view proxy_status_of(reason why) noexcept {
    switch (why) {
    case reason::none: return "";
    case reason::bad_request:
    case reason::bad_framing:
    case reason::bad_host:
    case reason::unsupported_version:
    case reason::unsupported_encoding:
    case reason::unsupported_method:
    case reason::unsupported_expectation:
    case reason::target_too_long:
    case reason::head_too_large:
    case reason::too_many_headers:
    case reason::body_too_large:
    case reason::client_header_timeout:
    case reason::client_body_timeout:
    case reason::client_body_too_slow:
    case reason::client_closed:
    case reason::client_idle_timeout:
    case reason::plain_on_tls_port:
    case reason::bad_proxy_header: return "http_request_error";
    case reason::tls_on_plain_port:
    case reason::client_tls_failed:
    case reason::client_tls_timeout:
    case reason::tls_failed: return "tls_protocol_error";
    case reason::tls_certificate: return "tls_certificate_error";
    case reason::tls_timeout: return "connection_timeout";
    case reason::rate_limited: return "http_request_denied";
    case reason::unknown_name:
    case reason::no_route: return "destination_not_found";
    case reason::no_server:
    case reason::breaker_open: return "destination_unavailable";
    case reason::client_connections:
    case reason::handshakes_full:
    case reason::queue_full:
    case reason::queue_timeout: return "connection_limit_reached";
    case reason::overloaded:
    case reason::cannot_finish: return "proxy_internal_response";
    case reason::draining: return "proxy_internal_response";
    case reason::internal_error: return "proxy_internal_error";
    case reason::total_timeout:
    case reason::try_timeout: return "http_response_timeout";
    case reason::dns_failed: return "dns_error";
    case reason::connect_refused: return "connection_refused";
    case reason::connect_timeout: return "connection_timeout";
    case reason::connect_failed: return "destination_ip_unroutable";
    case reason::first_byte_timeout:
    case reason::idle_timeout:
    case reason::tunnel_idle_timeout: return "connection_read_timeout";
    case reason::backend_reset:
    case reason::backend_closed: return "connection_terminated";
    case reason::bad_response: return "http_protocol_error";
    case reason::response_head_too_large: return "http_response_header_section_size";
    case reason::response_truncated: return "http_response_incomplete";
    case reason::bad_upgrade: return "http_upgrade_failed";
    }
    std::unreachable();
}

party at_fault(reason why) noexcept {
    switch (why) {
    case reason::bad_request:
    case reason::bad_framing:
    case reason::bad_host:
    case reason::unsupported_version:
    case reason::unsupported_encoding:
    case reason::unsupported_method:
    case reason::unsupported_expectation:
    case reason::target_too_long:
    case reason::head_too_large:
    case reason::too_many_headers:
    case reason::body_too_large:
    case reason::client_header_timeout:
    case reason::client_body_timeout:
    case reason::client_body_too_slow:
    case reason::client_closed:
    case reason::client_idle_timeout:
    case reason::bad_proxy_header:
    case reason::rate_limited:
    case reason::plain_on_tls_port:
    case reason::tls_on_plain_port:
    case reason::client_tls_failed:
    case reason::client_tls_timeout:
    case reason::unknown_name:
    case reason::client_connections: return party::client;
    case reason::none:  // nobody's; the proxy's own normal work
    case reason::no_route:
    case reason::no_server:
    case reason::draining:
    case reason::internal_error:
    case reason::total_timeout:
    case reason::queue_full:
    case reason::queue_timeout:
    case reason::overloaded:
    case reason::breaker_open:
    case reason::cannot_finish:
    case reason::handshakes_full: return party::proxy;
    case reason::dns_failed:
    case reason::connect_refused:
    case reason::connect_timeout:
    case reason::connect_failed:
    case reason::tls_failed:
    case reason::tls_certificate:
    case reason::tls_timeout:
    case reason::first_byte_timeout:
    case reason::try_timeout:
    case reason::idle_timeout:
    case reason::tunnel_idle_timeout:
    case reason::backend_reset:
    case reason::backend_closed:
    case reason::bad_response:
    case reason::response_head_too_large:
    case reason::response_truncated:
    case reason::bad_upgrade: return party::backend;
    }
    std::unreachable();
}

}  // namespace weir
