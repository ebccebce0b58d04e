#include "conf/schema_fields.hpp"

namespace weir::conf {
namespace {

const making routes = {
    .add = [](target t) { return t.route = &t.listener->routes.emplace_back(), t; },
    .count = [](target t) { return t.listener->routes.size(); },
    .at = [](target t, std::size_t i) { return t.route = &t.listener->routes[i], t; },
};
const making sni_routes = {
    .add = [](target t) { return t.sni = &t.listener->sni.emplace_back(), t; },
    .count = [](target t) { return t.listener->sni.size(); },
    .at = [](target t, std::size_t i) { return t.sni = &t.listener->sni[i], t; },
};
target at_tls(target t, std::size_t) {
    t.server_tls = &*t.listener->tls;
    t.algorithms = &t.server_tls->algorithms;
    return t;
}
const making tls_block = {
    .add = [](target t) { return t.listener->tls.emplace(), at_tls(t, 0); },
    .count = [](target t) { return std::size_t{t.listener->tls.has_value()}; },
    .at = at_tls,
    .once = true,
};

constexpr auto has_connection_rate = [](target t) { return t.listener->connection_rate.requests > 0; };

}  // namespace

// An entry of the table is read as a whole; one member to a line would take it apart.
// clang-format off
std::vector<directive> schema_of_listen() {
    return {
        {.name = "protocol", .where = scope::listen,
         .why = "http understands requests; tcp moves bytes",
         .plain = {{.name = "NAME", .what = kind::choice, .in = CHOICE(listener->protocol), .fallback = "http",
                    .words = {"http", "tcp"}}}},
        {.name = "default_backend", .where = scope::listen,
         .why = "where goes what no route and no sni matches, and all of a tcp listener without sni; default: none",
         .plain = {{.name = "BACKEND", .what = kind::reference, .in = FIELD(listener->default_backend),
                    .shown = [](target t) { return t.listener->default_backend.has_value(); }}}},
        {.name = "route", .where = scope::listen,
         .why = "which requests go where; the first that matches, in the order of the file; may repeat",
         .plain = {{.name = "PREFIX", .what = kind::prefix, .in = FIELD(route->prefix),
                    .why = "compared by whole segments: /a matches /a and /a/b, not /ab"},
                   {.name = "BACKEND", .what = kind::reference, .in = FIELD(route->backend),
                    .why = "left out when the block redirects or responds", .optional = true,
                    .shown = [](target t) { return t.route->backend.has_value(); }}},
         .keyed = {{.name = "host", .what = kind::hosts, .in = FIELD(route->hosts), .fallback_words = "any",
                    .why = "*.example.com matches the names below example.com",
                    .shown = [](target t) { return !t.route->hosts.empty(); }},
                   {.name = "method", .what = kind::methods, .in = FIELD(route->methods), .fallback_words = "any",
                    .shown = [](target t) { return !t.route->methods.empty(); }}},
         .makes = routes, .has_block = block::may, .opens = scope::route, .http_only = true},
        {.name = "sni", .where = scope::listen,
         .why = "tcp only: which TLS connections go where, unopened, by the name in the ClientHello; the first that matches, "
                "in the order of the file; what none matches goes to default_backend, or is closed; may repeat",
         .plain = {{.name = "NAMES", .what = kind::hosts, .in = FIELD(sni->names), .none = "*",
                    .why = "*.example.com matches the names below example.com; *: any name, and none"},
                   {.name = "BACKEND", .what = kind::reference, .in = FIELD(sni->backend)}},
         .keyed = {{.name = "alpn", .what = kind::alpn, .in = FIELD(sni->alpn), .fallback_words = "any, and none",
                    .why = "the client must offer one of them", .shown = [](target t) { return !t.sni->alpn.empty(); }}},
         .makes = sni_routes},
        {.name = "tls", .where = scope::listen, .why = "clients speak TLS, which ends here", .makes = tls_block,
         .has_block = block::must, .opens = scope::listen_tls},
        {.name = "max_connections", .where = scope::listen,
         .why = "client connections of this listener, over all workers",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(listener->max_connections), .fallback = "20000",
                    .low = 1, .high = 10'000'000}}},
        {.name = "backlog", .where = scope::listen,
         .why = "connections that the kernel holds until they are accepted",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(listener->backlog), .fallback = "1024", .low = 1,
                    .high = 65535}}},
        {.name = "defer_accept", .where = scope::listen,
         .why = "accept once data has arrived (TCP_DEFER_ACCEPT), one wake-up less; only where the client speaks first",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(listener->defer_accept),
                    .fallback_words = "on for http over TCP, else off", .words = on_off}}},
        {.name = "accept_proxy", .where = scope::listen,
         .why = "every connection must start with a PROXY protocol header, v1 or v2",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(listener->accept_proxy), .fallback = "off",
                    .words = on_off}}},
        {.name = "trusted", .where = scope::listen,
         .why = "peers whose X-Forwarded-* and Forwarded headers are kept; unix: whoever comes by a Unix socket",
         .plain = {{.name = "NETWORK", .what = kind::networks, .in = FIELD(listener->trusted), .fallback = "none",
                    .none = "none"}},
         .http_only = true},
        {.name = "forwarded", .where = scope::listen, .why = "how the backend learns who the client is",
         .plain = {{.name = "STYLE", .what = kind::choice, .in = CHOICE(listener->forwarded), .fallback = "both",
                    .words = {"off", "x_forwarded", "rfc7239", "both"}}},
         .http_only = true},
        {.name = "max_head", .where = scope::listen, .why = "a request's first line and headers; past it: 431",
         .plain = {{.name = "SIZE", .what = kind::size, .in = FIELD(listener->max_head_bytes), .fallback = "16KiB",
                    .low = KiB, .high = MiB}},
         .http_only = true},
        {.name = "max_target", .where = scope::listen, .why = "a request's target; past it: 414",
         .plain = {{.name = "SIZE", .what = kind::size, .in = FIELD(listener->max_target_bytes), .fallback = "8KiB",
                    .low = 64, .high = MiB}},
         .http_only = true},
        {.name = "max_headers", .where = scope::listen, .why = "header fields of a request; past it: 431",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(listener->max_headers), .fallback = "100",
                    .low = 1, .high = 10'000}},
         .http_only = true},
        {.name = "max_body", .where = scope::listen,
         .why = "a request's body; past it: 413. Bodies are streamed, so size costs weir no memory",
         .plain = {{.name = "SIZE", .what = kind::size, .in = FIELD(listener->max_body_bytes),
                    .fallback = "unlimited", .low = 0, .high = GiB * MiB, .none = "unlimited"}},
         .http_only = true},
        {.name = "timeout", .where = scope::listen, .why = "how long a client may keep us waiting",
         .keyed = {{.name = "tls", .what = kind::duration, .in = FIELD(listener->timeout.tls), .fallback = "10s",
                    .low = 1, .high = hour, .why = "for a whole TLS handshake; with sni: for the ClientHello"},
                   {.name = "client_header", .what = kind::duration, .in = FIELD(listener->timeout.client_header),
                    .fallback = "10s", .low = 1, .high = hour,
                    .why = "for a whole request head, and for a PROXY protocol header"},
                   {.name = "client_body", .what = kind::duration, .in = FIELD(listener->timeout.client_body),
                    .fallback = "15s", .low = 1, .high = hour, .why = "between two pieces of a body",
                    .http_only = true},
                   {.name = "keep_alive", .what = kind::duration, .in = FIELD(listener->timeout.keep_alive),
                    .fallback = "60s", .low = 1, .high = day, .why = "between two requests", .http_only = true}}},
        {.name = "min_body_rate", .where = scope::listen,
         .why = "bytes per second that a body must reach after its first 10 s, against slow senders",
         .plain = {{.name = "SIZE", .what = kind::size, .in = FIELD(listener->min_body_rate), .fallback = "1KiB",
                    .low = 1, .high = GiB, .none = "off"}},
         .http_only = true},
        {.name = "max_requests", .where = scope::listen,
         .why = "on one client connection, then it is closed, so that clients spread anew",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(listener->max_requests), .fallback = "10000",
                    .low = 1, .high = 1'000'000'000}},
         .http_only = true},
        {.name = "max_connections_per_client", .where = scope::listen,
         .why = "of one address, or of one /64 of IPv6, over all workers; one more is closed at once",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(listener->max_connections_per_client),
                    .fallback = "off", .low = 1, .high = 10'000'000, .none = "off"}}},
        {.name = "connection_rate", .where = scope::listen,
         .why = "new connections of one address, or of one /64 of IPv6, over all workers; one more is closed at once",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(listener->connection_rate.requests),
                    .fallback = "off", .low = 1, .high = 1'000'000, .none = "off"}},
         .keyed = {{.name = "per", .what = kind::duration, .in = FIELD(listener->connection_rate.per), .fallback = "1s",
                    .low = 1, .high = day, .shown = has_connection_rate},
                   {.name = "burst", .what = kind::number, .in = FIELD(listener->connection_rate.burst),
                    .fallback_words = "N", .low = 1, .high = 1'000'000, .why = "at once, after a pause",
                    .shown = has_connection_rate}}},
        {.name = "deadline_header", .where = scope::listen,
         .why = "the milliseconds that a trusted peer will wait, which may shorten our own limit",
         .plain = {{.name = "NAME", .what = kind::header_name, .in = FIELD(listener->deadline_header),
                    .fallback = "X-Request-Timeout-Ms", .none = "off"}},
         .http_only = true},
    };
}
// clang-format on

}  // namespace weir::conf
