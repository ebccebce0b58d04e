#include "conf/schema_fields.hpp"

namespace weir::conf {
namespace {

const making redirects = {
    .add = [](target t) { return t.route->redirects.emplace(), t; },
    .count = [](target t) { return std::size_t{t.route->redirects.has_value()}; },
    .at = [](target t, std::size_t) { return t; },
    .once = true,
};
const making responses = {
    .add = [](target t) { return t.route->responds.emplace(), t; },
    .count = [](target t) { return std::size_t{t.route->responds.has_value()}; },
    .at = [](target t, std::size_t) { return t; },
    .once = true,
};
const making rates = {
    .add = [](target t) { return t.rate = &t.route->rates.emplace_back(), t; },
    .count = [](target t) { return t.route->rates.size(); },
    .at = [](target t, std::size_t i) { return t.rate = &t.route->rates[i], t; },
};
template <auto List>
const making actions = {
    .add = [](target t) { return t.action = &(t.route->*List).emplace_back(), t; },
    .count = [](target t) { return (t.route->*List).size(); },
    .at = [](target t, std::size_t i) { return t.action = &(t.route->*List)[i], t; },
};

/// `request_header set NAME VALUE`, `remove NAME`
std::vector<argument> action_arguments() {
    return {
        {.name = "set|add|remove",
         .what = kind::choice,
         .in = CHOICE(action->what),
         .words = {"set", "add", "remove"},
         .why = "set replaces, add keeps what is there"},
        {.name = "NAME",
         .what = kind::header_name,
         .in = FIELD(action->name),
         .why = "not one that frames messages or belongs to one connection: weir writes those"},
        {.name = "VALUE",
         .what = kind::header_value,
         .in = FIELD(action->value),
         .why =
             "may hold $host $target $path $client_address $request_id $scheme; of TLS $sni $tls_version $tls_cipher "
             "$client_certificate_verdict (none, ok, or failed: and why), and where it is ok "
             "$client_certificate_subject (as in RFC 4514) $client_certificate_fingerprint (SHA-256) "
             "$client_certificate_serial; $$ is a dollar sign",
         .optional = true,
         .shown = [](target t) { return t.action->what != header_action::kind::remove; }},
    };
}

}  // namespace

// An entry of the table is read as a whole; one member to a line would take it apart.
// clang-format off
std::vector<directive> schema_of_route() {
    return {
        {.name = "redirect", .where = scope::route, .why = "answer with a Location instead of asking a backend",
         .plain = {{.name = "STATUS", .what = kind::status, .in = FIELD(route->redirects->status),
                    .words = {"301", "302", "303", "307", "308"}},
                   {.name = "URL", .what = kind::url, .in = FIELD(route->redirects->to),
                    .why = "may hold variables: https://$host$target"}},
         .makes = redirects},
        {.name = "respond", .where = scope::route, .why = "answer with a fixed response instead of asking a backend",
         .plain = {{.name = "STATUS", .what = kind::number, .in = FIELD(route->responds->status), .low = 200,
                    .high = 599},
                   {.name = "BODY", .what = kind::text, .in = FIELD(route->responds->body), .fallback_words = "empty",
                    .optional = true}},
         .keyed = {{.name = "type", .what = kind::plain_value, .in = FIELD(route->responds->type),
                    .fallback = "text/plain; charset=utf-8", .why = "the Content-Type"}},
         .makes = responses},
        {.name = "request_header", .where = scope::route,
         .why = "changes what the backend sees; may repeat, in order",
         .plain = action_arguments(),
         .makes = actions<&route::request_headers>},
        {.name = "response_header", .where = scope::route,
         .why = "changes what the client sees; may repeat, in order",
         .plain = action_arguments(),
         .makes = actions<&route::response_headers>},
        {.name = "upgrade", .where = scope::route, .why = "protocols that a connection may switch to (Upgrade)",
         .plain = {{.name = "PROTOCOL", .what = kind::tokens, .in = FIELD(route->upgrades), .fallback = "websocket",
                    .none = "off"}}},
        {.name = "limit", .where = scope::route, .why = "requests of this route in flight, over all workers; others wait",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(route->limit), .fallback = "off", .low = 1,
                    .high = 1'000'000, .none = "off"}}},
        {.name = "retry", .where = scope::route, .why = "further tries, in place of the backend's number",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(route->retries), .fallback_words = "the backend's",
                    .high = 10, .shown = [](target t) { return t.route->retries.has_value(); }}}},
        {.name = "hedge", .where = scope::route, .why = "a second try beside a late first one, in place of the backend's",
         .keyed = {{.name = "after", SHAPED(read_hedging(text), t.route->hedge = *value, write_hedging(*t.route->hedge)),
                    .fallback_words = "the backend's", .words = {"off"}, .takes = "off, a percentile such as p95, or a time",
                    .shown = [](target t) { return t.route->hedge.has_value(); }}}},
        {.name = "race", .where = scope::route,
         .why = "ask so many servers at once and take the first good answer; for GET, HEAD and OPTIONS without a body",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(route->race), .fallback = "1", .low = 1, .high = 8}}},
        {.name = "priority", .where = scope::route,
         .why = "who goes first when there is not enough for all; header: the Priority header (RFC 9218) of a trusted "
                "peer, where u=0..2 is critical and u=4..7 sheddable",
         .plain = {{.name = "CLASS", .what = kind::choice, .in = CHOICE(route->cls), .fallback = "normal",
                    .words = {"critical", "normal", "sheddable", "header"}}}},
        {.name = "rate_limit", .where = scope::route,
         .why = "requests of one client; past it: 429 with Retry-After; may repeat",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(rate->requests), .low = 1, .high = 1'000'000}},
         .keyed = {{.name = "per", .what = kind::duration, .in = FIELD(rate->per), .fallback = "1s", .low = 1,
                    .high = day},
                   {.name = "burst", .what = kind::number, .in = FIELD(rate->burst), .fallback_words = "N", .low = 1,
                    .high = 1'000'000, .why = "at once, after a pause"},
                   {.name = "key", SHAPED(read_client_key(text), t.rate->key = *value, write_client_key(t.rate->key)),
                    .fallback = "client_address", .words = key_words, .why = "what tells clients apart",
                    .takes = "client_address or header:NAME"}},
         .makes = rates},
        {.name = "idempotency_key", .where = scope::route,
         .why = "a request that has this header may be repeated, whatever its method",
         .plain = {{.name = "NAME", .what = kind::header_name, .in = FIELD(route->idempotency_key), .fallback = "off",
                    .none = "off"}}},
        {.name = "breaker", .where = scope::route,
         .why = "route: this route has breakers of its own beside those of the servers, for one that fails where others work",
         .plain = {{.name = "server|route", .what = kind::choice, .in = FIELD(route->own_breakers),
                    .fallback = "server", .words = {"server", "route"}}}},
        {.name = "long_poll", .where = scope::route,
         .why = "responses are late on purpose: their times say nothing about the servers",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(route->long_poll), .fallback = "off",
                    .words = on_off}}},
        {.name = "timeout", .where = scope::route, .why = "in place of the backend's",
         .keyed = {{.name = "first_byte", .what = kind::duration, .in = FIELD(route->first_byte),
                    .fallback_words = "the backend's", .low = 1, .high = day,
                    .shown = [](target t) { return t.route->first_byte.has_value(); }},
                   {.name = "total", .what = kind::duration, .in = FIELD(route->total),
                    .fallback_words = "the backend's", .low = 1, .high = day,
                    .shown = [](target t) { return t.route->total.has_value(); }}}},
    };
}
// clang-format on

}  // namespace weir::conf
