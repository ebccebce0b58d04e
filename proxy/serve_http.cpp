#include "proxy/serve_http.hpp"

#include <charconv>

#include "lib/async/race.hpp"
#include "lib/http/answer.hpp"
#include "lib/http/forwarded.hpp"
#include "lib/net/proxy_protocol.hpp"
#include "proxy/forward.hpp"
#include "proxy/own_answer.hpp"
#include "proxy/request.hpp"
#include "proxy/standing.hpp"
#include "proxy/tls_accept.hpp"
#include "proxy/turn_away.hpp"

namespace weir {
namespace {

constexpr auto last_word_limit = 1s;

http::head_limits limits_of(const conf::listener& settings) {
    http::head_limits limits;
    limits.max_head_bytes = settings.max_head_bytes;
    limits.max_target_bytes = settings.max_target_bytes;
    limits.max_headers = settings.max_headers;
    return limits;
}

/// The head, as far as it is here. False: more bytes are needed.
result<bool> take_head(request& r, http::request_parser& parser) {
    const auto used = parser.parse(r.client.in(), limits_of(r.listener.settings), r.head);
    if (!used) return std::unexpected{used.error()};
    if (*used == 0) return false;
    r.client.consume(*used);
    r.bytes_in += *used;
    r.has_head = true;
    r.head_done = r.time().now();
    return true;
}

/// Waits for the rest of it. False: the client left.
task<result<bool>> read_rest(request& r, http::request_parser& parser) {
    const auto deadline = r.began + r.listener.settings.timeout.client_header;
    while (true) {
        const auto got = co_await timeout_at(r.time(), deadline, r.client.fill());
        if (!got) co_return fail(reason::client_header_timeout, "read request head");
        if (!*got || **got == 0) {
            r.status = status_for(reason::client_closed);
            r.why = reason::client_closed;
            co_return false;
        }
        auto taken = take_head(r, parser);
        if (!taken || *taken) co_return taken;
    }
}

/// How long a client should wait that has used up what one of the route's rates gives it; nothing: it has not.
std::optional<std::chrono::seconds> over_rate(request& r) {
    for (auto& rate : r.way->rates) {
        const auto key = key_of(rate.settings.key, r);
        const std::lock_guard lock{rate.mutex};
        if (const auto wait = rate.clients.take(key, r.time().now())) return *wait;
    }
    return std::nullopt;
}

/// What a trusted peer will wait at most, in milliseconds; forward() takes it where it is shorter than our own limit.
void take_deadline(request& r) {
    const auto& name = r.listener.settings.deadline_header;
    if (!r.trusted || name.empty()) return;
    const auto value = r.head.fields().find(name);
    if (!value) return;
    std::uint32_t wait = 0;
    const auto [end, problem] = std::from_chars(value->data(), value->data() + value->size(), wait);
    if (problem == std::errc{} && end == value->data() + value->size()) r.deadline = r.head_done + milliseconds{wait};
}

/// From the complete head to the answer. Decides at once, and returns what is to be awaited, if anything.
task<void> respond(request& r, bool may_keep) {
    auto& settings = r.listener.settings;
    r.trusted = r.listener.trusted.contains(r.client.peer());
    if (const auto kept = http::request_id_of(r.head, r.trusted)) r.kept_id = *kept;
    const auto framing = r.head.framing();
    r.body_done = !framing.has_body();
    r.keep_client = r.head.keep_alive() && may_keep && !r.worker.closing && !r.client.is_worn();

    if (settings.max_body_bytes && framing.how == http::body_framing::kind::length &&
        framing.length > *settings.max_body_bytes)
        return refuse(r, reason::body_too_large, "read request head: Content-Length over max_body");
    r.way = r.listener.shared.routes.find(r.head);
    if (!r.way) return refuse(r, reason::no_route, "find a route");
    r.route = &r.way->settings;
    const auto limit = http::read_max_forwards(r.head);
    if (!limit) return refuse(r, limit.error().why, limit.error().doing);
    take_deadline(r);
    r.cls = class_of(*r.route, r);
    if (r.worker.ladder.refuses_some() && r.worker.ladder.refuse(r.cls, key_of(r.client.peer()), r.time().now()))
        return refuse(r, reason::overloaded, "take one more request");
    if (const auto wait = over_rate(r)) {
        r.retry_after = *wait;
        return refuse(r, reason::rate_limited, "keep to the client's rate");
    }
    if (const auto own = route_answer(r, *limit)) return answer(r, *own);
    r.backend = &r.worker.backends[*r.route->backend];
    return forward(r);
}

/// No time even to read what is asked.
task<void> refuse_unread(worker_context& w, byte_stream& client) {
    w.numbers.refused_total[static_cast<std::size_t>(reason::overloaded)].add();
    const auto sent = co_await client.write_until(w.time.after(last_word_limit), http::refusal_unread);
    if (sent && *sent) co_await close_politely(client);
}

/// True if the connection may carry another request.
task<bool> serve_request(worker_context& w, listener_view& listener, byte_stream& client, const tls_facts* tls,
                         bool may_keep) {
    request r{w, listener, client};
    r.tls = tls;
    http::request_parser parser;
    auto taken = take_head(r, parser);
    if (taken && !*taken) taken = co_await read_rest(r, parser);
    if (taken && *taken) {
        co_await respond(r, may_keep);
    } else if (!taken) {
        r.body_done = false;  // whatever follows cannot be understood
        co_await refuse(r, taken.error().why, taken.error().doing);
    }
    if (r.parting) {
        const auto bytes = w.scratch.size();
        const auto sent = co_await client.write_until(w.time.after(*r.parting), w.scratch);
        if (sent && *sent) r.bytes_out += bytes;
        else cut_off(r, sent ? broken_by(sent->error(), reason::client_closed) : reason::client_idle_timeout);
    }
    log_request(r);
    if (r.keep_client) co_return true;
    if (r.cut) co_return false;  // an orderly end would make what the client has look whole
    const bool client_has_spoken = r.has_head && r.body_done && !r.head.keep_alive() && client.in().empty();
    if (!client_has_spoken && !client.at_end()) co_await close_politely(client);
    co_return false;
}

}  // namespace

task<bool> accept_proxy_header(worker_context& w, listener_view& listener, byte_stream& client) {
    const auto until = w.time.now() + listener.settings.timeout.client_header;
    while (true) {
        auto header = parse_proxy_header(client.in());
        if (header && *header) {
            client.consume((*header)->bytes);
            if (!(*header)->local) client.set_peer((*header)->source);
            co_return true;
        }
        std::string problem;
        if (!header) {
            problem = std::move(header.error().doing);
        } else {
            const auto got = co_await timeout_at(w.time, until, client.fill());
            if (got && *got && **got > 0) continue;
            if (client.in().empty()) co_return false;  // a probe that connects and leaves is no news
            problem = "read PROXY header: cut short";
        }
        note_turned_away(w, log_level::warn, reason::bad_proxy_header, problem, client);
        co_return false;
    }
}

/// The next request, or its beginning. Not written out below: its parts would have a place each in that frame.
static timeout_awaiter<byte_stream::fill_awaiter> next_bytes(worker_context& w, const conf::listener& settings,
                                                             byte_stream& client, bool first) {
    const auto patience = first ? settings.timeout.client_header : settings.timeout.keep_alive;
    return timeout(w.time, w.idle_wait(patience), client.fill());
}

// Everything that lives while a connection is idle lies in this one frame.
task<void> serve_http(worker_context& w, listener_view& listener, admitted client) {
    const auto& settings = listener.settings;
    auto& stream = *client.stream;
    if (settings.accept_proxy) {
        if (!co_await accept_proxy_header(w, listener, stream)) co_return;
        if (!enter_as_client(w, listener, client)) co_return;
    }
    if (settings.tls && !co_await begin_tls(w, listener, stream)) co_return;
    const auto facts = listener.tells_tls_facts ? facts_of(stream) : nullptr;
    for (unsigned left = settings.max_requests; left > 0; --left) {
        if (stream.in().empty()) {
            if (w.closing_idle) co_return;
            idle_client entry{stream};
            w.idle_clients.push_back(entry);
            const auto got = co_await next_bytes(w, settings, stream, left == settings.max_requests);
            if (!got || !*got || **got == 0) co_return;
        }
        if (w.ladder.refuse_before_parsing()) co_return co_await refuse_unread(w, stream);
        if (looks_like_tls(stream.in()) && !stream.layer()) co_return co_await refuse_tls(w, stream);
        if (!co_await serve_request(w, listener, stream, facts.get(), left > 1)) co_return;
    }
}

}  // namespace weir
