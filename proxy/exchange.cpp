#include "proxy/exchange.hpp"

#include <charconv>

#include "lib/async/race.hpp"
#include "lib/http/upgrade.hpp"
#include "lib/http/write.hpp"
#include "proxy/dial.hpp"
#include "proxy/heads.hpp"
#include "proxy/response_body.hpp"
#include "proxy/tunnel.hpp"
#include "proxy/upload.hpp"

namespace weir {
namespace {

constexpr unsigned most_interim_responses = 32;
constexpr auto unwatched_for = 10ms;

/// What one try works with.
struct attempt {
    attempt(request& what, std::size_t index)
        : r{what}, backend{*what.backend}, index{index}, to{backend.shared.servers()[index]}, busy{to.begin()},
          kept_head{what.worker.response_heads.take()}, head{*kept_head} {}
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    ~attempt() { r.worker.response_heads.give_back(std::move(kept_head)); }

    request& r;
    backend_view& backend;
    std::size_t index;
    server& to;
    server::permit busy;  // counted as in flight until we end
    std::unique_ptr<server_connection> connection;
    std::unique_ptr<http::response_head> kept_head;  // goes back when we end
    http::response_head& head;
    time_point sent_at{};
    std::unique_ptr<upload> body;  // while a request body is on its way

    byte_stream& stream() const { return *connection->stream; }
    std::string doing(std::string_view what) const {
        std::string text{what};
        return text.append(" ").append(to.name()).append(" of ").append(backend.shared.name());
    }
    std::unexpected<error> broken(std::string_view what, const io_error* why = nullptr) const {
        auto text = doing(what);
        if (why) text.append(": ").append(why->text());
        return fail(why ? reason::backend_reset : reason::backend_closed, std::move(text));
    }
};

task<result<>> open_connection(attempt& a, pooled_connections pooled) {
    auto& r = a.r;
    auto& pool = *a.backend.pools[a.index];
    r.chosen = &a.to;
    r.connecting = nanoseconds{-1};
    const bool only_once = !r.repeatable() || r.head.framing().has_body();
    if (pooled == pooled_connections::allowed) a.connection = pool.take(only_once);
    r.reused = a.connection != nullptr;
    if (r.reused) co_return {};
    const auto began = r.time().now();
    auto fresh = co_await timeout_at(r.time(), r.deadline, dial(r.worker, a.backend, a.index, r.client));
    if (!fresh) co_return fail(reason::total_timeout, a.doing("connect to"), false);
    if (!*fresh) co_return std::unexpected{std::move(fresh->error())};
    a.connection = std::move(**fresh);
    r.connecting = r.time().now() - began;
    co_return {};
}

/// `Keep-Alive: timeout=5`, as many servers say how long they keep an idle connection.
void heed_keep_alive(attempt& a) {
    const auto value = a.head.find(http::field_id::keep_alive);
    if (!value) return;
    constexpr std::string_view word = "timeout=";
    const auto at = value->find(word);
    if (at == value->npos) return;
    const auto digits = value->substr(at + word.size());
    unsigned seconds = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), seconds).ec == std::errc{})
        a.backend.pools[a.index]->hint(std::chrono::seconds{seconds});
}

/// Sends the head, and the body too where the client's buffer already holds all of it; else starts an upload.
task<result<>> send_request(attempt& a) {
    auto& r = a.r;
    const auto framing = r.head.framing();
    const bool whole = framing.how != http::body_framing::kind::length || r.client.in().size() >= framing.length;
    const auto body = framing.how == http::body_framing::kind::length && whole ? r.client.in().substr(0, framing.length)
                                                                               : std::string_view{};
    auto& out = r.worker.scratch;
    out.clear();
    compose_request(out, r);
    const auto limit = a.backend.shared.settings().timeout.idle;
    const auto until = std::min(r.deadline, r.time().now() + limit);
    const auto sent = co_await timeout_at(r.time(), until, a.stream().write(out, body));
    if (!sent)
        co_return fail(until < r.deadline ? reason::idle_timeout : reason::total_timeout,
                       a.doing("send request head to"));
    if (!*sent) {
        auto failure = a.broken("send request head to", &sent->error());
        failure.error().sent = !sent->error().nothing_sent;
        co_return failure;
    }
    r.bytes_in += body.size();
    r.client.consume(body.size());
    r.body_taken = !body.empty();
    a.sent_at = r.time().now();
    if (framing.has_body() && body.empty()) {
        a.body = std::make_unique<upload>(r, a.stream(), limit);
        a.body->start();
    } else {
        r.body_done = true;
    }
    co_return {};
}

enum class heard { bytes, end, broken, client_left, body_progress, too_late };

/// Waits for bytes from the server, watching the client meanwhile.
task<heard> listen(attempt& a, time_point deadline) {
    auto& r = a.r;
    const auto of = [](const io_result<std::size_t>& got) {
        return !got ? heard::broken : *got == 0 ? heard::end : heard::bytes;
    };
    if (a.body && !a.body->ended()) {
        auto first = co_await timeout_at(r.time(), deadline, race(a.stream().fill(), a.body->progress()));
        if (!first) co_return heard::too_late;
        co_return first->index() == 0 ? of(std::get<0>(*first)) : heard::body_progress;
    }
    if (!r.client.in().empty()) {  // more requests wait behind this one; only a write will tell if the client is gone
        auto got = co_await timeout_at(r.time(), deadline, a.stream().fill());
        co_return got ? of(*got) : heard::too_late;
    }
    if (!r.client.is_watched()) {  // a new connection: most answers are here before it is worth watching for its end
        auto soon =
            co_await timeout_at(r.time(), std::min(deadline, r.time().now() + unwatched_for), a.stream().fill());
        if (soon) co_return of(*soon);
        if (r.time().now() >= deadline) co_return heard::too_late;
    }
    auto first = co_await timeout_at(r.time(), deadline, race(a.stream().fill(), r.client.closed()));
    if (!first) co_return heard::too_late;
    co_return first->index() == 0 ? of(std::get<0>(*first)) : heard::client_left;
}

