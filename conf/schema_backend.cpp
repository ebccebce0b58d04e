#include "conf/schema_fields.hpp"

namespace weir::conf {
namespace {

constexpr auto is_hash = [](target t) { return t.backend->how == balance::hash; };
constexpr auto is_checked = [](target t) { return t.backend->health.how != health_check::kind::off; };
constexpr auto is_http_check = [](target t) { return t.backend->health.how == health_check::kind::http; };
constexpr auto has_breaker = [](target t) { return t.backend->breaker.on; };
constexpr auto has_outliers = [](target t) { return t.backend->outliers.on; };
constexpr auto has_fallback = [](target t) { return t.backend->fallback.how != fallback::kind::none; };
constexpr auto answers_itself = [](target t) {
    return has_fallback(t) && t.backend->fallback.how != fallback::kind::backend;
};

reading<unsigned> read_bound(std::string_view text) {
    const auto number = text.ends_with('%') ? read_number(text.substr(0, text.size() - 1)) : read_number("");
    if (!number || *number < 100 || *number > 1000) return std::unexpected{std::string{}};
    return static_cast<unsigned>(*number);
}

reading<unsigned> read_panic(std::string_view text) {
    return text == "off" ? reading<unsigned>{0} : read_percent(text);
}

/// A share that something can reach only by happening at all.
reading<unsigned> read_some(std::string_view text) {
    const auto permille = read_percent(text);
    if (permille && *permille < 10) return std::unexpected{std::string{}};
    return permille;
}

reading<health_check> read_check(std::string_view text) {
    health_check check;
    if (text == "off") return check;
    if (text == "tcp") {
        check.how = health_check::kind::tcp;
        return check;
    }
    if (text != "GET" && text != "HEAD" && text != "OPTIONS") return std::unexpected{std::string{}};
    check.how = health_check::kind::http;
    check.method = text;
    return check;
}

std::string write_check(const health_check& check) {
    switch (check.how) {
    case health_check::kind::off: return "off";
    case health_check::kind::tcp: return "tcp";
    case health_check::kind::http: break;
    }
    return check.method;
}

const making servers = {
    .add = [](target t) { return t.server = &t.backend->servers.emplace_back(), t; },
    .count = [](target t) { return t.backend->servers.size(); },
    .at = [](target t, std::size_t i) { return t.server = &t.backend->servers[i], t; },
};
target at_tls(target t, std::size_t) {
    t.client_tls = &*t.backend->tls;
    t.algorithms = &t.client_tls->algorithms;
    return t;
}
const making tls_block = {
    .add = [](target t) { return t.backend->tls.emplace(), at_tls(t, 0); },
    .count = [](target t) { return std::size_t{t.backend->tls.has_value()}; },
    .at = at_tls,
    .once = true,
};

}  // namespace

// An entry of the table is read as a whole; one member to a line would take it apart.
// clang-format off
std::vector<directive> schema_of_backend() {
    return {
        {.name = "server", .where = scope::backend, .why = "one of the servers; may repeat",
         .plain = {{.name = "ADDRESS", .what = kind::server_address, .in = FIELD(server->address),
                    .why = "10.0.0.1:80, [fd00::1]:80, name:80, unix:/run/app.sock"}},
         .keyed = {{.name = "weight", .what = kind::number, .in = FIELD(server->weight), .fallback = "1", .low = 1,
                    .high = 256, .why = "its share, relative to the others"},
                   {.name = "limit", .what = kind::number, .in = FIELD(server->limit), .fallback = "off", .low = 1,
                    .high = 1'000'000, .none = "off", .why = "in flight on this one, in place of an adaptive limit"},
                   {.name = "backup", .what = kind::choice, .in = FIELD(server->backup), .fallback = "off",
                    .words = on_off, .why = "only when no other can be used"}},
         .makes = servers},
        {.name = "tls", .where = scope::backend, .why = "speak TLS with the servers, and make sure that they are who they should be",
         .makes = tls_block, .has_block = block::may, .opens = scope::backend_tls},
        {.name = "balance", .where = scope::backend,
         .why = "which server is next; least_latency and p2c take the better of two drawn at random, which no herd can follow",
         .plain = {{.name = "NAME", .what = kind::choice, .in = CHOICE(backend->how), .fallback = "least_latency",
                    .words = {"least_latency", "p2c", "least_requests", "round_robin", "hash"},
                    .why = "least_latency: by response time and requests in flight; p2c, least_requests: by requests in "
                           "flight; hash: the same key to the same server (Maglev)"}},
         .keyed = {{.name = "key",
                    SHAPED(read_client_key(text), t.backend->hash_key = *value, write_client_key(t.backend->hash_key)),
                    .fallback = "client_address", .words = key_words, .why = "of hash", .takes = "client_address or header:NAME",
                    .shown = is_hash},
                   {.name = "bound",
                    SHAPED(read_bound(text), t.backend->hash_bound_percent = *value,
                           std::to_string(t.backend->hash_bound_percent) + "%"),
                    .fallback = "125%", .why = "of hash: of the mean load, that one server may get before others help",
                    .takes = "a share from 100% to 1000%", .shown = is_hash}}},
        {.name = "sticky", .where = scope::backend,
         .why = "a cookie that brings a client back to its server, as long as that one can be used",
         .plain = {{.name = "COOKIE", .what = kind::name, .in = FIELD(backend->sticky_cookie), .fallback = "off",
                    .none = "off"}}},
        {.name = "limit", .where = scope::backend,
         .why = "requests in flight, in tcp mode connections; adaptive measures response times and so is for http: "
                "in tcp mode it means off",
         .plain = {{.name = "N", SHAPED(read_limit(text), t.backend->limit = *value, write_limit(t.backend->limit)),
                    .fallback = "adaptive", .words = {"adaptive", "off"},
                    .why = "adaptive: what each server can take is learned from its response times; "
                           "a number: of the whole backend, exact over all workers",
                    .takes = "adaptive, off, or a whole number from 1 to 1000000"}}},
        {.name = "queue", .where = scope::backend, .why = "where requests wait that find the limit reached",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(backend->queue), .fallback = "auto", .low = 0,
                    .high = 1'000'000, .none = "auto", .why = "places; auto: ten times the limit, from 64 to 8192"}},
         .keyed = {{.name = "patience", .what = kind::duration, .in = FIELD(backend->patience), .fallback = "auto",
                    .low = 1, .high = hour, .none = "auto",
                    .why = "the longest wait; auto: eight times the usual response time, from 20ms to 500ms, and "
                           "100ms while that is unknown or below 1ms. A queue that never empties gets less, and serves "
                           "the newest first"},
                   {.name = "key",
                    SHAPED(read_client_key(text), t.backend->fair_key = *value, write_client_key(t.backend->fair_key)),
                    .fallback = "client_address", .words = key_words, .why = "whose requests take turns",
                    .takes = "client_address or header:NAME"}}},
        {.name = "retry", .where = scope::backend,
         .why = "further tries on another server, only where trying again is safe",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(backend->retry.times), .fallback = "2", .high = 10}},
         .keyed = {{.name = "on", SHAPED(read_causes(text), t.backend->retry.on = *value, write_causes(t.backend->retry.on)),
                    .fallback = "connect_failure,reset,503",
                    .why = "after what; all but connect_failure only for requests that may be repeated",
                    .takes = "none, or a list of connect_failure, reset, timeout and statuses from 400 to 599"},
                   {.name = "backoff",
                    SHAPED(read_span(text, milliseconds{1}, milliseconds{60'000}),
                           (t.backend->retry.backoff_first = value->first, t.backend->retry.backoff_most = value->most),
                           write_span(t.backend->retry.backoff_first, t.backend->retry.backoff_most)),
                    .fallback = "25ms..1s", .why = "the wait is drawn from 0 to the first, doubled each time up to the second",
                    .takes = "two times as in 25ms..1s"},
                   {.name = "budget", SHAPED(read_percent(text), t.backend->retry.budget_permille = *value,
                                             write_percent(t.backend->retry.budget_permille)),
                    .fallback = "10%", .why = "of the requests of the last ten seconds, over all workers, hedges included",
                    .takes = "a share from 0% to 100%"},
                   {.name = "reserve", .what = kind::number, .in = FIELD(backend->retry.reserve), .fallback = "1",
                    .high = 10'000, .why = "tries per second beside the budget, for when there is little traffic"},
                   {.name = "replay", .what = kind::size, .in = FIELD(backend->retry.replay_bytes), .fallback = "64KiB",
                    .low = 0, .high = 16 * MiB, .why = "of a request's body kept for another try"},
                   {.name = "trust_marker", .what = kind::choice, .in = FIELD(backend->retry.trust_marker),
                    .fallback = "off", .words = on_off,
                    .why = "believe X-Not-Processed: 1 on a 503, and repeat whatever the method is"}}},
        {.name = "breaker", .where = scope::backend, .why = "keeps requests from a server that fails, for a while",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(backend->breaker.on), .fallback = "on",
                    .words = on_off}},
         .keyed = {{.name = "failures", .what = kind::number, .in = FIELD(backend->breaker.failures), .fallback = "5",
                    .low = 1, .high = 10'000, .why = "in a row", .shown = has_breaker},
                   {.name = "share", SHAPED(read_some(text), t.backend->breaker.share_permille = *value,
                                            write_percent(t.backend->breaker.share_permille)),
                    .fallback = "50%", .why = "failed, of at least 20 requests within 10 s",
                    .takes = "a share from 1% to 100%", .shown = has_breaker},
                   {.name = "slow", .what = kind::duration, .in = FIELD(backend->breaker.slow), .fallback = "off",
                    .low = 1, .high = hour, .none = "off", .why = "a response that takes so long is slow",
                    .shown = has_breaker},
                   {.name = "slow_share", SHAPED(read_some(text), t.backend->breaker.slow_permille = *value,
                                                 write_percent(t.backend->breaker.slow_permille)),
                    .fallback = "80%", .why = "slow, of at least 20 requests within 10 s; only with slow=",
                    .takes = "a share from 1% to 100%", .shown = has_breaker},
                   {.name = "open",
                    SHAPED(read_span(text, milliseconds{10}, milliseconds{3'600'000}),
                           (t.backend->breaker.open_first = value->first, t.backend->breaker.open_most = value->most),
                           write_span(t.backend->breaker.open_first, t.backend->breaker.open_most)),
                    .fallback = "1s..1m", .why = "how long, doubled each time up to the second",
                    .takes = "two times as in 1s..1m", .shown = has_breaker}}},
        {.name = "outliers", .where = scope::backend, .why = "takes out a server that does clearly worse than the others",
         .plain = {{.name = "on|off", .what = kind::choice, .in = FIELD(backend->outliers.on), .fallback = "on",
                    .words = on_off}},
         .keyed = {{.name = "every", .what = kind::duration, .in = FIELD(backend->outliers.every), .fallback = "10s",
                    .low = 100, .high = hour, .why = "how often they are compared", .shown = has_outliers},
                   {.name = "eject",
                    SHAPED(read_span(text, milliseconds{100}, milliseconds{86'400'000}),
                           (t.backend->outliers.eject_first = value->first, t.backend->outliers.eject_most = value->most),
                           write_span(t.backend->outliers.eject_first, t.backend->outliers.eject_most)),
                    .fallback = "30s..5m", .why = "for how long, growing with each time",
                    .takes = "two times as in 30s..5m", .shown = has_outliers}}},
        {.name = "panic", .where = scope::backend,
         .why = "when fewer of the servers than this can be used, all are that are not known to be dead",
         .plain = {{.name = "SHARE", SHAPED(read_panic(text), t.backend->panic_permille = *value,
                                            t.backend->panic_permille > 0 ? write_percent(t.backend->panic_permille) : "off"),
                    .fallback = "50%", .words = {"off"}, .takes = "off or a share from 0% to 100%"}}},
        {.name = "slow_start", .where = scope::backend,
         .why = "a server that comes back gets 10 % of its share at first, and all of it after this time",
         .plain = {{.name = "TIME", .what = kind::duration, .in = FIELD(backend->slow_start), .fallback = "10s", .low = 0,
                    .high = hour, .none = "off"}}},
        {.name = "hedge", .where = scope::backend,
         .why = "a second try on another server when the first is late, for GET, HEAD and OPTIONS without a body",
         .keyed = {{.name = "after", SHAPED(read_hedging(text), t.backend->hedge = *value, write_hedging(t.backend->hedge)),
                    .fallback = "off", .words = {"off"}, .why = "a percentile is of the last ten seconds, and at least 5ms",
                    .takes = "off, a percentile such as p95, or a time"},
                   {.name = "budget", SHAPED(read_percent(text), t.backend->hedge_budget_permille = *value,
                                             write_percent(t.backend->hedge_budget_permille)),
                    .fallback = "5%", .why = "of the requests; hedges count in the budget of retries as well",
                    .takes = "a share from 0% to 100%"}}},
        {.name = "health", .where = scope::backend, .why = "ask each server whether it is well; those that are not get no requests",
         .plain = {{.name = "KIND", SHAPED(read_check(text), (t.backend->health.how = value->how, t.backend->health.method = value->method),
                                           write_check(t.backend->health)),
                    .fallback = "off", .words = {"off", "tcp", "GET", "HEAD", "OPTIONS"},
                    .why = "tcp: it accepts a connection; a method: it answers on PATH",
                    .takes = "off, tcp, GET, HEAD or OPTIONS"},
                   {.name = "PATH", .what = kind::request_path, .in = FIELD(backend->health.path), .optional = true,
                    .shown = is_http_check}},
         .keyed = {{.name = "every", .what = kind::duration, .in = FIELD(backend->health.every), .fallback = "2s",
                    .low = 100, .high = hour, .why = "give or take a tenth", .shown = is_checked},
                   {.name = "timeout", .what = kind::duration, .in = FIELD(backend->health.timeout), .fallback = "1s",
                    .low = 1, .high = hour, .why = "for all of it", .shown = is_checked},
                   {.name = "rise", .what = kind::number, .in = FIELD(backend->health.rise), .fallback = "2", .low = 1,
                    .high = 1000, .why = "so many good ones in a row bring a server back", .shown = is_checked},
                   {.name = "fall", .what = kind::number, .in = FIELD(backend->health.fall), .fallback = "3", .low = 1,
                    .high = 1000, .why = "so many bad ones in a row take it out", .shown = is_checked},
                   {.name = "status",
                    SHAPED(read_statuses(text),
                           (t.backend->health.lowest_status = value->first, t.backend->health.highest_status = value->second),
                           write_statuses(t.backend->health.lowest_status, t.backend->health.highest_status)),
                    .fallback = "200-399", .why = "that is well", .takes = "a status or a range such as 200-399",
                    .shown = is_http_check},
                   {.name = "host", .what = kind::host, .in = FIELD(backend->health.host),
                    .fallback_words = "the server's address", .why = "the Host header",
                    .shown = [](target t) { return is_http_check(t) && !t.backend->health.host.empty(); }}}},
        {.name = "fallback", .where = scope::backend, .why = "for when no server can be used or connected to",
         .plain = {{.name = "KIND", .what = kind::choice, .in = CHOICE(backend->fallback.how), .fallback = "none",
                    .words = {"none", "backend", "respond", "file"},
                    .why = "another backend, a text, or what a file holds when weir starts"},
                   {.name = "WHAT", .what = kind::text, .in = FIELD(backend->fallback.what), .optional = true,
                    .shown = has_fallback}},
         .keyed = {{.name = "status", .what = kind::number, .in = FIELD(backend->fallback.status), .fallback = "503",
                    .low = 200, .high = 599, .why = "of respond and file", .shown = answers_itself},
                   {.name = "type", .what = kind::plain_value, .in = FIELD(backend->fallback.type),
                    .fallback = "text/plain; charset=utf-8", .why = "of respond and file: the Content-Type",
                    .shown = answers_itself}}},
        {.name = "deadline_header", .where = scope::backend,
         .why = "tells the server how many milliseconds we will wait, so that it need not work on what nobody waits for",
         .plain = {{.name = "NAME", .what = kind::header_name, .in = FIELD(backend->deadline_header),
                    .fallback = "X-Request-Timeout-Ms", .none = "off"}}},
        {.name = "send_proxy", .where = scope::backend, .why = "start every connection with a PROXY protocol header",
         .plain = {{.name = "VERSION", .what = kind::choice, .in = CHOICE(backend->send_proxy), .fallback = "off",
                    .words = {"off", "v1", "v2"}}}},
        {.name = "timeout", .where = scope::backend, .why = "how long a server may keep us waiting",
         .keyed = {{.name = "connect", .what = kind::duration, .in = FIELD(backend->timeout.connect),
                    .fallback = "1s", .low = 1, .high = hour, .why = "one try to connect"},
                   {.name = "tls", .what = kind::duration, .in = FIELD(backend->timeout.tls), .fallback = "3s", .low = 1,
                    .high = hour, .why = "a whole TLS handshake"},
                   {.name = "first_byte", .what = kind::duration, .in = FIELD(backend->timeout.first_byte),
                    .fallback = "15s", .low = 1, .high = day, .why = "from the request sent to the response begun"},
                   {.name = "idle", .what = kind::duration, .in = FIELD(backend->timeout.idle), .fallback = "30s",
                    .low = 1, .high = day, .why = "between two pieces of a response"},
                   {.name = "tunnel_idle", .what = kind::duration, .in = FIELD(backend->timeout.tunnel_idle),
                    .fallback = "1h", .low = 1, .high = 30 * day, .why = "nothing moves either way, in tcp mode or after Upgrade"},
                   {.name = "total", .what = kind::duration, .in = FIELD(backend->timeout.total), .fallback = "30s",
                    .low = 1, .high = day, .why = "from the request's head to the response's, all tries together"},
                   {.name = "per_try", SHAPED(read_per_try(text), t.backend->timeout.per_try = *value,
                                              write_per_try(t.backend->timeout.per_try)),
                    .fallback = "auto", .words = {"auto", "off"},
                    .why = "one try up to the response's head; auto: half of total if retry has on=timeout, else off",
                    .takes = "auto, off or a time from 1ms to 1d"}}},
        {.name = "keep_alive", .where = scope::backend, .why = "connections kept for the next request",
         .keyed = {{.name = "idle", .what = kind::duration, .in = FIELD(backend->keep_alive.idle), .fallback = "4s",
                    .low = 1, .high = hour,
                    .why = "stay below the servers' own limit, often 5s, or requests meet a closing connection"},
                   {.name = "age", .what = kind::duration, .in = FIELD(backend->keep_alive.age), .fallback = "10m",
                    .low = second, .high = 30 * day, .why = "so that a changed name is followed"},
                   {.name = "requests", .what = kind::number, .in = FIELD(backend->keep_alive.requests),
                    .fallback = "1000", .low = 1, .high = 1'000'000'000, .why = "on one connection"},
                   {.name = "connections", .what = kind::number, .in = FIELD(backend->keep_alive.connections),
                    .fallback = "128", .high = 65536, .why = "idle ones, per server and worker; 0: keep none"}}},
        {.name = "max_head", .where = scope::backend, .why = "a response's first line and headers; past it: 502",
         .plain = {{.name = "SIZE", .what = kind::size, .in = FIELD(backend->max_head_bytes), .fallback = "64KiB",
                    .low = KiB, .high = MiB}}},
        {.name = "resolve", .where = scope::backend, .why = "names of servers are looked up again",
         .keyed = {{.name = "every", .what = kind::duration, .in = FIELD(backend->resolve_every), .fallback = "30s",
                    .low = second, .high = day, .why = "how often"}}},
    };
}
// clang-format on

}  // namespace weir::conf
