#include "conf/schema.hpp"

#include "conf/units.hpp"

namespace weir::conf {
namespace {

constexpr std::uint64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
constexpr std::uint64_t KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;

/// The field that `of` names, seen from a target; the table would drown in lambdas otherwise.
#define FIELD(of) [](target t) -> field { return &t.of; }
#define CHOICE(of) [](target t) -> field { return choice_of(t.of); }

template <class E> field choice_of(E& of) {
    static_assert(sizeof(E) == 1);
    return choice{reinterpret_cast<std::uint8_t*>(&of)};
}

// How directives that make something make it.

template <auto List> target add_listener(target t) { return t.listener = &(t.whole->*List).emplace_back(), t; }
template <auto List> target add_backend(target t) { return t.backend = &(t.whole->*List).emplace_back(), t; }

const making listeners = {
    .add = add_listener<&config::listeners>,
    .count = [](target t) { return t.whole->listeners.size(); },
    .at = [](target t, std::size_t i) { return t.listener = &t.whole->listeners[i], t; },
};
const making backends = {
    .add = add_backend<&config::backends>,
    .count = [](target t) { return t.whole->backends.size(); },
    .at = [](target t, std::size_t i) { return t.backend = &t.whole->backends[i], t; },
};
const making routes = {
    .add = [](target t) { return t.route = &t.listener->routes.emplace_back(), t; },
    .count = [](target t) { return t.listener->routes.size(); },
    .at = [](target t, std::size_t i) { return t.route = &t.listener->routes[i], t; },
};
const making servers = {
    .add = [](target t) { return t.server = &t.backend->servers.emplace_back(), t; },
    .count = [](target t) { return t.backend->servers.size(); },
    .at = [](target t, std::size_t i) { return t.server = &t.backend->servers[i], t; },
};
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
         .why = "may hold $host $target $path $client_address $request_id $scheme; $$ is a dollar sign",
         .optional = true,
         .shown = [](target t) { return t.action->what != header_action::kind::remove; }},
    };
}

const std::vector<std::string_view> on_off = {"off", "on"};  // as false and true