/// When the answer's head is due. Time that the client spends sending its body does not count, and has its own limits.
time_point head_due(const attempt& a) {
    if (a.body && !a.body->ended()) return time_point::max();
    const auto sent = a.body ? a.body->ended_at() : a.sent_at;
    const auto deadline = a.body ? a.r.deadline + (sent - a.sent_at) : a.r.deadline;
    return std::min(sent + a.backend.shared.settings().timeout.first_byte, deadline);
}

/// Reads one response head, interim or final, into a.head.
task<result<>> read_head(attempt& a) {
    auto& r = a.r;
    http::head_limits limits;
    limits.max_head_bytes = a.backend.shared.settings().max_head_bytes;
    limits.max_headers = r.listener.settings.max_headers;
    http::response_parser parser;
    while (true) {
        const auto used = parser.parse(a.stream().in(), limits, a.head);
        if (!used) co_return fail(used.error().why, a.doing("read response head from") + ": " + used.error().doing);
        if (*used > 0) {
            a.stream().consume(*used);
            co_return {};
        }
        // A body that the server stopped taking may still get an answer; one that the client did not finish may not.
        const auto* failure = a.body && a.body->failure() ? &*a.body->failure() : nullptr;
        if (failure && at_fault(failure->why) == party::client) co_return std::unexpected{*failure};
        switch (co_await listen(a, head_due(a))) {
        case heard::bytes:
        case heard::body_progress: break;
        case heard::end: co_return a.broken("read response head from");
        case heard::broken: {
            const io_error reset{ECONNRESET};
            co_return a.broken("read response head from", &reset);
        }
        case heard::client_left: co_return fail(reason::client_closed, a.doing("wait for response of"));
        case heard::too_late: {
            if (failure) co_return std::unexpected{*failure};
            const auto sent = a.body ? a.body->ended_at() : a.sent_at;
            const bool total = head_due(a) < sent + a.backend.shared.settings().timeout.first_byte;
            co_return fail(total ? reason::total_timeout : reason::first_byte_timeout, a.doing("wait for response of"));
        }
        }
    }
}

task<result<>> forward_interim(attempt& a) {
    auto& r = a.r;
    const bool wanted = a.head.status() == 100 ? r.head.expects_continue() : r.head.minor() >= 1;
    if (!wanted) co_return {};
    auto& out = r.worker.scratch;
    out.clear();
    http::append_interim(out, a.head);
    r.bytes_out += out.size();
    const auto sent = co_await timeout(r.time(), a.backend.shared.settings().timeout.idle, r.client.write(out));
    if (!sent) co_return fail(reason::client_idle_timeout, "send interim response");
    if (!*sent) co_return fail(reason::client_closed, "send interim response");
    co_return {};
}

/// 101: what was asked for and allowed becomes a tunnel; anything else is the server's fault.
task<result<>> switch_protocols(attempt& a) {
    auto& r = a.r;
    const auto protocol = http::check_switch(r.head, a.head, r.route->upgrades);
    if (!protocol)
        co_return fail(protocol.error().why, a.doing("read response head from") + ": " + protocol.error().doing);
    auto& out = r.worker.scratch;
    out.clear();
    http::append_switch(out, a.head, *protocol);
    r.answered = true;
    r.status = 101;
    r.keep_client = false;
    const auto limit = a.backend.shared.settings().timeout.idle;
    const auto sent = co_await timeout(r.time(), limit, r.client.write(out));
    r.bytes_out += out.size();
    if (!sent || !*sent) {
        r.why = sent ? reason::client_closed : reason::client_idle_timeout;
        r.cut = true;
        co_return {};
    }
    const auto moved = co_await tunnel(r.worker, r.client, a.stream(), a.backend.shared.settings().timeout.tunnel_idle);
    r.bytes_in += moved.from_client;
    r.bytes_out += moved.from_server;
    r.why = moved.why;
    r.cut = moved.why != reason::none;
    co_return {};
}

}  // namespace

task<result<>> exchange(request& r, std::size_t server_index, pooled_connections pooled) {
    attempt a{r, server_index};
    if (auto open = co_await open_connection(a, pooled); !open) co_return open;
    if (auto sent = co_await send_request(a); !sent) co_return sent;

    for (unsigned interim = 0;; ++interim) {
        if (auto read = co_await read_head(a); !read) co_return read;
        if (a.head.status() == 101) co_return co_await switch_protocols(a);
        if (!a.head.is_interim()) break;
        if (interim == most_interim_responses)
            co_return fail(reason::bad_response, a.doing("read response head from") + ": too many interim responses");
        if (auto told = co_await forward_interim(a); !told) co_return told;
    }
    r.first_byte = r.time().now() - a.sent_at;

    response_relay relay{r, a.head, a.stream(), a.backend.shared.settings().timeout.idle};
    relay.server_may_stay = (!a.body || a.body->succeeded()) && a.head.keep_alive();
    if (r.worker.closing) r.keep_client = false;
    if (relay.server_may_stay) heed_keep_alive(a);
    relay.release = [&a] {
        if (a.connection) a.backend.pools[a.index]->put(std::move(a.connection));
        a.busy.reset();
    };
    co_await relay_response(relay);
    if (a.body && !a.body->succeeded()) r.keep_client = false;  // an answer before the request's end
    co_return {};
}

}  // namespace weir