// An entry of the table is read as a whole; one member to a line would take it apart.
// clang-format off
std::vector<directive> make_table() {
    return {
        // ---- top ----
        {.name = "workers", .where = scope::top, .why = "threads with an event loop; auto: one per core",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(whole->workers), .fallback = "auto", .low = 1,
                    .high = 1024, .none = "auto"}}},
        {.name = "max_connections", .where = scope::top,
         .why = "client connections over all listeners; auto: what the limit of file descriptors allows",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(whole->max_connections), .fallback = "auto",
                    .low = 1, .high = 10'000'000, .none = "auto"}}},
        {.name = "pid_file", .where = scope::top,
         .why = "where the process id is written; weir -s finds the process by it",
         .plain = {{.name = "PATH", .what = kind::path, .in = FIELD(whole->pid_file), .fallback = "off",
                    .none = "off"}}},
        {.name = "user", .where = scope::top,
         .why = "whom to become once the addresses are bound; default: stay who we are",
         .plain = {{.name = "NAME", .what = kind::name, .in = FIELD(whole->user),
                    .shown = [](target t) { return !t.whole->user.empty(); }},
                   {.name = "GROUP", .what = kind::name, .in = FIELD(whole->group),
                    .fallback_words = "the group of the user", .optional = true,
                    .shown = [](target t) { return !t.whole->group.empty(); }}}},
        {.name = "access_log", .where = scope::top, .why = "one line for every request and connection",
         .plain = {{.name = "PATH", .what = kind::path, .in = FIELD(whole->access_log), .fallback = "stdout",
                    .words = {"stdout", "stderr"}, .none = "off"}},
         .keyed = {{.name = "format", .what = kind::choice, .in = CHOICE(whole->access_format), .fallback = "text",
                    .words = {"text", "json"}, .why = "the same fields either way"},
                   {.name = "queue", .what = kind::number, .in = FIELD(whole->access_queue), .fallback = "8192",
                    .low = 1, .high = 1'048'576,
                    .why = "lines that may wait, per worker; past it lines are dropped and counted, "
                           "for a slow disk must not stop traffic"}}},
        {.name = "error_log", .where = scope::top, .why = "what the process has to say",
         .plain = {{.name = "PATH", .what = kind::path, .in = FIELD(whole->error_log), .fallback = "stderr",
                    .words = {"stderr"}}},
         .keyed = {{.name = "level", .what = kind::choice, .in = CHOICE(whole->error_level), .fallback = "info",
                    .words = {"debug", "info", "warn", "error"}, .why = "the least that is written"}}},
        {.name = "drain", .where = scope::top, .why = "how TERM ends the process",
         .keyed = {{.name = "lame_duck", .what = kind::duration, .in = FIELD(whole->drain.lame_duck),
                    .fallback = "5s", .low = 0, .high = hour,
                    .why = "still accepting, while load balancers take notice"},
                   {.name = "deadline", .what = kind::duration, .in = FIELD(whole->drain.deadline), .fallback = "25s",
                    .low = 0, .high = day,
                    .why = "from TERM to the end at the latest; below the 30s after which supervisors kill"}}},
        {.name = "listen", .where = scope::top, .why = "an address to accept clients on; may repeat",
         .plain = {{.name = "ADDRESS", .what = kind::listen_address, .in = FIELD(listener->address),
                    .why = "8080 (every address), 127.0.0.1:8080, [::1]:8080, unix:/run/weir.sock; port 0: "
                           "the kernel chooses"}},
         .makes = listeners, .has_block = block::must, .opens = scope::listen},
        {.name = "backend", .where = scope::top, .why = "a named group of servers that can do the same; may repeat",
         .plain = {{.name = "NAME", .what = kind::name, .in = FIELD(backend->name)}},
         .makes = backends, .has_block = block::must, .opens = scope::backend},

        // ---- listen ----
        {.name = "protocol", .where = scope::listen,
         .why = "http understands requests; tcp moves bytes to default_backend",
         .plain = {{.name = "NAME", .what = kind::choice, .in = CHOICE(listener->protocol), .fallback = "http",
                    .words = {"http", "tcp"}}}},
        {.name = "default_backend", .where = scope::listen,
         .why = "where goes what no route matches, and all of a tcp listener; default: none",
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
         .keyed = {{.name = "client_header", .what = kind::duration, .in = FIELD(listener->timeout.client_header),
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

        // ---- route ----
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

        // ---- backend ----
        {.name = "server", .where = scope::backend, .why = "one of the servers; may repeat",
         .plain = {{.name = "ADDRESS", .what = kind::server_address, .in = FIELD(server->address),
                    .why = "10.0.0.1:80, [fd00::1]:80, name:80, unix:/run/app.sock"}},
         .keyed = {{.name = "weight", .what = kind::number, .in = FIELD(server->weight), .fallback = "1", .low = 1,
                    .high = 256, .why = "its share, relative to the others"}},
         .makes = servers},
        {.name = "balance", .where = scope::backend,
         .why = "which server is next; p2c takes the less loaded of two drawn at random, which no herd can follow",
         .plain = {{.name = "NAME", .what = kind::choice, .in = CHOICE(backend->how), .fallback = "p2c",
                    .words = {"p2c", "least_requests", "round_robin"}}}},
        {.name = "retry", .where = scope::backend,
         .why = "further tries on another server, only where trying again is safe",
         .plain = {{.name = "N", .what = kind::number, .in = FIELD(backend->retries), .fallback = "2", .high = 10}}},
        {.name = "send_proxy", .where = scope::backend, .why = "start every connection with a PROXY protocol header",
         .plain = {{.name = "VERSION", .what = kind::choice, .in = CHOICE(backend->send_proxy), .fallback = "off",
                    .words = {"off", "v1", "v2"}}}},
        {.name = "timeout", .where = scope::backend, .why = "how long a server may keep us waiting",
         .keyed = {{.name = "connect", .what = kind::duration, .in = FIELD(backend->timeout.connect),
                    .fallback = "1s", .low = 1, .high = hour, .why = "one try to connect"},
                   {.name = "first_byte", .what = kind::duration, .in = FIELD(backend->timeout.first_byte),
                    .fallback = "15s", .low = 1, .high = day, .why = "from the request sent to the response begun"},
                   {.name = "idle", .what = kind::duration, .in = FIELD(backend->timeout.idle), .fallback = "30s",
                    .low = 1, .high = day, .why = "between two pieces of a response"},
                   {.name = "tunnel_idle", .what = kind::duration, .in = FIELD(backend->timeout.tunnel_idle),
                    .fallback = "1h", .low = 1, .high = 30 * day, .why = "nothing moves either way, in tcp mode or after Upgrade"},
                   {.name = "total", .what = kind::duration, .in = FIELD(backend->timeout.total), .fallback = "30s",
                    .low = 1, .high = day, .why = "from the request's head to the response's, all tries together"}}},
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

/// "a", "a or b", "a, b or c"
std::string listed(const std::vector<std::string_view>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

}  // namespace

std::span<const directive> schema() {
    static const std::vector<directive> table = make_table();
    return table;
}

const directive* find_directive(scope where, std::string_view name) {
    for (const auto& each : schema())
        if (each.where == where && each.name == name) return &each;
    return nullptr;
}

std::string_view word(scope where) {
    switch (where) {
    case scope::top: return "";
    case scope::listen: return "listen";
    case scope::backend: return "backend";
    case scope::route: return "route";
    }
    return {};
}

std::string expectation(const argument& of) {
    const auto range = [&of](auto write) { return " from " + write(of.low) + " to " + write(of.high); };
    std::string out;
    switch (of.what) {
    case kind::number: out = "a whole number" + range([](std::uint64_t n) { return std::to_string(n); }); break;
    case kind::duration: out = "a time" + range(write_milliseconds); break;
    case kind::size: out = "a size" + range(write_bytes); break;
    case kind::choice:
    case kind::status: return of.words == on_off ? "on or off" : listed(of.words);
    case kind::name: out = "a name of at most 64 letters, digits and -._"; break;
    case kind::path: {
        auto words = of.words;
        if (!of.none.empty()) words.push_back(of.none);
        words.push_back("a path with a '/' in it");
        return listed(words);
    }
    case kind::reference: out = "the name of a backend"; break;
    case kind::listen_address: out = "an IP address and port, a port, or unix:/path"; break;
    case kind::server_address: out = "a host and port, or unix:/path"; break;
    case kind::networks: out = "a list of networks such as 10.0.0.0/8,::1,unix"; break;
    case kind::hosts: out = "a list of host names such as example.com,*.example.com"; break;
    case kind::methods: out = "a list of methods such as GET,HEAD"; break;
    case kind::tokens: out = "a list of protocols such as websocket"; break;
    case kind::prefix: out = "the start of a path"; break;
    case kind::url: out = "a URL"; break;
    case kind::header_name: out = "the name of a header"; break;
    case kind::header_value:
    case kind::plain_value: out = "the value of a header"; break;
    case kind::text: out = "a text"; break;
    }
    if (!of.none.empty()) out.insert(0, std::string{of.none} + " or ");
    return out;
}

#undef FIELD
#undef CHOICE

}  // namespace weir::conf
